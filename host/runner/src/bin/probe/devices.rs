//! Device nodes: the container has those that every container has, and no other.

use crate::files::{any, create, read, remove, written};
use crate::{Attempt, verdict};
use std::fs::{self, File};

/// What the container engine puts there: nothing of it reaches hardware.
const USUAL: [&str; 15] = [
    "console", "core", "fd", "full", "mqueue", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin", "stdout",
    "tty", "urandom",
];

pub(crate) const ATTEMPTS: &[Attempt] = &[
    ("devices beyond the usual", |lock| {
        let Ok(entries) = fs::read_dir("/dev") else { return "not readable".to_owned() };
        lock();
        let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
        let more: Vec<String> = names.filter(|name| name != "zero" && !USUAL.contains(&name.as_str())).collect();
        if more.is_empty() { "none".to_owned() } else { more.join(" ") }
    }),
    ("/dev/mem", |lock| any(&["/dev/mem", "/dev/kmem", "/dev/port"], lock)),
    ("/dev/kmsg", |lock| any(&["/dev/kmsg"], lock)),
    ("/dev/kvm", |lock| any(&["/dev/kvm", "/dev/vhost-net", "/dev/vhost-vsock", "/dev/vfio/vfio"], lock)),
    ("/dev/fuse", |lock| any(&["/dev/fuse", "/dev/cuse"], lock)),
    ("/dev/net/tun", |lock| any(&["/dev/net/tun"], lock)),
    ("disks", |lock| {
        any(&["/dev/vda", "/dev/sda", "/dev/nvme0n1", "/dev/loop0", "/dev/loop-control", "/dev/dm-0"], lock)
    }),
    ("input and graphics", |lock| any(&["/dev/uinput", "/dev/input", "/dev/dri", "/dev/fb0"], lock)),
    ("/dev/shm", |lock| create("/dev/shm/probe-file", lock)),
    ("write /dev", |lock| create("/dev/probe-file", lock)),
    ("a queue in /dev/mqueue", |lock| {
        let made = create("/dev/mqueue/probe-queue", lock);
        let _ = remove("/dev/mqueue/probe-queue");
        made
    }),
    ("a new terminal", |lock| {
        lock();
        verdict(File::open("/dev/ptmx"))
    }),
    ("/dev/tty", |lock| read("/dev/tty", lock)),
    ("/dev/console", |lock| written("/dev/console", b"", lock)),
    ("write /dev/random", |lock| written("/dev/random", b"x", lock)),
];
