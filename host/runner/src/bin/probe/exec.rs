//! Running other code: files, memory, and memory that pretends to be a file.

use crate::{Attempt, errno, system_call, verdict};
use std::ffi::CString;
use std::fs;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;

pub(crate) const ATTEMPTS: &[Attempt] = &[
    ("exec from /tmp", || copied("/tmp")),
    ("exec from /run", || copied("/run")),
    ("exec from /dev/shm", || copied("/dev/shm")),
    ("exec from mounts", || mounted()),
    ("exec script from /tmp", || script()),
    ("exec /runner", || run("/runner")),
    ("exec itself", || run("/proc/self/exe")),
    ("exec memfd", || memfd(|fd| run(&format!("/proc/self/fd/{fd}")))),
    ("execveat memfd", || memfd(execveat)),
    ("memfd_create", || memfd(|_| "allowed".to_owned())),
    ("mmap file of /tmp executable", || mapped("/tmp/probe-map")),
    ("mmap writable and executable", || mapping(libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC)),
    ("mmap executable", || mapping(libc::PROT_READ | libc::PROT_EXEC)),
    ("mprotect data executable", || protected(libc::PROT_READ | libc::PROT_EXEC)),
    ("mprotect data writable and executable", || protected(libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC)),
    ("sh", || run("/bin/sh")),
    ("sudo", || {
        ["sudo", "su", "doas", "pkexec"].map(|name| format!("{name}={}", run(&format!("/usr/bin/{name}")))).join(" ")
    }),
];

/// Replaces this program; it returns only when that was stopped. What was executed says so itself:
/// `list` and its exit code.
fn run(path: &str) -> String {
    let Ok(path) = CString::new(path) else { return "bad path".to_owned() };
    let list = c"list";
    let words = [path.as_ptr(), list.as_ptr(), std::ptr::null()];
    let environment = [std::ptr::null::<libc::c_char>()];
    verdict(system_call(
        libc::SYS_execve,
        [path.as_ptr() as usize, words.as_ptr() as usize, environment.as_ptr() as usize, 0, 0, 0],
    ))
}

fn execveat(fd: i32) -> String {
    let empty = c"";
    let words = [empty.as_ptr(), std::ptr::null()];
    verdict(system_call(
        libc::SYS_execveat,
        [fd as usize, empty.as_ptr() as usize, words.as_ptr() as usize, 0, libc::AT_EMPTY_PATH as usize, 0],
    ))
}

fn program(directory: &str) -> io::Result<String> {
    let path = format!("{directory}/probe-copy");
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o755).open(&path)?;
    file.write_all(&fs::read("/proc/self/exe")?)?;
    Ok(path)
}

fn copied(directory: &str) -> String {
    program(directory).map_or_else(|error| format!("not written: {}", errno(&error)), |path| run(&path))
}

fn mounted() -> String {
    let Ok(entries) = fs::read_dir("/mnt") else { return "no mount".to_owned() };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path().to_string_lossy().into_owned()));
    paths.map(|path| copied(&path)).collect::<Vec<_>>().join(" ")
}

fn script() -> String {
    let path = "/tmp/probe-script";
    let written = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o755)
        .open(path)
        .and_then(|mut file| file.write_all(b"#!/runner\n"));
    written.map_or_else(|error| errno(&error), |()| run(path))
}

/// Gives the attempt a descriptor of memory that holds this program.
fn memfd(attempt: fn(i32) -> String) -> String {
    let name = c"probe";
    let fd = match system_call(libc::SYS_memfd_create, [name.as_ptr() as usize, 0, 0, 0, 0, 0]) {
        Ok(fd) => fd as i32,
        Err(error) => return errno(&error),
    };
    let mut file = fs::File::from(owned(fd));
    match fs::read("/proc/self/exe").and_then(|bytes| file.write_all(&bytes)) {
        Ok(()) => attempt(file.as_raw_fd()),
        Err(error) => format!("not written: {}", errno(&error)),
    }
}

#[expect(unsafe_code, reason = "a descriptor that a raw system call just made")]
fn owned(fd: i32) -> OwnedFd {
    // SAFETY: the call succeeded and nobody else knows this descriptor.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

fn mapped(path: &str) -> String {
    let file = fs::OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path);
    match file.and_then(|mut file| file.write_all(&[0xc3; 4096]).map(|()| file)) {
        Ok(file) => verdict(map(libc::PROT_READ | libc::PROT_EXEC, libc::MAP_PRIVATE, file.as_raw_fd())),
        Err(error) => format!("not written: {}", errno(&error)),
    }
}

fn mapping(protection: i32) -> String {
    verdict(map(protection, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1))
}

fn protected(protection: i32) -> String {
    match map(libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1) {
        Ok(address) => verdict(system_call(libc::SYS_mprotect, [address as usize, 4096, protection as usize, 0, 0, 0])),
        Err(error) => errno(&error),
    }
}

fn map(protection: i32, flags: i32, fd: i32) -> io::Result<i64> {
    system_call(libc::SYS_mmap, [0, 4096, protection as usize, flags as usize, fd as usize, 0])
}
