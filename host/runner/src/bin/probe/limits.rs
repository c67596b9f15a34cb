//! Using things up. Each says how far it came; one that is killed has said so on the way.

use crate::{Attempt, errno, say};
use std::fs::File;
use std::io::Write;
use std::thread;
use std::time::Duration;

/// No limit is looked for beyond these.
const MOST_THREADS: usize = 4_096;
const MOST_FILES: usize = 100_000;
const MOST_MIB: usize = 8_192;
const MIB: usize = 1 << 20;

pub(crate) const ATTEMPTS: &[Attempt] = &[
    ("threads", threads),
    ("memory", memory),
    ("fill /tmp", || fill("/tmp")),
    ("fill /run", || fill("/run")),
    ("open files", open_files),
    ("spin", spin),
];

/// Threads that wait, until there are no more: the number and what stopped it.
fn threads() -> String {
    for count in 0..MOST_THREADS {
        let waiting = thread::Builder::new().stack_size(16 << 10).spawn(|| thread::sleep(Duration::from_secs(600)));
        if let Err(error) = waiting {
            return format!("{count} {}", errno(&error));
        }
    }
    format!("{MOST_THREADS} allowed")
}

/// Touches memory until the kernel kills the process.
fn memory() -> String {
    let mut held: Vec<Vec<u8>> = Vec::new();
    for mib in 1..=MOST_MIB {
        let mut chunk = Vec::new();
        if chunk.try_reserve_exact(MIB).is_err() {
            return format!("{mib} ENOMEM");
        }
        chunk.resize(MIB, 1);
        held.push(chunk);
        if mib % 64 == 0 {
            say("memory so far", &format!("{mib} MiB"));
        }
    }
    format!("{} allowed", std::hint::black_box(&held).len())
}

/// Writes a file until something stops it: MiB and what.
fn fill(directory: &str) -> String {
    let path = format!("{directory}/probe-fill");
    let mut written = 0;
    let end = File::create(&path).and_then(|mut file| {
        let block = vec![1; MIB];
        while written < MOST_MIB {
            file.write_all(&block)?;
            written += 1;
        }
        Ok(())
    });
    let _ = std::fs::remove_file(&path);
    format!("{written} {}", end.map_or_else(|error| errno(&error), |()| "allowed".to_owned()))
}

fn open_files() -> String {
    let mut held = Vec::new();
    for count in 0..MOST_FILES {
        match File::open("/dev/null") {
            Ok(file) => held.push(file),
            Err(error) => return format!("{count} {}", errno(&error)),
        }
    }
    format!("{MOST_FILES} allowed")
}

/// Burns a second of CPU time and says how long it took, in milliseconds: a quota of half a CPU makes
/// two seconds of it.
fn spin() -> String {
    let started = std::time::Instant::now();
    let mut used = Duration::ZERO;
    let mut sum = 0_u64;
    while used < Duration::from_secs(1) {
        for number in 0..1_000_000_u64 {
            sum = std::hint::black_box(sum.wrapping_add(number));
        }
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        used = Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0));
    }
    started.elapsed().as_millis().to_string()
}
