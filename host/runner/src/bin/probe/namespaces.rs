//! New namespaces: each hands out capabilities inside itself, and kernel code that only root reaches otherwise.

use crate::{Attempt, errno, system_call, verdict};
use std::fs::File;
use std::os::fd::AsRawFd;

const SIGCHLD: i32 = libc::SIGCHLD;
const CLONE_NEWTIME: i32 = 0x80;
/// What a thread has; with a namespace besides it is none.
const THREAD: i32 = libc::CLONE_VM | libc::CLONE_FS | libc::CLONE_FILES | libc::CLONE_SIGHAND | libc::CLONE_THREAD;

pub(crate) const ATTEMPTS: &[Attempt] = &[
    ("unshare user", |lock| unshare(libc::CLONE_NEWUSER, lock)),
    ("unshare mount", |lock| unshare(libc::CLONE_NEWNS, lock)),
    ("unshare net", |lock| unshare(libc::CLONE_NEWNET, lock)),
    ("unshare pid", |lock| unshare(libc::CLONE_NEWPID, lock)),
    ("unshare ipc", |lock| unshare(libc::CLONE_NEWIPC, lock)),
    ("unshare uts", |lock| unshare(libc::CLONE_NEWUTS, lock)),
    ("unshare cgroup", |lock| unshare(libc::CLONE_NEWCGROUP, lock)),
    ("unshare time", |lock| unshare(CLONE_NEWTIME, lock)),
    ("unshare files", |lock| unshare(libc::CLONE_FILES, lock)),
    ("fork", |lock| raw(libc::SYS_fork, 0, lock)),
    ("vfork", |lock| raw(libc::SYS_vfork, 0, lock)),
    ("fork by clone", |lock| raw(libc::SYS_clone, SIGCHLD, lock)),
    ("vfork by clone", |lock| raw(libc::SYS_clone, libc::CLONE_VM | libc::CLONE_VFORK | SIGCHLD, lock)),
    ("clone user", |lock| raw(libc::SYS_clone, libc::CLONE_NEWUSER | SIGCHLD, lock)),
    ("clone mount", |lock| raw(libc::SYS_clone, libc::CLONE_NEWNS | SIGCHLD, lock)),
    ("clone net", |lock| raw(libc::SYS_clone, libc::CLONE_NEWNET | SIGCHLD, lock)),
    ("clone pid", |lock| raw(libc::SYS_clone, libc::CLONE_NEWPID | SIGCHLD, lock)),
    ("clone ipc", |lock| raw(libc::SYS_clone, libc::CLONE_NEWIPC | SIGCHLD, lock)),
    ("clone uts", |lock| raw(libc::SYS_clone, libc::CLONE_NEWUTS | SIGCHLD, lock)),
    ("clone cgroup", |lock| raw(libc::SYS_clone, libc::CLONE_NEWCGROUP | SIGCHLD, lock)),
    ("clone thread and user", |lock| raw(libc::SYS_clone, THREAD | libc::CLONE_NEWUSER, lock)),
    ("clone a thread", thread),
    ("clone3", |lock| raw(libc::SYS_clone3, 0, lock)),
    ("setns user", |lock| setns("/proc/self/ns/user", lock)),
    ("setns mount", |lock| setns("/proc/self/ns/mnt", lock)),
    ("setns net", |lock| setns("/proc/1/ns/net", lock)),
    ("write uid_map", |lock| crate::files::written("/proc/self/uid_map", b"0 1000 1", lock)),
    ("write setgroups", |lock| crate::files::written("/proc/self/setgroups", b"allow", lock)),
];

fn unshare(flags: i32, lock: &dyn Fn()) -> String {
    raw(libc::SYS_unshare, flags, lock)
}

/// A child that comes to be ends at once, so that nobody speaks twice.
fn raw(call: i64, flags: i32, lock: &dyn Fn()) -> String {
    lock();
    let made = system_call(call, [flags as usize, 0, 0, 0, 0, 0]);
    if call != libc::SYS_unshare && matches!(made, Ok(0)) {
        let _ = system_call(libc::SYS_exit_group, [0; 6]);
    }
    verdict(made)
}

/// By the C library, since a thread needs a stack of its own. It parks: no thread may end alone.
fn thread(lock: &dyn Fn()) -> String {
    lock();
    verdict(std::thread::Builder::new().stack_size(64 << 10).spawn(|| {
        loop {
            std::thread::park();
        }
    }))
}

fn setns(path: &str, lock: &dyn Fn()) -> String {
    match File::open(path) {
        Ok(file) => {
            lock();
            verdict(system_call(libc::SYS_setns, [file.as_raw_fd() as usize, 0, 0, 0, 0, 0]))
        }
        Err(error) => errno(&error),
    }
}
