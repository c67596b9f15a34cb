//! What processes spend on calls.

use super::table as lay_out;
use crate::usage::{Usage, Used};
use serde::Serialize;
use std::time::Duration;

/// What the processes used over some calls.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Cost {
    pub(crate) what: String,
    pub(crate) calls: u64,
    pub(crate) before: Usage,
    pub(crate) after: Usage,
    /// For all calls, of what the hub spent.
    pub(crate) audit: Duration,
}

/// A row for each process.
pub(super) fn table(costs: &[Cost]) -> String {
    let columns = [
        "during",
        "process",
        "processes:",
        "CPU ms:",
        "µs a call:",
        "of it audit:",
        "own memory before → after, KiB:",
        "shared, KiB:",
    ];
    lay_out(&columns, &costs.iter().flat_map(lines).collect::<Vec<_>>())
}

fn lines(cost: &Cost) -> Vec<Vec<String>> {
    let each = |ms: f64| format!("{:.1}", ms * 1e3 / cost.calls.max(1) as f64);
    let line = |(role, after): (&&'static str, &Used)| {
        let before = cost.before.get(role).copied().unwrap_or_default();
        let spent = after.cpu_ms.saturating_sub(before.cpu_ms);
        vec![
            cost.what.clone(),
            (*role).to_owned(),
            after.processes.to_string(),
            spent.to_string(),
            each(spent as f64),
            if *role == "hub" { each(cost.audit.as_secs_f64() * 1e3) } else { String::new() },
            format!("{} → {}", before.own_kib, after.own_kib),
            after.shared_kib.to_string(),
        ]
    };
    cost.after.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_has_its_share_of_what_was_spent_and_not_of_what_was_before() {
        let used = |cpu_ms| Usage::from([("hub", Used { processes: 1, cpu_ms, own_kib: cpu_ms, ..Used::default() })]);
        let cost = Cost {
            what: "add".to_owned(),
            calls: 100,
            before: used(30),
            after: used(50),
            audit: Duration::from_millis(1),
        };
        assert!(table(&[cost]).contains("| add | hub | 1 | 20 | 200.0 | 10.0 | 30 → 50 | 0 |"));
    }
}
