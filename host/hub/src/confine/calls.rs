//! The hub's filters as data, a reason beside each call. The same in every build.
//!
//! Lists of what is refused, not of what is allowed: the hub serves, stores, resolves and encrypts through
//! libraries whose calls change with their versions, and what matters here is known: programs, other processes,
//! the kernel's own doors, and sockets that lead to those who trust this user.

/// A call, when it is meant, and why it is on its list.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    /// Its name.
    pub name: &'static str,
    /// Its number on x86-64.
    pub number: i64,
    /// With which arguments it is refused.
    pub when: When,
    /// Why.
    pub reason: &'static str,
}

/// With which arguments a call is refused. Of an argument, the low half counts.
#[derive(Debug, Clone, Copy)]
pub enum When {
    /// With any.
    Always,
    /// When an argument, masked, is one of these.
    Masked {
        /// Which argument, from 0.
        argument: u8,
        /// The bits that count.
        mask: u64,
        /// What they may not be.
        values: &'static [u64],
    },
    /// When an argument is none of these.
    NoneOf {
        /// Which argument, from 0.
        argument: u8,
        /// What it may be.
        values: &'static [u64],
    },
    /// When an argument is not the number of this process.
    NotOurs {
        /// Which argument, from 0.
        argument: u8,
    },
}

const fn any(name: &'static str, number: i64, reason: &'static str) -> Call {
    Call { name, number, when: When::Always, reason }
}

const fn only(name: &'static str, number: i64, when: When, reason: &'static str) -> Call {
    Call { name, number, when, reason }
}

const PROGRAM: &str = "the hub starts no program: the launcher does, before this filter is there";
const TRACE: &str = "another process of this user, the launcher above all, would be read or steered";
const MOUNT: &str = "mounts are the launcher's, by what a manifest says";
const KERNEL: &str = "code or settings of the kernel are nobody's here";
const KEYS: &str = "keyrings are shared by a user's programs";
const SIGNAL: &str = "the launcher and other programs of this user are not the hub's to end";
const HANDLE: &str = "a file by its number is a way around what Landlock allows by path";

/// `CLONE_THREAD`.
const THREAD: u64 = 0x0001_0000;
/// `AF_UNIX`, `AF_INET`, `AF_INET6`.
const FAMILIES: &[u64] = &[1, 2, 10];
/// `SOCK_RAW`, `SOCK_PACKET`, below the flags.
const RAW: When = When::Masked { argument: 1, mask: 0xf, values: &[3, 10] };
/// `TIOCSTI`, `TIOCSETD`, `TIOCLINUX`.
const TYPING: When = When::Masked { argument: 1, mask: 0xffff_ffff, values: &[0x5412, 0x5423, 0x541c] };

/// What is said not to exist, so that the C library makes its threads with `clone`.
pub static ABSENT: [Call; 1] = [any(
    "clone3",
    libc::SYS_clone3,
    "its flags lie in memory, where no filter reads them; libraries fall back to clone",
)];

/// Refused from the first thread on.
pub static NEVER: [Call; 66] = [
    any("execve", libc::SYS_execve, PROGRAM),
    any("execveat", libc::SYS_execveat, PROGRAM),
    any("fork", libc::SYS_fork, PROGRAM),
    any("vfork", libc::SYS_vfork, PROGRAM),
    only(
        "clone",
        libc::SYS_clone,
        When::Masked { argument: 0, mask: THREAD, values: &[0] },
        "threads only; a thread cannot have namespaces of its own",
    ),
    any("unshare", libc::SYS_unshare, "a user namespace hands out every capability inside itself"),
    any("setns", libc::SYS_setns, "another process's namespaces lead out of ours"),
    any("ptrace", libc::SYS_ptrace, TRACE),
    any("process_vm_readv", libc::SYS_process_vm_readv, TRACE),
    any("process_vm_writev", libc::SYS_process_vm_writev, TRACE),
    any("process_madvise", libc::SYS_process_madvise, TRACE),
    any("process_mrelease", libc::SYS_process_mrelease, TRACE),
    any("pidfd_getfd", libc::SYS_pidfd_getfd, "the launcher's connection to the engine is a descriptor"),
    any("kcmp", libc::SYS_kcmp, TRACE),
    any("kill", libc::SYS_kill, SIGNAL),
    any("tkill", libc::SYS_tkill, SIGNAL),
    only("tgkill", libc::SYS_tgkill, When::NotOurs { argument: 0 }, "to abort is to signal oneself"),
    any("pidfd_send_signal", libc::SYS_pidfd_send_signal, SIGNAL),
    any("rt_sigqueueinfo", libc::SYS_rt_sigqueueinfo, SIGNAL),
    any("rt_tgsigqueueinfo", libc::SYS_rt_tgsigqueueinfo, SIGNAL),
    any("mount", libc::SYS_mount, MOUNT),
    any("umount2", libc::SYS_umount2, MOUNT),
    any("pivot_root", libc::SYS_pivot_root, MOUNT),
    any("chroot", libc::SYS_chroot, MOUNT),
    any("move_mount", libc::SYS_move_mount, MOUNT),
    any("open_tree", libc::SYS_open_tree, MOUNT),
    any("fsopen", libc::SYS_fsopen, MOUNT),
    any("fsconfig", libc::SYS_fsconfig, MOUNT),
    any("fsmount", libc::SYS_fsmount, MOUNT),
    any("fspick", libc::SYS_fspick, MOUNT),
    any("mount_setattr", libc::SYS_mount_setattr, MOUNT),
    any("bpf", libc::SYS_bpf, KERNEL),
    any("perf_event_open", libc::SYS_perf_event_open, KERNEL),
    any("io_uring_setup", libc::SYS_io_uring_setup, "it does what a filter refuses, where no filter looks"),
    any("io_uring_enter", libc::SYS_io_uring_enter, "the same"),
    any("io_uring_register", libc::SYS_io_uring_register, "the same"),
    any("userfaultfd", libc::SYS_userfaultfd, "it holds the kernel still in the middle of a copy"),
    any("add_key", libc::SYS_add_key, KEYS),
    any("request_key", libc::SYS_request_key, KEYS),
    any("keyctl", libc::SYS_keyctl, KEYS),
    any("init_module", libc::SYS_init_module, KERNEL),
    any("finit_module", libc::SYS_finit_module, KERNEL),
    any("delete_module", libc::SYS_delete_module, KERNEL),
    any("kexec_load", libc::SYS_kexec_load, KERNEL),
    any("kexec_file_load", libc::SYS_kexec_file_load, KERNEL),
    any("reboot", libc::SYS_reboot, KERNEL),
    any("swapon", libc::SYS_swapon, KERNEL),
    any("swapoff", libc::SYS_swapoff, KERNEL),
    any("iopl", libc::SYS_iopl, KERNEL),
    any("ioperm", libc::SYS_ioperm, KERNEL),
    any("acct", libc::SYS_acct, KERNEL),
    any("quotactl", libc::SYS_quotactl, KERNEL),
    any("syslog", libc::SYS_syslog, KERNEL),
    any("settimeofday", libc::SYS_settimeofday, "leases and tokens end by the clock"),
    any("clock_settime", libc::SYS_clock_settime, "the same"),
    any("adjtimex", libc::SYS_adjtimex, "the same"),
    any("clock_adjtime", libc::SYS_clock_adjtime, "the same"),
    any("sethostname", libc::SYS_sethostname, KERNEL),
    any("setdomainname", libc::SYS_setdomainname, KERNEL),
    any("fanotify_init", libc::SYS_fanotify_init, "it hands out descriptors of files that others open"),
    any("name_to_handle_at", libc::SYS_name_to_handle_at, HANDLE),
    any("open_by_handle_at", libc::SYS_open_by_handle_at, HANDLE),
    any(
        "memfd_create",
        libc::SYS_memfd_create,
        "a program without a file, for a way to execute that is not known here",
    ),
    only("ioctl", libc::SYS_ioctl, TYPING, "a hub on a terminal would type into it, as the operator"),
    only(
        "socket",
        libc::SYS_socket,
        When::NoneOf { argument: 0, values: FAMILIES },
        "the kernel's own doors (netlink, packet, vsock, alg) are not needed",
    ),
    only("socket", libc::SYS_socket, RAW, "packets of another sender's making"),
];

/// Refused as well once every listener is bound.
pub static LISTENING: [Call; 3] = [
    only(
        "socket",
        libc::SYS_socket,
        When::Masked { argument: 0, mask: 0xffff_ffff, values: &[1] },
        "the engine, the launcher's operator, a bus or an agent of keys: each answers on a Unix socket",
    ),
    any("bind", libc::SYS_bind, "a door of an intruder's, or an address of somebody who restarts"),
    any("listen", libc::SYS_listen, "the same"),
];

/// The same calls as programs of the x32 kind number them: the kernel may know both, and a filter sees the number.
pub(super) fn foreign() -> Vec<Call> {
    /// Set in each.
    const X32: i64 = 0x4000_0000;
    /// Those that have numbers of their own there.
    const OWN: [(i64, i64); 6] = [
        (libc::SYS_execve, 520),
        (libc::SYS_ptrace, 521),
        (libc::SYS_kexec_load, 528),
        (libc::SYS_process_vm_readv, 539),
        (libc::SYS_process_vm_writev, 540),
        (libc::SYS_execveat, 545),
    ];
    let listed = NEVER.iter().chain(&ABSENT).chain(&LISTENING);
    let same = listed.clone().map(|call| Call { number: call.number | X32, when: When::Always, ..*call });
    let own = listed.filter_map(|call| {
        let (_, number) = OWN.iter().find(|(here, _)| *here == call.number)?;
        Some(Call { number: number | X32, when: When::Always, ..*call })
    });
    same.chain(own).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn what_a_hub_must_never_do_is_on_the_list() {
        let listed: BTreeSet<_> = NEVER.iter().map(|call| call.number).collect();
        for number in [
            libc::SYS_execve,
            libc::SYS_execveat,
            libc::SYS_ptrace,
            libc::SYS_process_vm_readv,
            libc::SYS_process_vm_writev,
            libc::SYS_mount,
            libc::SYS_bpf,
            libc::SYS_io_uring_setup,
            libc::SYS_userfaultfd,
            libc::SYS_keyctl,
            libc::SYS_unshare,
            libc::SYS_setns,
            libc::SYS_finit_module,
        ] {
            assert!(listed.contains(&number), "{number}");
        }
    }

    #[test]
    fn every_rule_has_a_reason_and_every_number_its_twin() {
        let all = || NEVER.iter().chain(&ABSENT).chain(&LISTENING);
        assert!(all().all(|call| call.reason.len() > 7), "a reason is a sentence");
        let twins: BTreeSet<_> = foreign().into_iter().map(|call| call.number).collect();
        assert!(all().all(|call| twins.contains(&(call.number | 0x4000_0000))));
        assert!(twins.contains(&(520 | 0x4000_0000)));
    }
}
