//! What processes hold, each by itself, and whether it grows with the calls.

use super::table as lay_out;
use crate::usage::{Usage, Used};
use serde::Serialize;

/// What there was in one moment.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Memory {
    pub(crate) when: String,
    pub(crate) usage: Usage,
}

/// Own memory after some calls, and after many more.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Growth {
    pub(crate) calls: (u64, u64),
    pub(crate) usage: (Usage, Usage),
}

impl Growth {
    /// Own memory of each role's processes, before and after, in KiB.
    pub(super) fn own_kib(&self) -> impl Iterator<Item = (&'static str, u64, u64)> + '_ {
        let (before, after) = &self.usage;
        after.iter().map(|(role, after)| (*role, before.get(role).map_or(0, |used| used.own_kib), after.own_kib))
    }
}

/// Averages over the processes of a role, in KiB: own, shared.
pub(super) fn each_kib(used: &Used) -> (f64, f64) {
    let each = |kib: u64| kib as f64 / used.processes.max(1) as f64;
    (each(used.own_kib), each(used.shared_kib))
}

/// A row for each process in each moment.
pub(super) fn table(moments: &[Memory]) -> String {
    let columns = ["memory of", "with", "processes:", "own, MiB each:", "shared, MiB each:"];
    let line = |moment: &Memory, role: &str, used: &Used| {
        let (own, shared) = each_kib(used);
        let mib = |kib: f64| format!("{:.1}", kib / 1024.0);
        vec![role.to_owned(), moment.when.clone(), used.processes.to_string(), mib(own), mib(shared)]
    };
    let rows: Vec<_> =
        moments.iter().flat_map(|moment| moment.usage.iter().map(|(role, used)| line(moment, role, used))).collect();
    lay_out(&columns, &rows)
}

/// A row for each process.
pub(super) fn growth(growth: Option<&Growth>) -> String {
    let Some(growth) = growth else { return String::new() };
    let (fewer, more) = growth.calls;
    let columns =
        ["own memory of", &format!("after {fewer} calls, KiB:"), &format!("after {more}, KiB:"), "grown by, KiB:"];
    let line = |(role, before, after): (&str, u64, u64)| {
        vec![
            role.to_owned(),
            before.to_string(),
            after.to_string(),
            (i128::from(after) - i128::from(before)).to_string(),
        ]
    };
    lay_out(&columns, &growth.own_kib().map(line).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(processes: u64, own_kib: u64) -> Usage {
        Usage::from([("runners", Used { processes, own_kib, shared_kib: 3 << 10, ..Used::default() })])
    }

    #[test]
    fn memory_is_told_for_one_process() {
        let moment = Memory { when: "2 parked".to_owned(), usage: usage(2, 5 << 10) };
        assert!(table(&[moment]).contains("| runners | 2 parked | 2 | 2.5 | 1.5 |"));
    }

    #[test]
    fn growth_can_be_negative() {
        let growth_of = |before, after| Growth { calls: (10, 100), usage: (usage(1, before), usage(1, after)) };
        assert!(growth(Some(&growth_of(40, 30))).contains("| runners | 40 | 30 | -10 |"));
        assert_eq!(growth(None), "");
    }
}
