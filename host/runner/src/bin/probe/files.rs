//! Writing where nothing may be written, and where something may.

use crate::{Attempt, verdict};
use rustix::fs::{AtFlags, CWD, Mode};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

pub(crate) const ATTEMPTS: &[Attempt] = &[
    ("write /", |lock| create("/probe-file", lock)),
    ("write /etc", |lock| create("/etc/probe-file", lock)),
    ("write /etc/hosts", |lock| written("/etc/hosts", b"", lock)),
    ("write /etc/resolv.conf", |lock| written("/etc/resolv.conf", b"", lock)),
    ("mkdir /usr/probe", |lock| made("/usr", lock)),
    ("mkdir /var/probe", |lock| made("/var", lock)),
    ("mkdir /mnt/probe", |lock| made("/mnt", lock)),
    ("write /runner", |lock| written("/runner", b"", lock)),
    ("remove /runner", |lock| {
        lock();
        verdict(remove("/runner"))
    }),
    ("rename over /runner", |lock| {
        let _ = File::create("/tmp/probe-runner");
        lock();
        verdict(rustix::fs::renameat(CWD, "/tmp/probe-runner", CWD, "/runner").map_err(io::Error::from))
    }),
    ("write /artefacts", |lock| create("/artefacts/probe-file", lock)),
    ("round trip /tmp", |lock| round_trip("/tmp", lock)),
    ("round trip /run", |lock| round_trip("/run", lock)),
    ("round trip home", |lock| {
        std::env::var("HOME").map_or_else(|_| "no home".to_owned(), |home| round_trip(&home, lock))
    }),
    ("unnamed file in /tmp", |lock| {
        lock();
        verdict(OpenOptions::new().write(true).custom_flags(libc::O_TMPFILE).open("/tmp"))
    }),
    ("file in /tmp opened before", |lock| {
        let file = File::create("/tmp/probe-before");
        lock();
        verdict(file.and_then(|mut file| file.write_all(b"x")))
    }),
    ("setuid bit in /tmp", |lock| {
        let path = "/tmp/probe-setuid";
        let made = File::create(path);
        lock();
        verdict(made.and_then(|_| fs::set_permissions(path, fs::Permissions::from_mode(0o4755))))
    }),
    ("setuid file made in /tmp", |lock| {
        lock();
        verdict(OpenOptions::new().write(true).create(true).truncate(true).mode(0o4755).open("/tmp/probe-born-setuid"))
    }),
    ("read /runner", |lock| read("/runner", lock)),
    ("leave by `..`", |lock| read("/../../../../../etc/shadow", lock)),
    ("leave by /proc/self/root", |lock| read("/proc/self/root/../../etc/shadow", lock)),
    ("leave by /proc/1/root", |lock| read("/proc/1/root/etc/shadow", lock)),
    ("leave by /proc/1/cwd", |lock| read("/proc/1/cwd/../../etc/shadow", lock)),
    ("leave by an open directory", |lock| {
        let root = File::open("/");
        lock();
        use std::os::fd::AsRawFd;
        verdict(root.and_then(|root| {
            let flags = libc::O_RDONLY as usize;
            let path = c"../../../etc/shadow".as_ptr() as usize;
            crate::system_call(libc::SYS_openat, [root.as_raw_fd() as usize, path, flags, 0, 0, 0])
        }))
    }),
    ("the engine's socket", |lock| any(&["/var/run/docker.sock", "/run/docker.sock", "/run/podman/podman.sock"], lock)),
    ("containerd's socket", |lock| any(&["/run/containerd/containerd.sock", "/run/containerd"], lock)),
    ("the engine's files", |lock| any(&["/var/lib/docker", "/var/lib/containerd", "/etc/docker", "/run/docker"], lock)),
    ("layers and other containers, by their host path", host_layers),
    ("the hub's files", |lock| any(&["/root", "/home", "/srv", "/host", "/.safeclaw"], lock)),
    ("secrets of an orchestrator", |lock| any(&["/run/secrets", "/var/run/secrets"], lock)),
];

/// By the newer spellings of these calls: the profile has no others, and it is the file system that is asked.
pub(crate) fn remove(path: &str) -> io::Result<()> {
    Ok(rustix::fs::unlinkat(CWD, path, AtFlags::empty())?)
}

pub(crate) fn make_directory(path: &str) -> io::Result<()> {
    Ok(rustix::fs::mkdirat(CWD, path, Mode::from_raw_mode(0o777))?)
}

pub(crate) fn create(path: &str, lock: &dyn Fn()) -> String {
    lock();
    verdict(OpenOptions::new().write(true).create(true).truncate(true).open(path))
}

/// Opens what is there and writes to it.
pub(crate) fn written(path: &str, text: &[u8], lock: &dyn Fn()) -> String {
    lock();
    verdict(OpenOptions::new().write(true).open(path).and_then(|mut file| file.write_all(text)))
}

/// The first bytes; `empty` where there are none.
pub(crate) fn read(path: &str, lock: &dyn Fn()) -> String {
    lock();
    let mut first = [0; 64];
    match File::open(path).and_then(|mut file| io::Read::read(&mut file, &mut first)) {
        Ok(0) => "empty".to_owned(),
        other => verdict(other),
    }
}

/// A directory inside of another; where that one is missing, the other itself is made.
pub(crate) fn made(parent: &str, lock: &dyn Fn()) -> String {
    let child = if Path::new(parent).exists() { format!("{parent}/probe") } else { parent.to_owned() };
    lock();
    verdict(make_directory(&child))
}

fn round_trip(directory: &str, lock: &dyn Fn()) -> String {
    let path = format!("{directory}/probe-round-trip");
    lock();
    let result = File::create(&path)
        .and_then(|mut file| file.write_all(b"what was written"))
        .and_then(|()| fs::read_to_string(&path))
        .and_then(|text| remove(&path).map(|()| text));
    match result {
        Ok(text) if text == "what was written" => "allowed".to_owned(),
        Ok(_) => "other content".to_owned(),
        Err(error) => crate::errno(&error),
    }
}

/// The first of these that is there; or why none is.
pub(crate) fn any(paths: &[&str], lock: &dyn Fn()) -> String {
    lock();
    let mut missing = String::new();
    for path in paths {
        match OpenOptions::new().read(true).custom_flags(libc::O_PATH).open(path) {
            Ok(_) => return format!("{path} is there"),
            Err(error) => missing = crate::errno(&error),
        }
    }
    missing
}

/// `/proc/self/mountinfo` names the directories on the host that this root is made of. Names are no keys.
fn host_layers(lock: &dyn Fn()) -> String {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let directories: Vec<&str> = mounts
        .split([',', ' ', ':', '\n'])
        .filter_map(|option| {
            option
                .split_once("dir=")
                .map_or_else(|| option.starts_with("/var/lib/").then_some(option), |(_, path)| Some(path))
        })
        .filter(|path| path.starts_with("/var/") || path.contains("overlay"))
        .collect();
    if directories.is_empty() {
        return "no names".to_owned();
    }
    any(&directories, lock)
}
