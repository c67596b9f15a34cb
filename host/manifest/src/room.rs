//! How much guest memory a container has room for. A guest that fills its container meets the kernel's
//! OOM killer, which ends the runner and every other call in it, instead of a limit of its own.

use crate::model::{ContainerSize, RunnerScope};

/// What the runner itself needs: its code, the pool's metadata, frames in flight.
pub const RUNNER_BYTES: u64 = 64 << 20;

impl ContainerSize {
    /// The container's memory, with swap equal to it.
    #[must_use]
    pub const fn memory_bytes(self) -> u64 {
        match self {
            Self::Small => 512 << 20,
            Self::Large => 2 << 30,
        }
    }

    /// Size of `/tmp`.
    #[must_use]
    pub const fn tmp_bytes(self) -> u64 {
        match self {
            Self::Small => 64 << 20,
            Self::Large => 2 << 30,
        }
    }

    /// Size of `/run`.
    #[must_use]
    pub const fn run_bytes(self) -> u64 {
        match self {
            Self::Small => 16 << 20,
            Self::Large => 100 << 20,
        }
    }

    /// What is left for guests. In the large container `/tmp` is as large as the memory itself, so
    /// counting it would leave nothing; it is not counted there because no grant reaches it: a guest
    /// writes to mounts only, and mounts are not memory.
    #[must_use]
    pub const fn guest_bytes(self) -> u64 {
        let tmpfs = match self {
            Self::Small => self.tmp_bytes().saturating_add(self.run_bytes()),
            Self::Large => 0,
        };
        self.memory_bytes().saturating_sub(tmpfs).saturating_sub(RUNNER_BYTES)
    }
}

/// How many calls a container serves at once.
pub(crate) fn calls_at_once(runner: RunnerScope, concurrent_calls: u32) -> u64 {
    match runner {
        RunnerScope::Session => u64::from(concurrent_calls),
        RunnerScope::Call => 1,
    }
}
