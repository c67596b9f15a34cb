//! The numbers of the three sizes. A container that breaks one is stopped by the kernel, whatever runs
//! in it.

use crate::class::Size;
use serde::{Deserialize, Serialize};

const MIB: u64 = 1 << 20;

/// One `ulimit`, soft and hard alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ulimit {
    /// As `setrlimit(2)` names it, in lower case and without `RLIMIT_`.
    pub name: String,
    /// Its value, in that limit's own unit.
    pub value: u64,
}

/// What a container may use up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resources {
    /// Processes and threads: bounds a fork bomb.
    pub pids: u32,
    /// Memory, temporary file systems included: bounds what one container takes from the others.
    pub memory_bytes: u64,
    /// Memory and swap together; equal to memory, so there is no swap.
    pub memory_swap_bytes: u64,
    /// CPU time in one period.
    pub cpu_quota_us: u32,
    /// The period: short, so that a throttled neighbour waits milliseconds.
    pub cpu_period_us: u32,
    /// `/tmp`.
    pub tmp_bytes: u64,
    /// `/run`.
    pub run_bytes: u64,
    /// Files and directories in `/tmp`: an empty file takes kernel memory and no byte of the size.
    pub tmp_inodes: u32,
    /// Files and directories in `/run`.
    pub run_inodes: u32,
    /// Limits of the process.
    pub ulimits: Vec<Ulimit>,
}

impl Resources {
    /// The numbers of a size.
    #[must_use]
    pub fn of(size: Size) -> Self {
        match size {
            Size::Small => Self::with(512 * MIB, 5_000, [64 * MIB, 16 * MIB], [4_096, 1_024], 256 * MIB, 1_800),
            Size::Large => Self::with(2048 * MIB, 20_000, [2048 * MIB, 100 * MIB], [65_536, 4_096], 1024 * MIB, 7_200),
            // A compiler writes no file at all; 120 seconds of two CPUs.
            Size::Build => Self::with(2048 * MIB, 20_000, [MIB, MIB], [16, 16], 0, 240),
        }
    }

    fn with(
        memory_bytes: u64,
        cpu_quota_us: u32,
        [tmp_bytes, run_bytes]: [u64; 2],
        [tmp_inodes, run_inodes]: [u32; 2],
        fsize: u64,
        cpu_s: u64,
    ) -> Self {
        let ulimit = |name: &str, value| Ulimit { name: name.to_owned(), value };
        Self {
            pids: 100,
            memory_bytes,
            memory_swap_bytes: memory_bytes,
            cpu_quota_us,
            cpu_period_us: 10_000,
            tmp_bytes,
            run_bytes,
            tmp_inodes,
            run_inodes,
            ulimits: vec![
                // A leak of descriptors ends before it costs the kernel much.
                ulimit("nofile", 1024),
                // A core file would be a copy of the runner's memory on a mount.
                ulimit("core", 0),
                // One file cannot fill the disk behind a mount.
                ulimit("fsize", fsize),
                // Seconds. The kernel kills a process that ignored the end of its input, and one that
                // the engine lost.
                ulimit("cpu", cpu_s),
            ],
        }
    }
}
