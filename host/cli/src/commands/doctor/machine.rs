//! The platform: Linux on x86-64, and what its kernel has for the runner's own lockdown.

use super::finding::Finding;
use std::fs::read_to_string;

const CHECK: &str = "platform";

pub(super) fn check() -> Finding {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Finding::failed(CHECK, "not Linux on x86-64", "use a Linux machine, or a virtual one");
    }
    let kernel = read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let kernel = kernel.trim();
    let actions = read_to_string("/proc/sys/kernel/seccomp/actions_avail").unwrap_or_default();
    if !actions.split_whitespace().any(|action| action == "kill_process") {
        return Finding::failed(
            CHECK,
            format!("Linux {kernel} has no seccomp filters that kill a process"),
            "use a kernel from 4.14 on, built with CONFIG_SECCOMP_FILTER",
        );
    }
    let modules = read_to_string("/sys/kernel/security/lsm").unwrap_or_default();
    let found = format!("Linux {kernel} on x86-64, seccomp, cgroup v{}", cgroup_version());
    if modules.split(',').any(|module| module.trim() == "landlock") {
        return Finding::well(CHECK, format!("{found}, Landlock"));
    }
    if modules.is_empty() {
        // Without securityfs nothing can be said; the runner reports what it applied.
        return Finding::well(CHECK, format!("{found}; Landlock is not known from here, `safeclaw posture` tells"));
    }
    Finding::warning(
        CHECK,
        format!("{found}, no Landlock"),
        "everything works; a kernel booted with lsm=landlock,… gives the runner one more layer",
    )
}

fn cgroup_version() -> u8 {
    if std::path::Path::new("/sys/fs/cgroup/cgroup.controllers").exists() { 2 } else { 1 }
}
