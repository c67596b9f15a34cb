//! Using things up. Each says how far it came and what stopped it; one that is killed has said so on the way.

use crate::files::remove;
use crate::{Attempt, apart, errno, say};
use std::fs::{self, File};
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
    ("fork bomb", fork_bomb),
    ("memory", memory),
    ("fill /tmp", |lock| fill("/tmp", lock)),
    ("fill /run", |lock| fill("/run", lock)),
    ("files in /tmp", |lock| many_files("/tmp", lock)),
    ("files in /run", |lock| many_files("/run", lock)),
    ("memory and /tmp together", |lock| {
        let _ = File::create("/tmp/probe-kept").and_then(|mut file| file.write_all(&vec![1; 48 * MIB]));
        memory(lock)
    }),
    ("open files", open_files),
    ("CPU beyond its quota", spin),
];

/// Processes and threads of the container, as the kernel counts them.
fn most_processes() -> usize {
    let read = |path| fs::read_to_string(path).ok()?.trim().parse().ok();
    read("/sys/fs/cgroup/pids.max").or_else(|| read("/sys/fs/cgroup/pids/pids.max")).unwrap_or(0)
}

fn stopped(count: usize, most: usize, error: &std::io::Error) -> String {
    // The number is that of this machine's other threads in the container away from the limit.
    if count <= most && most <= 100 { format!("{} within {most}", errno(error)) } else { format!("{count} of {most}") }
}

/// Threads that wait, until there are no more.
fn threads(lock: &dyn Fn()) -> String {
    let most = most_processes();
    lock();
    for count in 0..MOST_THREADS {
        let waiting = thread::Builder::new().stack_size(16 << 10).spawn(|| {
            loop {
                thread::park();
            }
        });
        if let Err(error) = waiting {
            return stopped(count, most, &error);
        }
    }
    format!("{MOST_THREADS} allowed")
}

/// Children that wait, until there are no more; each is ended and waited for.
fn fork_bomb(lock: &dyn Fn()) -> String {
    let most = most_processes();
    lock();
    let mut children = Vec::new();
    let mut end = format!("{MOST_THREADS} allowed");
    for count in 0..MOST_THREADS {
        match apart::fork() {
            0 => {
                thread::sleep(Duration::from_secs(60));
                let _ = crate::system_call(libc::SYS_exit_group, [0; 6]);
            }
            child if child > 0 => children.push(child),
            _ => {
                end = stopped(count, most, &std::io::Error::last_os_error());
                break;
            }
        }
    }
    for child in children {
        let pid = usize::try_from(child).unwrap_or(usize::MAX);
        let _ = crate::system_call(libc::SYS_tgkill, [pid, pid, libc::SIGKILL as usize, 0, 0, 0]);
        while apart::reap(child).is_none() {
            thread::sleep(Duration::from_millis(1));
        }
    }
    end
}

/// Touches memory until the kernel kills the process.
fn memory(lock: &dyn Fn()) -> String {
    lock();
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
fn fill(directory: &str, lock: &dyn Fn()) -> String {
    let path = format!("{directory}/probe-fill");
    lock();
    let mut written = 0;
    let end = File::create(&path).and_then(|mut file| {
        let block = vec![1; MIB];
        while written < MOST_MIB {
            file.write_all(&block)?;
            written += 1;
        }
        Ok(())
    });
    let _ = remove(&path);
    format!("{written} MiB, {}", end.map_or_else(|error| errno(&error), |()| "allowed".to_owned()))
}

/// Makes empty files until something stops it. A temporary file system keeps them in the kernel's memory,
/// where its size does not count them.
fn many_files(directory: &str, lock: &dyn Fn()) -> String {
    lock();
    for count in 0..MOST_FILES {
        if let Err(error) = File::create(format!("{directory}/probe-{count}")) {
            (0..count).for_each(|made| drop(remove(&format!("{directory}/probe-{made}"))));
            return format!("{count} files, {}", errno(&error));
        }
    }
    format!("{MOST_FILES} allowed")
}

fn open_files(lock: &dyn Fn()) -> String {
    lock();
    let mut held = Vec::new();
    for count in 0..MOST_FILES {
        match File::open("/dev/null") {
            Ok(file) => held.push(file),
            Err(error) => return format!("{count} open, {}", errno(&error)),
        }
    }
    format!("{MOST_FILES} allowed")
}

/// Burns a second of CPU time: under a quota of half a CPU that takes two seconds, and never less on a busy
/// machine.
fn spin(lock: &dyn Fn()) -> String {
    lock();
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
    let taken = started.elapsed();
    if taken > used.mul_f64(1.7) { "throttled".to_owned() } else { format!("{taken:?} for {used:?}") }
}
