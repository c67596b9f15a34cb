//! The program's system calls as data, a reason beside each. The same in every build.
//!
//! Absent on purpose, so that they kill: whatever starts a program or a thread, opens a connection, makes,
//! renames or removes a file, looks at another process, or takes a filter away. `exit` too: the threads that
//! compile wait for work until the process ends, and a first thread that ended alone would make its container
//! unkillable.

/// A call and why it is on its list.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(not(test), expect(dead_code, reason = "names and reasons are for readers and for tests"))]
pub(crate) struct Call {
    pub(crate) name: &'static str,
    /// Its number on x86-64.
    pub(crate) number: i64,
    pub(crate) when: When,
    pub(crate) reason: &'static str,
}

/// With which arguments a call is meant.
#[derive(Debug, Clone, Copy)]
pub(crate) enum When {
    Always,
    /// When the low half of this argument, masked, is one of these.
    Masked(u8, u64, &'static [u64]),
}

const fn any(name: &'static str, number: i64, reason: &'static str) -> Call {
    Call { name, number, when: When::Always, reason }
}

const fn only(name: &'static str, number: i64, when: When, reason: &'static str) -> Call {
    Call { name, number, when, reason }
}

const WRITE: u64 = 2;
const EXEC: u64 = 4;
/// Argument 2 of `mmap` asks for no execution.
const NO_CODE: When = When::Masked(2, EXEC, &[0]);
/// Argument 2 of `mprotect` asks for nothing, for writing or for executing, never for both.
const NOT_BOTH: When = When::Masked(2, WRITE | EXEC, &[0, WRITE, EXEC]);
/// `PR_SET_NAME`.
const NAME: When = When::Masked(0, 0xffff_ffff, &[15]);

/// What compiling takes once everything is warm. Everything else kills the process.
pub(crate) static ALLOWED: [Call; 27] = [
    any("read", libc::SYS_read, "the component, from the hub"),
    any("write", libc::SYS_write, "the artefact, to the hub; last words, to standard error"),
    any("writev", libc::SYS_writev, "the same, from several buffers"),
    any("futex", libc::SYS_futex, "threads wait for work and for each other"),
    any("sched_yield", libc::SYS_sched_yield, "threads that look for work"),
    only("mmap", libc::SYS_mmap, NO_CODE, "the allocator"),
    only("mprotect", libc::SYS_mprotect, NOT_BOTH, "the allocator; the engine publishes code that nothing here calls"),
    any("munmap", libc::SYS_munmap, "the allocator"),
    any("mremap", libc::SYS_mremap, "the allocator"),
    any("madvise", libc::SYS_madvise, "the allocator"),
    any("brk", libc::SYS_brk, "the allocator"),
    any("getrandom", libc::SYS_getrandom, "seeds of hash maps, once in each thread"),
    any("clock_gettime", libc::SYS_clock_gettime, "clocks without vDSO"),
    any("sigaltstack", libc::SYS_sigaltstack, "a thread that is still starting"),
    any("set_robust_list", libc::SYS_set_robust_list, "a thread that is still starting"),
    any("rseq", libc::SYS_rseq, "a thread that is still starting"),
    any(
        "sched_getaffinity",
        libc::SYS_sched_getaffinity,
        "a thread that is still starting; the allocator counts processors",
    ),
    only("prctl", libc::SYS_prctl, NAME, "a thread that is still starting takes its name"),
    any("rt_sigaction", libc::SYS_rt_sigaction, "abort, and the end by a stack that is too deep"),
    any("rt_sigprocmask", libc::SYS_rt_sigprocmask, "abort"),
    any("rt_sigreturn", libc::SYS_rt_sigreturn, "return from the stack's signal, so that it kills the second time"),
    any("restart_syscall", libc::SYS_restart_syscall, "a wait that a signal interrupted"),
    any("getpid", libc::SYS_getpid, "abort"),
    any("gettid", libc::SYS_gettid, "abort"),
    any("tgkill", libc::SYS_tgkill, "abort"),
    any("close", libc::SYS_close, "what a look-up opened before the filter was on"),
    any("exit_group", libc::SYS_exit_group, "the end: all threads at once"),
];

/// Refused and survived. The allocator asks the kernel's settings at a moment of its own, when a thread gives
/// memory back for the first time, and does without; so does whoever prints last words.
pub(crate) static REFUSED: [Call; 4] = [
    any("openat", libc::SYS_openat, "no file is needed"),
    any("open", libc::SYS_open, "the same, older spelling"),
    any("readlink", libc::SYS_readlink, "the same, of a link"),
    any("getcwd", libc::SYS_getcwd, "the last words of a process without memory shorten the paths in them"),
];
