//! One table of one run: for people as Markdown, for programs as JSON.

use super::load::Figures;
use super::usage::Usage;
use serde::Serialize;
use std::fmt::Write as _;

/// Calls of one kind on one server.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    pub(crate) server: String,
    /// Tool, transport, era, sockets.
    pub(crate) what: String,
    pub(crate) at_once: usize,
    #[serde(flatten)]
    pub(crate) figures: Figures,
}

/// What the processes used over some calls.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Cost {
    pub(crate) what: String,
    pub(crate) calls: u64,
    pub(crate) before: Usage,
    pub(crate) after: Usage,
}

/// Everything.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    pub(crate) machine: String,
    pub(crate) rows: Vec<Row>,
    pub(crate) sessions: Vec<Row>,
    pub(crate) costs: Vec<Cost>,
    pub(crate) notes: Vec<String>,
}

impl Report {
    /// The table.
    pub(crate) fn markdown(&self) -> String {
        let mut text = format!("Machine: {}\n\n", self.machine);
        text += "| server | what | at once | calls/s | p50 ms | p99 ms | calls/s ÷ native | p50 ÷ native |\n";
        text += "|---|---|--:|--:|--:|--:|--:|--:|\n";
        for row in &self.rows {
            let native =
                self.rows.iter().find(|n| n.server == "native" && n.what == row.what && n.at_once == row.at_once);
            let share = |pick: fn(&Figures) -> f64| {
                native.map_or_else(String::new, |n| format!("{:.2}", pick(&row.figures) / pick(&n.figures)))
            };
            let (faster, slower) = (share(|f| f.per_second), share(|f| f.p50_ms));
            let _ = writeln!(text, "{}{faster} | {slower} |", line(row));
        }
        text += "\n| session | what | at once | per s | p50 ms | p99 ms |\n|---|---|--:|--:|--:|--:|\n";
        for row in &self.sessions {
            let _ = writeln!(text, "{}", line(row).trim_end());
        }
        text += "\n| during | process | processes | CPU ms | µs a call | of it audit | own memory before → after, KiB | shared, KiB |\n";
        text += "|---|---|--:|--:|--:|--:|--:|--:|\n";
        for cost in &self.costs {
            for (role, after) in &cost.after {
                let before = cost.before.get(role).copied().unwrap_or_default();
                let spent = after.cpu_ms.saturating_sub(before.cpu_ms);
                let audit = after.audit_cpu_ms.saturating_sub(before.audit_cpu_ms);
                let each = |ms: u64| ms as f64 * 1e3 / cost.calls.max(1) as f64;
                let _ = writeln!(
                    text,
                    "| {} | {role} | {} | {spent} | {:.1} | {:.1} | {} → {} | {} |",
                    cost.what,
                    after.processes,
                    each(spent),
                    each(audit),
                    before.own_kib,
                    after.own_kib,
                    after.shared_kib
                );
            }
        }
        for note in &self.notes {
            let _ = writeln!(text, "\n{note}");
        }
        text
    }
}

fn line(row: &Row) -> String {
    let Row { server, what, at_once, figures } = row;
    let Figures { per_second, p50_ms, p99_ms, .. } = figures;
    format!("| {server} | {what} | {at_once} | {per_second:.0} | {p50_ms:.2} | {p99_ms:.2} | ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_stands_beside_the_native_one_of_its_kind() {
        let row = |server: &str, what: &str, per_second| Row {
            server: server.to_owned(),
            what: what.to_owned(),
            at_once: 8,
            figures: Figures { calls: 1, per_second, p50_ms: 1.0, p99_ms: 2.0 },
        };
        let rows = vec![row("native", "add", 200.0), row("both walls", "add", 50.0), row("both walls", "echo", 50.0)];
        let text = Report { rows, ..Report::default() }.markdown();
        assert!(text.contains("| both walls | add | 8 | 50 | 1.00 | 2.00 | 0.25 | 1.00 |"), "{text}");
        assert!(text.contains("| both walls | echo | 8 | 50 | 1.00 | 2.00 |  |  |"), "{text}");
    }
}
