//! The runner's filters as data, a reason beside each call. The same in every build.
//!
//! Absent on purpose, so that they kill: `execve`, `execveat`, `clone`, `clone3`, `fork`, `vfork` (all
//! threads exist), `exit` (a first thread that ends alone makes the container unkillable), `memfd_create`
//! (an executed memfd beats `noexec` and Landlock), `socket` and all that goes with it, `ptrace`,
//! `process_vm_*`, `bpf`, `io_uring_*`, `userfaultfd`, `perf_event_open`, keyrings, mounts, namespaces,
//! `landlock_*`, `mknod`, `chmod` and `chown`, System V and POSIX IPC.

/// A call, when it is meant, and why it is on its list.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    /// Its name.
    pub name: &'static str,
    /// Its number on x86-64.
    pub number: i64,
    /// With which arguments.
    pub when: When,
    /// Why.
    pub reason: &'static str,
}

/// With which arguments a call is meant.
#[derive(Debug, Clone, Copy)]
pub enum When {
    /// With any.
    Always,
    /// When the low half of an argument, masked, is one of these.
    Masked {
        /// Which argument, from 0.
        argument: u8,
        /// The bits that count.
        mask: u64,
        /// What they may be.
        values: &'static [u64],
    },
}

const fn any(name: &'static str, number: i64, reason: &'static str) -> Call {
    Call { name, number, when: When::Always, reason }
}

const fn only(name: &'static str, number: i64, when: When, reason: &'static str) -> Call {
    Call { name, number, when, reason }
}

const fn is(argument: u8, values: &'static [u64]) -> When {
    When::Masked { argument, mask: 0xffff_ffff, values }
}

const WRITE: u64 = 2;
const EXEC: u64 = 4;
/// Argument 2 of `mmap` asks for nothing more than writing.
const DATA: When = When::Masked { argument: 2, mask: WRITE | EXEC, values: &[0, WRITE] };
/// Argument 2 of `mprotect` asks for nothing, for writing or for executing, never for both.
const NOT_BOTH: When = When::Masked { argument: 2, mask: WRITE | EXEC, values: &[0, WRITE, EXEC] };
const EXECUTABLE: When = When::Masked { argument: 2, mask: EXEC, values: &[EXEC] };
/// `PAGEMAP_SCAN`.
const PAGEMAP_SCAN: u64 = 0xc060_6610;
/// `PR_SET_NO_NEW_PRIVS`.
const PRCTL: &[u64] = &[38];
/// `SECCOMP_FILTER_FLAG_TSYNC`, and not a listener, which could answer calls in the kernel's place.
const ALL_THREADS: &[u64] = &[1];
/// `F_GETFL`, `F_DUPFD_CLOEXEC`: no locks, leases, signals or seals.
const FCNTL: &[u64] = &[3, 1030];

/// What serving calls takes. Everything else kills the process.
pub static ALLOWED: [Call; 52] = [
    any("read", libc::SYS_read, "frames from the hub; files"),
    any("write", libc::SYS_write, "frames to the hub; files"),
    any("writev", libc::SYS_writev, "the async runtime writes so"),
    any("epoll_wait", libc::SYS_epoll_wait, "waiting for frames, timers and guests"),
    any("epoll_pwait", libc::SYS_epoll_pwait, "the same, as newer C libraries spell it"),
    any("epoll_ctl", libc::SYS_epoll_ctl, "the two pipes"),
    any("close", libc::SYS_close, "descriptors of guests"),
    any("futex", libc::SYS_futex, "the ticker sleeps while no call runs"),
    any("clock_nanosleep", libc::SYS_clock_nanosleep, "the ticker's tick"),
    any("nanosleep", libc::SYS_nanosleep, "the same, older spelling"),
    any("clock_gettime", libc::SYS_clock_gettime, "CPU time; clocks without vDSO"),
    any("sched_yield", libc::SYS_sched_yield, "the ticker, the allocator"),
    any("sigaltstack", libc::SYS_sigaltstack, "traps of guests are signals on a stack of their own"),
    any("rt_sigaction", libc::SYS_rt_sigaction, "traps of guests; abort"),
    any("rt_sigprocmask", libc::SYS_rt_sigprocmask, "traps of guests; abort"),
    any("rt_sigreturn", libc::SYS_rt_sigreturn, "return from a trap"),
    any("restart_syscall", libc::SYS_restart_syscall, "a sleep that a signal interrupted"),
    any("getpid", libc::SYS_getpid, "abort"),
    any("gettid", libc::SYS_gettid, "abort"),
    any("tgkill", libc::SYS_tgkill, "abort"),
    any("exit_group", libc::SYS_exit_group, "the end: all threads at once"),
    any("getrandom", libc::SYS_getrandom, "randomness for guests and hash maps"),
    any("brk", libc::SYS_brk, "the allocator"),
    any("munmap", libc::SYS_munmap, "the allocator, guests' stacks"),
    any("mremap", libc::SYS_mremap, "the allocator"),
    any("madvise", libc::SYS_madvise, "the allocator; wiping a guest's memory"),
    any("openat", libc::SYS_openat, "files of guests, first through the granted directory"),
    any(
        "openat2",
        libc::SYS_openat2,
        "files of guests, beneath the granted directory: without it an advisory's fallback would be used",
    ),
    any("fstat", libc::SYS_fstat, "files of guests"),
    any("newfstatat", libc::SYS_newfstatat, "files of guests"),
    any("statx", libc::SYS_statx, "files of guests"),
    any("fstatfs", libc::SYS_fstatfs, "checks that /proc is /proc"),
    any("lseek", libc::SYS_lseek, "files of guests"),
    any("pread64", libc::SYS_pread64, "files of guests"),
    any("pwrite64", libc::SYS_pwrite64, "files of guests"),
    any("pwritev2", libc::SYS_pwritev2, "appending at the end, atomically"),
    any("ftruncate", libc::SYS_ftruncate, "files of guests"),
    any("fsync", libc::SYS_fsync, "files of guests"),
    any("fdatasync", libc::SYS_fdatasync, "files of guests"),
    any("fadvise64", libc::SYS_fadvise64, "files of guests"),
    any("getdents64", libc::SYS_getdents64, "directories of guests"),
    any("readlinkat", libc::SYS_readlinkat, "paths of guests: symbolic links are resolved step by step"),
    any("mkdirat", libc::SYS_mkdirat, "directories of guests"),
    any("unlinkat", libc::SYS_unlinkat, "files of guests"),
    any("renameat", libc::SYS_renameat, "files of guests"),
    any("utimensat", libc::SYS_utimensat, "files of guests"),
    only("fcntl", libc::SYS_fcntl, is(1, FCNTL), "descriptors are duplicated and asked for their flags"),
    only("ioctl", libc::SYS_ioctl, is(1, &[PAGEMAP_SCAN]), "the engine finds the pages a guest touched"),
    only("mmap", libc::SYS_mmap, DATA, "the allocator, guests' memory, artefacts before they become executable"),
    only("mprotect", libc::SYS_mprotect, NOT_BOTH, "guests' memory; artefacts become executable once"),
    only("prctl", libc::SYS_prctl, is(0, PRCTL), "what the last filter needs"),
    only("seccomp", libc::SYS_seccomp, is(1, ALL_THREADS), "the last filter, which then forbids this call"),
];

/// What is said not to exist, before any thread does.
pub static ABSENT: [Call; 1] = [any(
    "clone3",
    libc::SYS_clone3,
    "its flags lie in memory, where no filter reads them; libraries fall back to clone",
)];

/// What a guest or the engine can cause and none may do: refused, so that a tool fails and the runner lives.
pub static REFUSED: [Call; 3] = [
    any("linkat", libc::SYS_linkat, "a second name would carry a file past what is protected by name"),
    any("symlinkat", libc::SYS_symlinkat, "a link planted in a workspace leads whoever follows it later out of it"),
    any(
        "process_madvise",
        libc::SYS_process_madvise,
        "the engine tries it where pages cannot be scanned, and does without",
    ),
];

/// What nothing may do once artefacts are mapped: kills.
pub static SEALED: [Call; 3] = [
    only("mprotect", libc::SYS_mprotect, EXECUTABLE, "no code but the ticket's artefacts: no data becomes code"),
    any("seccomp", libc::SYS_seccomp, "no filter of an intruder's, with which he could lie about errors"),
    any("prctl", libc::SYS_prctl, "nothing here needs it any more"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn nothing_that_defeats_a_wall_is_on_the_list() {
        let listed: BTreeSet<_> = ALLOWED.iter().chain(&REFUSED).map(|call| (call.name, call.number)).collect();
        for (name, number) in [
            ("execve", libc::SYS_execve),
            ("execveat", libc::SYS_execveat),
            ("clone", libc::SYS_clone),
            ("clone3", libc::SYS_clone3),
            ("fork", libc::SYS_fork),
            ("vfork", libc::SYS_vfork),
            ("exit", libc::SYS_exit),
            ("memfd_create", libc::SYS_memfd_create),
            ("memfd_secret", libc::SYS_memfd_secret),
            ("socket", libc::SYS_socket),
            ("socketpair", libc::SYS_socketpair),
            ("connect", libc::SYS_connect),
            ("ptrace", libc::SYS_ptrace),
            ("process_vm_readv", libc::SYS_process_vm_readv),
            ("process_vm_writev", libc::SYS_process_vm_writev),
            ("bpf", libc::SYS_bpf),
            ("io_uring_setup", libc::SYS_io_uring_setup),
            ("userfaultfd", libc::SYS_userfaultfd),
            ("perf_event_open", libc::SYS_perf_event_open),
            ("add_key", libc::SYS_add_key),
            ("keyctl", libc::SYS_keyctl),
            ("mount", libc::SYS_mount),
            ("umount2", libc::SYS_umount2),
            ("open_tree", libc::SYS_open_tree),
            ("fsopen", libc::SYS_fsopen),
            ("unshare", libc::SYS_unshare),
            ("setns", libc::SYS_setns),
            ("pivot_root", libc::SYS_pivot_root),
            ("chroot", libc::SYS_chroot),
            ("mknodat", libc::SYS_mknodat),
            ("fchmod", libc::SYS_fchmod),
            ("fchmodat", libc::SYS_fchmodat),
            ("fchownat", libc::SYS_fchownat),
            ("landlock_create_ruleset", libc::SYS_landlock_create_ruleset),
            ("pkey_mprotect", libc::SYS_pkey_mprotect),
            ("shmget", libc::SYS_shmget),
            ("mq_open", libc::SYS_mq_open),
            ("personality", libc::SYS_personality),
            ("modify_ldt", libc::SYS_modify_ldt),
            ("pidfd_open", libc::SYS_pidfd_open),
            ("kcmp", libc::SYS_kcmp),
            ("init_module", libc::SYS_init_module),
        ] {
            assert!(listed.iter().all(|(listed, _)| *listed != name), "{name} by its name");
            assert!(listed.iter().all(|(_, listed)| *listed != number), "{name} by its number");
        }
    }

    #[test]
    fn each_call_is_named_once_with_a_reason() {
        for list in [&ALLOWED[..], &ABSENT[..], &REFUSED[..], &SEALED[..]] {
            let numbers: BTreeSet<_> = list.iter().map(|call| call.number).collect();
            assert_eq!(numbers.len(), list.len());
            assert!(list.iter().all(|call| call.reason.len() > 4), "a reason beside each call");
        }
    }
}
