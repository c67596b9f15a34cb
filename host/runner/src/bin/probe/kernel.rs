//! System calls that nothing in the container needs. With null for every pointer a call that is let
//! through ends in `EFAULT` or `EINVAL`, which a test then does not take for a refusal.

use crate::{Attempt, system_call, verdict};

fn call(number: i64, arguments: [usize; 6]) -> String {
    verdict(system_call(number, arguments))
}

macro_rules! attempts {
    ($($name:literal: $number:ident $arguments:expr;)*) => {
        &[$(($name, || call(libc::$number, $arguments))),*]
    };
}

const NONE: [usize; 6] = [0; 6];
const STREAM: usize = libc::SOCK_STREAM as usize;
const RAW: usize = libc::SOCK_RAW as usize;

const fn first(argument: i32) -> [usize; 6] {
    [argument as usize, 0, 0, 0, 0, 0]
}

pub(crate) const ATTEMPTS: &[Attempt] = attempts! {
    "socket AF_UNIX": SYS_socket [libc::AF_UNIX as usize, STREAM, 0, 0, 0, 0];
    "socket AF_INET": SYS_socket [libc::AF_INET as usize, STREAM, 0, 0, 0, 0];
    "socket AF_INET6": SYS_socket [libc::AF_INET6 as usize, STREAM, 0, 0, 0, 0];
    "socket AF_NETLINK": SYS_socket [libc::AF_NETLINK as usize, RAW, 0, 0, 0, 0];
    "socket AF_PACKET": SYS_socket [libc::AF_PACKET as usize, RAW, 0, 0, 0, 0];
    "socket AF_VSOCK": SYS_socket [libc::AF_VSOCK as usize, STREAM, 0, 0, 0, 0];
    "socket AF_ALG": SYS_socket [libc::AF_ALG as usize, libc::SOCK_SEQPACKET as usize, 0, 0, 0, 0];
    "socketpair": SYS_socketpair [libc::AF_UNIX as usize, STREAM, 0, 0, 0, 0];
    "bind": SYS_bind NONE;
    "fork": SYS_fork NONE;
    "vfork by clone": SYS_clone [libc::SIGCHLD as usize, 0, 0, 0, 0, 0];
    "clone3": SYS_clone3 NONE;
    "clone new user namespace": SYS_clone [(libc::CLONE_NEWUSER | libc::SIGCHLD) as usize, 0, 0, 0, 0, 0];
    "unshare user": SYS_unshare first(libc::CLONE_NEWUSER);
    "unshare net": SYS_unshare first(libc::CLONE_NEWNET);
    "unshare mount": SYS_unshare first(libc::CLONE_NEWNS);
    "unshare pid": SYS_unshare first(libc::CLONE_NEWPID);
    "setns": SYS_setns NONE;
    "ptrace": SYS_ptrace NONE;
    "process_vm_readv": SYS_process_vm_readv NONE;
    "process_vm_writev": SYS_process_vm_writev NONE;
    "bpf": SYS_bpf NONE;
    "io_uring_setup": SYS_io_uring_setup [1, 0, 0, 0, 0, 0];
    "userfaultfd": SYS_userfaultfd NONE;
    "perf_event_open": SYS_perf_event_open NONE;
    "keyctl": SYS_keyctl NONE;
    "add_key": SYS_add_key NONE;
    "request_key": SYS_request_key NONE;
    "mount": SYS_mount NONE;
    "umount2": SYS_umount2 NONE;
    "open_tree": SYS_open_tree NONE;
    "move_mount": SYS_move_mount NONE;
    "fsopen": SYS_fsopen NONE;
    "pivot_root": SYS_pivot_root NONE;
    "chroot": SYS_chroot NONE;
    "mknod": SYS_mknod NONE;
    "setuid 0": SYS_setuid first(0);
    "setgid 0": SYS_setgid first(0);
    "setgroups": SYS_setgroups NONE;
    "capset": SYS_capset NONE;
    "chown": SYS_chown NONE;
    "chmod": SYS_chmod NONE;
    "personality": SYS_personality first(0x0004_0000);
    "modify_ldt": SYS_modify_ldt NONE;
    "iopl": SYS_iopl first(3);
    "ioperm": SYS_ioperm [0, 1, 1, 0, 0, 0];
    "init_module": SYS_init_module NONE;
    "kexec_load": SYS_kexec_load NONE;
    "reboot": SYS_reboot NONE;
    "settimeofday": SYS_settimeofday NONE;
    "clock_settime": SYS_clock_settime NONE;
    "sethostname": SYS_sethostname NONE;
    "syslog": SYS_syslog NONE;
    "swapon": SYS_swapon NONE;
    "acct": SYS_acct NONE;
    "name_to_handle_at": SYS_name_to_handle_at NONE;
    "open_by_handle_at": SYS_open_by_handle_at NONE;
    "pidfd_open": SYS_pidfd_open [1, 0, 0, 0, 0, 0];
    "pidfd_getfd": SYS_pidfd_getfd NONE;
    "kcmp": SYS_kcmp NONE;
    "kill": SYS_kill [1, 0, 0, 0, 0, 0];
    "memfd_secret": SYS_memfd_secret NONE;
    "shmget": SYS_shmget [0, 4096, 0o1600, 0, 0, 0];
    "msgget": SYS_msgget [0, 0o1600, 0, 0, 0, 0];
    "semget": SYS_semget [0, 1, 0o1600, 0, 0, 0];
    "mq_open": SYS_mq_open NONE;
    "inotify_init1": SYS_inotify_init1 NONE;
    "fanotify_init": SYS_fanotify_init NONE;
    "link": SYS_link NONE;
    "symlink": SYS_symlink NONE;
    "prctl keep capabilities": SYS_prctl [8, 1, 0, 0, 0, 0];
    "ioctl TIOCSTI": SYS_ioctl [0, 0x5412, 0, 0, 0, 0];
    "exit of one thread": SYS_exit first(0);
};
