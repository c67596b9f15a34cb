//! Writing where nothing may be written, and where something may.

use crate::{Attempt, verdict};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

pub(crate) const ATTEMPTS: &[Attempt] = &[
    ("write /", || create("/probe-file")),
    ("write /etc", || create("/etc/probe-file")),
    ("mkdir /usr/probe", || made("/usr")),
    ("mkdir /var/probe", || made("/var")),
    ("write /runner", || verdict(OpenOptions::new().write(true).open("/runner"))),
    ("write /artefacts", || create("/artefacts/probe-file")),
    ("write /proc/sys", || verdict(OpenOptions::new().write(true).open("/proc/sys/kernel/core_pattern"))),
    ("write /proc/sysrq-trigger", || verdict(OpenOptions::new().write(true).open("/proc/sysrq-trigger"))),
    ("write /sys", || verdict(OpenOptions::new().write(true).open("/sys/kernel/uevent_helper"))),
    ("write /sys/fs/cgroup", || made("/sys/fs/cgroup")),
    ("write /dev", || create("/dev/probe-file")),
    ("write /dev/shm", || create("/dev/shm/probe-file")),
    ("read /proc/kcore", || {
        verdict(fs::File::open("/proc/kcore").and_then(|mut file| io::Read::read(&mut file, &mut [0; 64])))
    }),
    ("read /proc/self/mem", || verdict(fs::File::open("/proc/self/mem"))),
    ("read /proc/self/environ", || verdict(fs::File::open("/proc/self/environ"))),
    ("engine socket", || verdict(fs::metadata("/var/run/docker.sock"))),
    ("round trip /tmp", || round_trip("/tmp")),
    ("round trip /run", || round_trip("/run")),
    ("round trip home", || std::env::var("HOME").map_or_else(|_| "no home".to_owned(), |home| round_trip(&home))),
    ("write mount", || in_mounts(|mount| create(&format!("{mount}/probe-file")))),
    ("link in mount", || in_mounts(link)),
    ("symlink in mount", || in_mounts(|mount| verdict(symlink("/etc/passwd", format!("{mount}/probe-symlink"))))),
    ("setuid bit in /tmp", setuid_bit),
];

fn create(path: &str) -> String {
    verdict(OpenOptions::new().write(true).create(true).truncate(true).open(path))
}

/// A directory inside of another; where that one is missing, the other itself is made.
fn made(parent: &str) -> String {
    if Path::new(parent).exists() {
        verdict(fs::create_dir(format!("{parent}/probe")))
    } else {
        verdict(fs::create_dir(parent))
    }
}

fn round_trip(directory: &str) -> String {
    let path = format!("{directory}/probe-round-trip");
    let result = fs::File::create(&path)
        .and_then(|mut file| file.write_all(b"what was written"))
        .and_then(|()| fs::read_to_string(&path))
        .and_then(|text| fs::remove_file(&path).map(|()| text));
    match result {
        Ok(text) if text == "what was written" => "allowed".to_owned(),
        Ok(_) => "other content".to_owned(),
        Err(error) => crate::errno(&error),
    }
}

/// The verdict for each mount, by name.
fn in_mounts(attempt: fn(&str) -> String) -> String {
    let mut names: Vec<_> = fs::read_dir("/mnt").map_or_else(
        |_| Vec::new(),
        |entries| entries.filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned())).collect(),
    );
    names.sort_unstable();
    let verdicts: Vec<_> = names.iter().map(|name| format!("{name}={}", attempt(&format!("/mnt/{name}")))).collect();
    if verdicts.is_empty() { "no mount".to_owned() } else { verdicts.join(" ") }
}

fn link(mount: &str) -> String {
    let from = format!("{mount}/probe-from");
    match fs::File::create(&from) {
        Ok(_) => verdict(fs::hard_link(&from, format!("{mount}/probe-to"))),
        Err(error) => crate::errno(&error),
    }
}

/// Whether the bit can be set, and what the file system says of it. That it has no effect shows in
/// `NoNewPrivs` and in the mount's `nosuid`.
fn setuid_bit() -> String {
    let path = "/tmp/probe-setuid";
    verdict(fs::File::create(path).and_then(|_| fs::set_permissions(path, fs::Permissions::from_mode(0o4755))))
}
