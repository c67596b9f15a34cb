//! Changing what is mounted: to make the root writable, to take a read-only bind away, to see the host.

use crate::{Attempt, system_call, verdict};
use std::ffi::CStr;

/// `MS_REMOUNT`, `MS_BIND`, `MS_MOVE`, `MS_PRIVATE`.
const REMOUNT: usize = 0x20;
const BIND: usize = 0x1000;
const MOVE: usize = 0x2000;
const PRIVATE: usize = 0x4_0000;

pub(crate) const ATTEMPTS: &[Attempt] = &[
    ("mount tmpfs", |lock| mount(c"none", c"/tmp", c"tmpfs", 0, lock)),
    ("mount proc", |lock| mount(c"proc", c"/tmp", c"proc", 0, lock)),
    ("mount overlay", |lock| mount(c"none", c"/tmp", c"overlay", 0, lock)),
    ("mount bind", |lock| mount(c"/proc", c"/tmp", c"", BIND, lock)),
    ("mount move", |lock| mount(c"/run", c"/tmp", c"", MOVE, lock)),
    ("remount / writable", |lock| mount(c"none", c"/", c"", REMOUNT, lock)),
    ("remount /tmp executable", |lock| mount(c"none", c"/tmp", c"", REMOUNT | BIND, lock)),
    ("make / private", |lock| mount(c"none", c"/", c"", PRIVATE, lock)),
    ("umount /tmp", |lock| at(libc::SYS_umount2, c"/tmp", 0, lock)),
    ("umount /proc, lazily", |lock| at(libc::SYS_umount2, c"/proc", libc::MNT_DETACH as usize, lock)),
    ("chroot", |lock| at(libc::SYS_chroot, c"/tmp", 0, lock)),
    ("pivot_root", |lock| at(libc::SYS_pivot_root, c"/tmp", c"/tmp".as_ptr() as usize, lock)),
    ("open_tree", |lock| from_here(libc::SYS_open_tree, c"/", 1, lock)),
    ("open_tree_attr", |lock| from_here(467, c"/", 1, lock)),
    ("mount_setattr", |lock| from_here(libc::SYS_mount_setattr, c"/", 0, lock)),
    ("fspick", |lock| from_here(libc::SYS_fspick, c"/", 0, lock)),
    ("fsopen", |lock| at(libc::SYS_fsopen, c"tmpfs", 0, lock)),
    ("fsconfig", |lock| at(libc::SYS_fsconfig, c"", 0, lock)),
    ("fsmount", |lock| at(libc::SYS_fsmount, c"", 0, lock)),
    ("move_mount", |lock| from_here(libc::SYS_move_mount, c"/tmp", 0, lock)),
    ("statmount", |lock| at(457, c"", 0, lock)),
    ("listmount", |lock| at(458, c"", 0, lock)),
    ("swapon", |lock| at(libc::SYS_swapon, c"/tmp/swap", 0, lock)),
    ("swapoff", |lock| at(libc::SYS_swapoff, c"/tmp/swap", 0, lock)),
    ("acct", |lock| at(libc::SYS_acct, c"/tmp/acct", 0, lock)),
    ("quotactl", |lock| at(libc::SYS_quotactl, c"", 0, lock)),
    ("quotactl_fd", |lock| at(libc::SYS_quotactl_fd, c"", 0, lock)),
];

fn mount(source: &CStr, target: &CStr, kind: &CStr, flags: usize, lock: &dyn Fn()) -> String {
    lock();
    let [source, target, kind] = [source, target, kind].map(|text| text.as_ptr() as usize);
    verdict(system_call(libc::SYS_mount, [source, target, kind, flags, 0, 0]))
}

fn at(call: i64, path: &CStr, second: usize, lock: &dyn Fn()) -> String {
    lock();
    verdict(system_call(call, [path.as_ptr() as usize, second, 0, 0, 0, 0]))
}

fn from_here(call: i64, path: &CStr, flags: usize, lock: &dyn Fn()) -> String {
    lock();
    verdict(system_call(call, [libc::AT_FDCWD as usize, path.as_ptr() as usize, flags, 0, 0, 0]))
}
