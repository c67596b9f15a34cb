//! What processes use, by their names: CPU time and memory, as the kernel counts them.

use anyhow::Context;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

/// The processes on the way of a call, by the start of their names, as `/proc/PID/comm` has them.
const PROGRAMS: [(&str, &str); 5] = [
    ("safeclaw", "hub"),
    ("dockerd", "engine daemon"),
    ("containerd-shim", "shims"),
    ("containerd", "containerd"),
    ("runner", "runners"),
];

/// What all processes of one name use together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(crate) struct Used {
    pub(crate) processes: u64,
    pub(crate) cpu_ms: u64,
    /// Memory of their own: what would be free again without them.
    pub(crate) own_kib: u64,
    /// Memory they share with others, such as mapped programs, counted in each.
    pub(crate) shared_kib: u64,
}

/// All of them now.
pub(crate) type Usage = BTreeMap<&'static str, Used>;

/// Reads it. Other processes with these names count too: measure on a machine that does nothing else.
pub(crate) fn now() -> anyhow::Result<Usage> {
    let mut usage = Usage::new();
    for entry in std::fs::read_dir("/proc").context("/proc cannot be read")?.flatten() {
        let path = entry.path();
        let Ok(name) = std::fs::read_to_string(path.join("comm")) else { continue };
        let known = PROGRAMS.iter().find(|(start, _)| name.starts_with(start));
        let (Some((_, role)), Some(used)) = (known, read(&path)) else { continue };
        let sum = usage.entry(role).or_default();
        sum.processes += 1;
        sum.cpu_ms += used.cpu_ms;
        sum.own_kib += used.own_kib;
        sum.shared_kib += used.shared_kib;
    }
    Ok(usage)
}

/// One that ended while we looked is none.
fn read(process: &Path) -> Option<Used> {
    let status = std::fs::read_to_string(process.join("status")).ok()?;
    let kib = |name: &str| -> Option<u64> {
        status.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
    };
    Some(Used {
        processes: 1,
        cpu_ms: cpu_ms(&std::fs::read_to_string(process.join("stat")).ok()?)?,
        own_kib: kib("RssAnon:")?,
        shared_kib: kib("RssFile:")? + kib("RssShmem:")?,
    })
}

/// User and system time of a `stat` line, whose second field may hold spaces and brackets. The kernel counts
/// in ticks of 10 ms.
fn cpu_ms(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some((user + system) * 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_moves_no_field() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 100 0 0 0 3 4 0 0 20 0 1 0 100 1 1";
        assert_eq!(cpu_ms(stat), Some(70));
        assert_eq!(cpu_ms("7 (a"), None);
    }

    #[test]
    fn this_process_uses_something() -> anyhow::Result<()> {
        let used = read(Path::new("/proc/self")).context("this process can be read")?;
        assert!(used.own_kib > 0 && used.shared_kib > 0, "{used:?}");
        Ok(())
    }
}
