//! Running other code: files, memory that pretends to be a file, and this program again.

use crate::files::remove;
use crate::{Attempt, errno, system_call, verdict};
use std::ffi::CString;
use std::fs;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;

pub(crate) const ATTEMPTS: &[Attempt] = &[
    ("exec from /tmp", |lock| copied("/tmp", lock)),
    ("exec script from /run", |lock| script("/run", lock)),
    ("exec from /dev/shm", |lock| copied("/dev/shm", lock)),
    ("exec from /dev/mqueue", |lock| copied("/dev/mqueue", lock)),
    ("exec script from /tmp", |lock| script("/tmp", lock)),
    ("exec /runner", |lock| run("/runner", lock)),
    ("exec /compile", |lock| run("/compile", lock)),
    ("exec itself", |lock| run("/proc/self/exe", lock)),
    ("exec itself by descriptor", |lock| {
        fs::File::open("/proc/self/exe").map_or_else(|error| errno(&error), |file| execveat(file.as_raw_fd(), lock))
    }),
    ("exec a descriptor of /tmp", |lock| {
        let file = program("/tmp").and_then(fs::File::open);
        file.map_or_else(|error| errno(&error), |file| run(&format!("/proc/self/fd/{}", file.as_raw_fd()), lock))
    }),
    ("exec ld.so", |lock| run("/lib64/ld-linux-x86-64.so.2", lock)),
    ("exec memfd", |lock| memfd(0, lock, |fd| run(&format!("/proc/self/fd/{fd}"), &|| ()))),
    ("execveat memfd", |lock| memfd(0, lock, |fd| execveat(fd, &|| ()))),
    ("memfd_create", |lock| memfd(0, lock, |_| "allowed".to_owned())),
    ("memfd_create sealed against execution", |lock| memfd(0x8, lock, |_| "allowed".to_owned())),
    ("sh", |lock| run("/bin/sh", lock)),
    ("busybox", |lock| run("/bin/busybox", lock)),
    ("sudo", |lock| {
        lock();
        ["sudo", "su", "doas", "pkexec"]
            .map(|name| format!("{name}={}", run(&format!("/usr/bin/{name}"), &|| ())))
            .join(" ")
    }),
    ("uselib", |lock| {
        lock();
        verdict(system_call(libc::SYS_uselib, [c"/runner".as_ptr() as usize, 0, 0, 0, 0, 0]))
    }),
];

/// Replaces this program; it returns only when that was stopped.
pub(crate) fn run(path: &str, lock: &dyn Fn()) -> String {
    let Ok(path) = CString::new(path) else { return "bad path".to_owned() };
    let words = [path.as_ptr(), c"executed".as_ptr(), std::ptr::null()];
    let environment = [std::ptr::null::<libc::c_char>()];
    lock();
    verdict(system_call(
        libc::SYS_execve,
        [path.as_ptr() as usize, words.as_ptr() as usize, environment.as_ptr() as usize, 0, 0, 0],
    ))
}

fn execveat(fd: i32, lock: &dyn Fn()) -> String {
    let empty = c"";
    let words = [empty.as_ptr(), c"executed".as_ptr(), std::ptr::null()];
    lock();
    verdict(system_call(
        libc::SYS_execveat,
        [fd as usize, empty.as_ptr() as usize, words.as_ptr() as usize, 0, libc::AT_EMPTY_PATH as usize, 0],
    ))
}

/// Writes a copy of this program.
fn program(directory: &str) -> io::Result<String> {
    let path = format!("{directory}/probe-copy");
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o755).open(&path)?;
    file.write_all(&fs::read("/proc/self/exe")?)?;
    Ok(path)
}

/// Runs a copy, and removes it: what fills a file system stands in the way of the next attempt.
pub(crate) fn copied(directory: &str, lock: &dyn Fn()) -> String {
    match program(directory) {
        Ok(path) => {
            let verdict = run(&path, lock);
            let _ = remove(&path);
            verdict
        }
        Err(error) => {
            let _ = remove(&format!("{directory}/probe-copy"));
            format!("not written: {}", errno(&error))
        }
    }
}

fn script(directory: &str, lock: &dyn Fn()) -> String {
    let path = format!("{directory}/probe-script");
    let written = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o755)
        .open(&path)
        .and_then(|mut file| file.write_all(b"#!/runner executed\n"));
    written.map_or_else(|error| errno(&error), |()| run(&path, lock))
}

/// Gives the attempt a descriptor of memory that holds this program.
fn memfd(flags: usize, lock: &dyn Fn(), attempt: fn(i32) -> String) -> String {
    let copy = fs::read("/proc/self/exe");
    lock();
    let fd = match system_call(libc::SYS_memfd_create, [c"probe".as_ptr() as usize, flags, 0, 0, 0, 0]) {
        Ok(fd) => fd as i32,
        Err(error) => return errno(&error),
    };
    let mut file = fs::File::from(owned(fd));
    match copy.and_then(|bytes| file.write_all(&bytes)) {
        Ok(()) => attempt(file.as_raw_fd()),
        Err(error) => format!("not written: {}", errno(&error)),
    }
}

#[expect(unsafe_code, reason = "a descriptor that a raw system call just made")]
fn owned(fd: i32) -> OwnedFd {
    // SAFETY: the call succeeded and nobody else knows this descriptor.
    unsafe { OwnedFd::from_raw_fd(fd) }
}
