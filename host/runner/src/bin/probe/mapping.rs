//! Making data into code where nothing is executed as a program: a bug in a Wasm engine ends here.

use crate::files::remove;
use crate::{Attempt, errno, system_call, verdict};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;

const R: i32 = libc::PROT_READ;
const W: i32 = libc::PROT_WRITE;
const X: i32 = libc::PROT_EXEC;
const PRIVATE: i32 = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
const SHARED: i32 = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
const PAGE: usize = 4096;

pub(crate) const ATTEMPTS: &[Attempt] = &[
    ("mmap writable and executable", |lock| mapping(R | W | X, PRIVATE, lock)),
    ("mmap shared, writable and executable", |lock| mapping(R | W | X, SHARED, lock)),
    ("mmap executable", |lock| mapping(R | X, PRIVATE, lock)),
    ("mmap shared and executable", |lock| mapping(R | X, SHARED, lock)),
    ("mmap executable, growing down", |lock| mapping(R | X, PRIVATE | libc::MAP_GROWSDOWN, lock)),
    ("mmap page 0", |lock| {
        lock();
        let flags = (PRIVATE | libc::MAP_FIXED) as usize;
        verdict(system_call(libc::SYS_mmap, [0, PAGE, (R | W) as usize, flags, usize::MAX, 0]))
    }),
    ("mmap file of /tmp executable", |lock| of_file("/tmp/probe-map", R | X, libc::MAP_PRIVATE, lock)),
    ("mmap file of /tmp shared, writable and executable", |lock| {
        of_file("/tmp/probe-map", R | W | X, libc::MAP_SHARED, lock)
    }),
    ("mmap file of /tmp, then mprotect executable", |lock| later_executable("/tmp/probe-map", lock)),
    ("mmap own program executable", |lock| match File::open("/proc/self/exe") {
        Ok(file) => {
            lock();
            verdict(map(R | X, libc::MAP_PRIVATE, file.as_raw_fd()))
        }
        Err(error) => errno(&error),
    }),
    ("mprotect data executable", |lock| protected(libc::SYS_mprotect, R | X, lock)),
    ("mprotect data writable and executable", |lock| protected(libc::SYS_mprotect, R | W | X, lock)),
    ("mprotect data executable, growing down", |lock| protected(libc::SYS_mprotect, R | X | 0x0100_0000, lock)),
    ("pkey_mprotect data executable", |lock| protected(libc::SYS_pkey_mprotect, R | X, lock)),
    ("mprotect own code writable", |lock| {
        lock();
        let page = (mapping as *const () as usize) & !(PAGE - 1);
        verdict(system_call(libc::SYS_mprotect, [page, PAGE, (R | W | X) as usize, 0, 0, 0]))
    }),
    ("mremap data over own code", |lock| match map(R | W, PRIVATE, -1) {
        Ok(data) => {
            lock();
            // Moves data, which stays not executable, to where code was: a crash and not an attack. Asked for at
            // an address that cannot be had, so that this process goes on.
            let flags = (libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED) as usize;
            verdict(system_call(libc::SYS_mremap, [data as usize, PAGE, PAGE, flags, 0, 0]))
        }
        Err(error) => errno(&error),
    }),
    ("write own code through /proc/self/mem", |lock| {
        lock();
        through_memory_file(OpenOptions::new().read(true).write(true).open("/proc/self/mem"))
    }),
    ("remap_file_pages", |lock| {
        lock();
        verdict(system_call(libc::SYS_remap_file_pages, [0; 6]))
    }),
    ("pkey_alloc", |lock| {
        lock();
        verdict(system_call(libc::SYS_pkey_alloc, [0; 6]))
    }),
    ("map_shadow_stack", |lock| {
        lock();
        verdict(system_call(453, [0, PAGE, 0, 0, 0, 0]))
    }),
    ("memfd_secret", |lock| {
        lock();
        verdict(system_call(libc::SYS_memfd_secret, [0; 6]))
    }),
    ("shmget executable memory", |lock| {
        lock();
        verdict(system_call(libc::SYS_shmget, [0, PAGE, 0o1700, 0, 0, 0]))
    }),
    ("shmat", |lock| {
        lock();
        verdict(system_call(libc::SYS_shmat, [0, 0, 0o100_000, 0, 0, 0]))
    }),
    ("personality READ_IMPLIES_EXEC", |lock| {
        lock();
        verdict(system_call(libc::SYS_personality, [0x0040_0000, 0, 0, 0, 0, 0]))
    }),
    ("personality ADDR_NO_RANDOMIZE", |lock| {
        lock();
        verdict(system_call(libc::SYS_personality, [0x0004_0000, 0, 0, 0, 0, 0]))
    }),
    ("userfaultfd", |lock| {
        lock();
        verdict(system_call(libc::SYS_userfaultfd, [0; 6]))
    }),
    ("userfaultfd, user mode only", |lock| {
        lock();
        verdict(system_call(libc::SYS_userfaultfd, [1, 0, 0, 0, 0, 0]))
    }),
    ("madvise MADV_HWPOISON", |lock| poison(100, lock)),
    ("madvise MADV_SOFT_OFFLINE", |lock| poison(101, lock)),
];

fn mapping(protection: i32, flags: i32, lock: &dyn Fn()) -> String {
    lock();
    verdict(map(protection, flags, -1))
}

/// A file that holds what would be code.
fn written(path: &str) -> io::Result<File> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path);
    file.and_then(|mut file| file.write_all(&[0xc3; PAGE]).map(|()| file))
}

pub(crate) fn of_file(path: &str, protection: i32, flags: i32, lock: &dyn Fn()) -> String {
    let file = written(path);
    lock();
    let verdict = match file {
        Ok(file) => verdict(map(protection, flags, file.as_raw_fd())),
        Err(error) => format!("not written: {}", errno(&error)),
    };
    let _ = remove(path);
    verdict
}

fn later_executable(path: &str, lock: &dyn Fn()) -> String {
    let mapped = written(path).and_then(|file| map(R, libc::MAP_PRIVATE, file.as_raw_fd()));
    lock();
    match mapped {
        Ok(address) => verdict(system_call(libc::SYS_mprotect, [address as usize, PAGE, (R | X) as usize, 0, 0, 0])),
        Err(error) => format!("not mapped: {}", errno(&error)),
    }
}

fn protected(call: i64, protection: i32, lock: &dyn Fn()) -> String {
    match map(R | W, PRIVATE, -1) {
        Ok(address) => {
            lock();
            // The fourth argument is a protection key; -1 is none.
            verdict(system_call(call, [address as usize, PAGE, protection as usize, usize::MAX, 0, 0]))
        }
        Err(error) => errno(&error),
    }
}

fn poison(advice: usize, lock: &dyn Fn()) -> String {
    match map(R | W, PRIVATE, -1) {
        Ok(address) => {
            lock();
            verdict(system_call(libc::SYS_madvise, [address as usize, PAGE, advice, 0, 0, 0]))
        }
        Err(error) => errno(&error),
    }
}

/// Writes one byte of code, the one that is there, through a file that knows no page protection.
fn through_memory_file(file: io::Result<File>) -> String {
    let address = mapping as *const () as u64;
    let mut byte = [0; 1];
    verdict(file.and_then(|file| {
        file.read_exact_at(&mut byte, address)?;
        file.write_all_at(&byte, address)
    }))
}

fn map(protection: i32, flags: i32, fd: i32) -> io::Result<i64> {
    system_call(libc::SYS_mmap, [0, PAGE, protection as usize, flags as usize, fd as usize, 0])
}
