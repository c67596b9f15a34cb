//! Becoming someone else: other ids, capabilities, modes and owners of files, and what a process may set of itself.

use crate::{Attempt, system_call, verdict};

pub(crate) const ATTEMPTS: &[Attempt] = calls! {
    [
        ("setrlimit nofile raised", |lock| raise(libc::SYS_setrlimit, libc::RLIMIT_NOFILE as usize, lock)),
        ("prlimit64 nofile raised", |lock| raise(libc::SYS_prlimit64, libc::RLIMIT_NOFILE as usize, lock)),
        ("prlimit64 cpu raised", |lock| raise(libc::SYS_prlimit64, libc::RLIMIT_CPU as usize, lock)),
        ("prlimit64 core raised", |lock| raise(libc::SYS_prlimit64, libc::RLIMIT_CORE as usize, lock)),
        ("prlimit64 fsize raised", |lock| raise(libc::SYS_prlimit64, libc::RLIMIT_FSIZE as usize, lock)),
        ("prctl PR_SET_NAME", |lock| {
            lock();
            verdict(system_call(libc::SYS_prctl, [15, c"other".as_ptr() as usize, 0, 0, 0, 0]))
        }),
    ]
    "setuid 0": libc::SYS_setuid;
    "setgid 0": libc::SYS_setgid;
    "setreuid 0": libc::SYS_setreuid;
    "setregid 0": libc::SYS_setregid;
    "setresuid 0": libc::SYS_setresuid;
    "setresgid 0": libc::SYS_setresgid;
    "setfsuid 0": libc::SYS_setfsuid;
    "setfsgid 0": libc::SYS_setfsgid;
    "setgroups": libc::SYS_setgroups, 0;
    "capset": libc::SYS_capset;
    "capget": libc::SYS_capget;
    "umask": libc::SYS_umask, 0;
    "chmod": libc::SYS_chmod, c"/tmp".as_ptr(), 0o4755;
    "fchmod": libc::SYS_fchmod, 0, 0o4755;
    "fchmodat": libc::SYS_fchmodat, libc::AT_FDCWD, c"/tmp".as_ptr(), 0o4755;
    "fchmodat2": 452, libc::AT_FDCWD, c"/tmp".as_ptr(), 0o4755;
    "chown": libc::SYS_chown, c"/tmp".as_ptr();
    "lchown": libc::SYS_lchown, c"/tmp".as_ptr();
    "fchown": libc::SYS_fchown;
    "fchownat": libc::SYS_fchownat, libc::AT_FDCWD, c"/tmp".as_ptr();
    "setxattr": libc::SYS_setxattr, c"/tmp".as_ptr();
    "lsetxattr": libc::SYS_lsetxattr, c"/tmp".as_ptr();
    "fsetxattr": libc::SYS_fsetxattr;
    "setxattrat": 463;
    "removexattr": libc::SYS_removexattr, c"/tmp".as_ptr();
    "mknod": libc::SYS_mknod, c"/tmp/probe-node".as_ptr(), 0o020_666, 0x0101;
    "mknodat": libc::SYS_mknodat, libc::AT_FDCWD, c"/tmp/probe-node".as_ptr(), 0o020_666, 0x0101;
    "mkfifo": libc::SYS_mknod, c"/tmp/probe-fifo".as_ptr(), 0o010_666;
    "link": libc::SYS_link, c"/runner".as_ptr(), c"/tmp/probe-link".as_ptr();
    "linkat": libc::SYS_linkat, libc::AT_FDCWD, c"/runner".as_ptr(), libc::AT_FDCWD, c"/tmp/probe-link".as_ptr();
    "symlink": libc::SYS_symlink, c"/etc/passwd".as_ptr(), c"/tmp/probe-symlink".as_ptr();
    "symlinkat": libc::SYS_symlinkat, c"/etc/passwd".as_ptr(), libc::AT_FDCWD, c"/tmp/probe-symlink".as_ptr();
    "prctl PR_SET_PDEATHSIG": libc::SYS_prctl, 1;
    "prctl PR_SET_DUMPABLE": libc::SYS_prctl, 4, 1;
    "prctl PR_SET_KEEPCAPS": libc::SYS_prctl, 8, 1;
    "prctl PR_SET_SECUREBITS": libc::SYS_prctl, 28, 0;
    "prctl PR_SET_MM": libc::SYS_prctl, 35, 1;
    "prctl PR_SET_CHILD_SUBREAPER": libc::SYS_prctl, 36, 1;
    "prctl PR_SET_NO_NEW_PRIVS off": libc::SYS_prctl, 38, 0;
    "prctl PR_CAP_AMBIENT": libc::SYS_prctl, 47, 2, 21;
    "prctl PR_SET_SPECULATION_CTRL": libc::SYS_prctl, 53;
    "prctl PR_SET_IO_FLUSHER": libc::SYS_prctl, 57, 1;
    "prctl PR_SET_SYSCALL_USER_DISPATCH": libc::SYS_prctl, 59, 1;
    "prctl PR_SCHED_CORE": libc::SYS_prctl, 62;
    "prctl PR_SET_PTRACER any": libc::SYS_prctl, 0x5961_6d61, -1_i32;
};

/// Asks for as much as there can be.
fn raise(call: i64, resource: usize, lock: &dyn Fn()) -> String {
    let most = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    let most = &raw const most as usize;
    lock();
    let arguments =
        if call == libc::SYS_prlimit64 { [0, resource, most, 0, 0, 0] } else { [resource, most, 0, 0, 0, 0] };
    verdict(system_call(call, arguments))
}
