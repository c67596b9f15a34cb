//! The container as seen from inside: facts read once, before the lockdown closes `/proc` and `/sys`.
//!
//! They are shown by `demo` and `doctor` and compared by tests; nothing is decided by them.

use std::fs;
use std::path::Path;

/// A value longer than this is cut: a fact is a line for a person.
const VALUE_CHARS: usize = 200;

/// Name and value of each fact; one that cannot be read says so.
#[must_use]
pub fn facts() -> Vec<(String, String)> {
    let mut facts = Vec::new();
    let mut add = |name: &str, value: Option<String>| {
        let value = value.unwrap_or_else(|| "not readable".to_owned());
        facts.push((name.to_owned(), value.chars().take(VALUE_CHARS).collect()));
    };
    let status = read("/proc/self/status").unwrap_or_default();
    for (name, key) in [
        ("uid", "Uid"),
        ("gid", "Gid"),
        ("groups", "Groups"),
        ("CapInh", "CapInh"),
        ("CapPrm", "CapPrm"),
        ("CapEff", "CapEff"),
        ("CapBnd", "CapBnd"),
        ("CapAmb", "CapAmb"),
        ("NoNewPrivs", "NoNewPrivs"),
        ("Seccomp", "Seccomp"),
    ] {
        add(name, line_of(&status, key));
    }
    let mounts = read("/proc/self/mountinfo").unwrap_or_default();
    for (name, point) in
        [("root", "/"), ("/tmp", "/tmp"), ("/run", "/run"), ("/artefacts", "/artefacts"), ("/dev/shm", "/dev/shm")]
    {
        add(name, Some(mount_options(&mounts, point).unwrap_or_else(|| "not mounted".to_owned())));
    }
    add("mounts", Some(points_below(&mounts, "/mnt/")));
    add("interfaces", read("/proc/net/dev").map(|text| interfaces(&text)));
    for (name, v2, v1) in CGROUP {
        add(name, first_of(v2, v1));
    }
    add("cpu.max", cpu_max());
    let limits = read("/proc/self/limits").unwrap_or_default();
    for (name, title) in [
        ("nofile", "Max open files"),
        ("core", "Max core file size"),
        ("fsize", "Max file size"),
        ("cpu", "Max cpu time"),
        ("nproc", "Max processes"),
    ] {
        add(name, limit_of(&limits, title));
    }
    add("hostname", read("/proc/sys/kernel/hostname").map(|text| text.trim().to_owned()));
    add("kernel", kernel());
    add("/", listing("/"));
    add("/dev", listing("/dev"));
    add("environment", Some(environment_names()));
    facts
}

/// Name, the file of cgroup v2, the file of cgroup v1.
const CGROUP: [(&str, &str, &str); 3] = [
    ("pids.max", "pids.max", "pids/pids.max"),
    ("memory.max", "memory.max", "memory/memory.limit_in_bytes"),
    ("memory.swap.max", "memory.swap.max", "memory/memory.memsw.limit_in_bytes"),
];

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok()
}

fn first_of(v2: &str, v1: &str) -> Option<String> {
    let base = Path::new("/sys/fs/cgroup");
    let text = fs::read_to_string(base.join(v2)).or_else(|_| fs::read_to_string(base.join(v1))).ok()?;
    Some(text.trim().to_owned())
}

/// Quota and period in microseconds, in the form of cgroup v2's `cpu.max`.
fn cpu_max() -> Option<String> {
    first_of("cpu.max", "cpu.max").or_else(|| {
        let quota = first_of("cpu/cpu.cfs_quota_us", "cpu,cpuacct/cpu.cfs_quota_us")?;
        let period = first_of("cpu/cpu.cfs_period_us", "cpu,cpuacct/cpu.cfs_period_us")?;
        Some(format!("{} {period}", if quota == "-1" { "max" } else { &quota }))
    })
}

/// The value of `Key:` in `/proc/self/status`, blanks collapsed.
fn line_of(status: &str, key: &str) -> Option<String> {
    let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    Some(line.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Mount options and, after a comma, those of the file system; `mountinfo` of proc(5), fields 5, 6 and last.
fn mount_options(mountinfo: &str, point: &str) -> Option<String> {
    let line = mountinfo.lines().rfind(|line| line.split(' ').nth(4) == Some(point))?;
    let per_mount = line.split(' ').nth(5)?;
    let per_file_system = line.split(" - ").nth(1)?.split(' ').nth(2)?;
    let size = per_file_system.split(',').find(|option| option.starts_with("size="));
    Some(size.map_or_else(|| per_mount.to_owned(), |size| format!("{per_mount},{size}")))
}

/// The kernel's release; gVisor tells its own only in `/proc/version`.
fn kernel() -> Option<String> {
    let release = read("/proc/sys/kernel/osrelease").map(|text| text.trim().to_owned());
    release.or_else(|| read("/proc/version")?.split_whitespace().nth(2).map(str::to_owned))
}

/// Whether the kernel is gVisor's: it does not tell its release where Linux does, and has a version all the same.
pub(crate) fn is_gvisor() -> bool {
    read("/proc/sys/kernel/osrelease").is_none() && read("/proc/version").is_some()
}

/// Whether the root is mounted read-only.
pub(crate) fn root_is_read_only() -> bool {
    let mounts = read("/proc/self/mountinfo").unwrap_or_default();
    mount_options(&mounts, "/").is_some_and(|options| options.split(',').next() == Some("ro"))
}

fn points_below(mountinfo: &str, prefix: &str) -> String {
    let points: Vec<_> = mountinfo
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(' ').skip(4);
            let (point, options) = (fields.next()?, fields.next()?);
            point.starts_with(prefix).then(|| format!("{point}:{}", options.split(',').next().unwrap_or("")))
        })
        .collect();
    if points.is_empty() { "none".to_owned() } else { points.join(" ") }
}

fn interfaces(net_dev: &str) -> String {
    let names: Vec<_> = net_dev.lines().filter_map(|line| Some(line.split_once(':')?.0.trim())).collect();
    names.join(" ")
}

/// Soft and hard limit of one line of `/proc/self/limits`.
fn limit_of(limits: &str, title: &str) -> Option<String> {
    let values = limits.lines().find_map(|line| line.strip_prefix(title))?;
    let mut words = values.split_whitespace();
    Some(format!("{} {}", words.next()?, words.next()?))
}

fn listing(directory: &str) -> Option<String> {
    let mut names: Vec<_> = fs::read_dir(directory)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .collect();
    names.sort_unstable();
    Some(names.join(" "))
}

/// Names only: a value could be a secret, and none may leave in a frame.
fn environment_names() -> String {
    let mut names: Vec<_> = std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned()).collect();
    names.sort_unstable();
    names.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_options_are_those_of_the_topmost_mount() {
        let mountinfo = "1 0 0:1 / / rw,relatime - overlay overlay rw,lowerdir=x\n\
                         2 1 0:1 / / ro,relatime - overlay overlay rw,lowerdir=x\n\
                         3 2 0:2 / /tmp rw,nosuid,nodev,noexec - tmpfs tmpfs rw,size=65536k,inode64\n";
        assert_eq!(mount_options(mountinfo, "/").as_deref(), Some("ro,relatime"));
        assert_eq!(mount_options(mountinfo, "/tmp").as_deref(), Some("rw,nosuid,nodev,noexec,size=65536k"));
        assert_eq!(mount_options(mountinfo, "/run"), None);
    }

    #[test]
    fn a_key_is_matched_whole() {
        assert_eq!(line_of("Uids:\t7\nUid:\t1000\t1000\n", "Uid").as_deref(), Some("1000 1000"));
        assert_eq!(
            limit_of("Max open files            1024                 4096                 files\n", "Max open files")
                .as_deref(),
            Some("1024 4096")
        );
        assert_eq!(interfaces("Inter-|   Receive\n face |bytes\n    lo:  0 0\n"), "lo");
    }
}
