//! Doors into the kernel that nothing in the container needs: each has been a way to root somewhere.

use crate::calls::gate_of_32_bit;
use crate::{Attempt, system_call, verdict};

/// Set in the numbers of a 64-bit program with 32-bit pointers.
const X32: i64 = 0x4000_0000;

pub(crate) const ATTEMPTS: &[Attempt] = calls! {
    [
        ("32-bit getpid", |lock| gate(20, lock)),
        ("32-bit exit", |lock| gate(1, lock)),
        ("32-bit execve", |lock| gate(11, lock)),
        ("32-bit socketcall", |lock| gate(102, lock)),
        ("32-bit mmap", |lock| gate(90, lock)),
        ("32-bit clone", |lock| gate(120, lock)),
        ("number -1", |lock| { lock(); verdict(system_call(-1, [0; 6])) })
    ]
    "bpf load": libc::SYS_bpf, 5;
    "bpf map": libc::SYS_bpf, 0;
    "io_uring_setup": libc::SYS_io_uring_setup, 1;
    "io_uring_enter": libc::SYS_io_uring_enter;
    "io_uring_register": libc::SYS_io_uring_register;
    "io_setup": libc::SYS_io_setup, 1;
    "io_submit": libc::SYS_io_submit;
    "perf_event_open": libc::SYS_perf_event_open;
    "add_key": libc::SYS_add_key;
    "request_key": libc::SYS_request_key;
    "keyctl": libc::SYS_keyctl;
    "init_module": libc::SYS_init_module;
    "finit_module": libc::SYS_finit_module;
    "delete_module": libc::SYS_delete_module;
    "kexec_load": libc::SYS_kexec_load;
    "kexec_file_load": libc::SYS_kexec_file_load;
    "reboot": libc::SYS_reboot;
    "settimeofday": libc::SYS_settimeofday;
    "clock_settime": libc::SYS_clock_settime;
    "adjtimex": libc::SYS_adjtimex;
    "clock_adjtime": libc::SYS_clock_adjtime;
    "sethostname": libc::SYS_sethostname;
    "setdomainname": libc::SYS_setdomainname;
    "iopl": libc::SYS_iopl, 3;
    "ioperm": libc::SYS_ioperm, 0, 1, 1;
    "modify_ldt": libc::SYS_modify_ldt;
    "set_thread_area": libc::SYS_set_thread_area;
    "arch_prctl ARCH_SET_CPUID": libc::SYS_arch_prctl, 0x1012;
    "name_to_handle_at": libc::SYS_name_to_handle_at;
    "open_by_handle_at": libc::SYS_open_by_handle_at;
    "fanotify_init": libc::SYS_fanotify_init;
    "fanotify_mark": libc::SYS_fanotify_mark;
    "inotify_init": libc::SYS_inotify_init;
    "inotify_init1": libc::SYS_inotify_init1;
    "inotify_add_watch": libc::SYS_inotify_add_watch;
    "lookup_dcookie": libc::SYS_lookup_dcookie;
    "nfsservctl": libc::SYS_nfsservctl;
    "_sysctl": libc::SYS__sysctl;
    "sysfs": libc::SYS_sysfs;
    "syslog": libc::SYS_syslog;
    "seccomp with a listener": libc::SYS_seccomp, 1, 8;
    "seccomp by prctl": libc::SYS_prctl, 22, 2;
    "landlock_create_ruleset": libc::SYS_landlock_create_ruleset;
    "lsm_set_self_attr": 460;
    "lsm_get_self_attr": 459;
    "msgget": libc::SYS_msgget, 0, 0o1600;
    "semget": libc::SYS_semget, 0, 1, 0o1600;
    "mq_open": libc::SYS_mq_open;
    "mq_unlink": libc::SYS_mq_unlink;
    "pipe2": libc::SYS_pipe2;
    "splice": libc::SYS_splice;
    "vmsplice": libc::SYS_vmsplice;
    "tee": libc::SYS_tee;
    "sendfile": libc::SYS_sendfile;
    "copy_file_range": libc::SYS_copy_file_range;
    "signalfd4": libc::SYS_signalfd4;
    "timerfd_create": libc::SYS_timerfd_create;
    "eventfd2": libc::SYS_eventfd2;
    "epoll_create1": libc::SYS_epoll_create1;
    "futex_waitv": libc::SYS_futex_waitv;
    "cachestat": 451;
    "uretprobe, number 335": 335;
    "uprobe, number 336": 336;
    "number 337": 337;
    "number 423": 423;
    "number 500": 500;
    "number 1000": 1000;
    "number 0x3fffffff": 0x3fff_ffff;
    "x32 getpid": X32 | 39;
    "x32 execve": X32 | 520;
    "x32 ptrace": X32 | 521;
    "x32 number 0": X32;
};

fn gate(number: u32, lock: &dyn Fn()) -> String {
    lock();
    verdict(gate_of_32_bit(number))
}
