//! What of the kernel's own file systems gives way: settings of the machine, memory of processes, limits.

use crate::files::{made, read, written};
use crate::{Attempt, verdict};
use std::fs;

pub(crate) const ATTEMPTS: &[Attempt] = &[
    ("write core_pattern", |lock| written("/proc/sys/kernel/core_pattern", b"|/tmp/x", lock)),
    ("write modprobe", |lock| written("/proc/sys/kernel/modprobe", b"/tmp/x", lock)),
    ("write hostname", |lock| written("/proc/sys/kernel/hostname", b"x", lock)),
    ("write randomize_va_space", |lock| written("/proc/sys/kernel/randomize_va_space", b"0", lock)),
    ("write memfd_noexec", |lock| written("/proc/sys/vm/memfd_noexec", b"0", lock)),
    ("write overcommit_memory", |lock| written("/proc/sys/vm/overcommit_memory", b"1", lock)),
    ("write ip_forward", |lock| written("/proc/sys/net/ipv4/ip_forward", b"1", lock)),
    ("write binfmt_misc", |lock| written("/proc/sys/fs/binfmt_misc/register", b"x", lock)),
    ("write sysrq-trigger", |lock| written("/proc/sysrq-trigger", b"b", lock)),
    ("write /proc/irq", |lock| written("/proc/irq/default_smp_affinity", b"1", lock)),
    ("write /proc/bus", |lock| made("/proc/bus", lock)),
    ("read /proc/kcore", |lock| read("/proc/kcore", lock)),
    ("read /proc/kmsg", |lock| read("/proc/kmsg", lock)),
    ("read /proc/keys", |lock| read("/proc/keys", lock)),
    ("read /proc/timer_list", |lock| read("/proc/timer_list", lock)),
    ("read /proc/kallsyms", kallsyms),
    ("list /proc/acpi", |lock| listed("/proc/acpi", lock)),
    ("list /proc/scsi", |lock| listed("/proc/scsi", lock)),
    ("list /sys/firmware", |lock| listed("/sys/firmware", lock)),
    ("list /sys/kernel/debug", |lock| listed("/sys/kernel/debug", lock)),
    ("list /sys/kernel/security", |lock| listed("/sys/kernel/security", lock)),
    ("write uevent_helper", |lock| written("/sys/kernel/uevent_helper", b"/tmp/x", lock)),
    ("write /sys/power/state", |lock| written("/sys/power/state", b"mem", lock)),
    ("write /sys/kernel/mm", |lock| written("/sys/kernel/mm/transparent_hugepage/enabled", b"always", lock)),
    ("make a cgroup", |lock| made("/sys/fs/cgroup", lock)),
    ("raise own limit of processes", |lock| own_cgroup("pids.max", "pids/pids.max", lock)),
    ("raise own limit of memory", |lock| own_cgroup("memory.max", "memory/memory.limit_in_bytes", lock)),
    ("write release_agent", |lock| written("/sys/fs/cgroup/memory/release_agent", b"/tmp/x", lock)),
    ("read the environment of PID 1", |lock| read("/proc/1/environ", lock)),
    ("read the command line of PID 1", |lock| read("/proc/1/cmdline", lock)),
    ("read the memory of PID 1", |lock| read("/proc/1/mem", lock)),
    ("open a pipe of PID 1", |lock| written("/proc/1/fd/1", b"", lock)),
    ("open own memory", |lock| {
        lock();
        verdict(fs::File::open("/proc/self/mem"))
    }),
    ("open own page map", |lock| {
        lock();
        verdict(fs::File::open("/proc/self/pagemap"))
    }),
    ("oom_score_adj lowered", |lock| written("/proc/self/oom_score_adj", b"-1000", lock)),
    ("write attr/current", |lock| written("/proc/self/attr/current", b"unconfined", lock)),
    ("write loginuid", |lock| written("/proc/self/loginuid", b"0", lock)),
    ("write clear_refs", |lock| written("/proc/self/clear_refs", b"5", lock)),
    ("processes of the host", |lock| {
        lock();
        let host = ["kthreadd", "init", "systemd", "dockerd", "containerd"];
        let Ok(entries) = fs::read_dir("/proc") else { return "EACCES".to_owned() };
        let names = entries.flatten().filter_map(|entry| fs::read_to_string(entry.path().join("comm")).ok());
        let found: Vec<String> = names.filter(|name| host.contains(&name.trim())).collect();
        if found.is_empty() { "none".to_owned() } else { found.concat() }
    }),
];

/// The addresses of kernel functions: zeros, for whoever may not know them.
fn kallsyms(lock: &dyn Fn()) -> String {
    lock();
    let Ok(text) = fs::read_to_string("/proc/kallsyms") else { return read("/proc/kallsyms", &|| ()) };
    let known =
        text.lines().any(|line| line.split(' ').next().is_some_and(|address| address.chars().any(|c| c != '0')));
    if known { "addresses".to_owned() } else { "no addresses".to_owned() }
}

fn listed(directory: &str, lock: &dyn Fn()) -> String {
    lock();
    match fs::read_dir(directory).map(Iterator::count) {
        Ok(0) => "empty".to_owned(),
        other => verdict(other),
    }
}

fn own_cgroup(v2: &str, v1: &str, lock: &dyn Fn()) -> String {
    let path = |name: &str| format!("/sys/fs/cgroup/{name}");
    let there = fs::metadata(path(v2)).is_ok();
    written(&path(if there { v2 } else { v1 }), b"1000000000", lock)
}
