//! Calls and sessions: how many, how long.

use super::table as lay_out;
use crate::load::Figures;
use serde::Serialize;

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

/// Each row beside the native one of its kind.
pub(super) fn table(rows: &[Row]) -> String {
    let columns =
        ["server", "what", "at once:", "calls/s:", "p50 ms:", "p99 ms:", "calls/s ÷ native:", "p50 ÷ native:"];
    let line = |row: &Row| {
        let native = rows.iter().find(|n| n.server == "native" && n.what == row.what && n.at_once == row.at_once);
        let share = |pick: fn(&Figures) -> f64| {
            native.map_or_else(String::new, |n| format!("{:.2}", pick(&row.figures) / pick(&n.figures)))
        };
        let mut cells = cells(row);
        cells.extend([share(|f| f.per_second), share(|f| f.p50_ms)]);
        cells
    };
    lay_out(&columns, &rows.iter().map(line).collect::<Vec<_>>())
}

/// What has no native counterpart.
pub(super) fn others(of: &str, rows: &[Row]) -> String {
    let columns = [of, "what", "at once:", "per s:", "p50 ms:", "p99 ms:"];
    lay_out(&columns, &rows.iter().map(cells).collect::<Vec<_>>())
}

fn cells(row: &Row) -> Vec<String> {
    let Figures { per_second, p50_ms, p99_ms, .. } = row.figures;
    vec![
        row.server.clone(),
        row.what.clone(),
        row.at_once.to_string(),
        format!("{per_second:.0}"),
        format!("{p50_ms:.2}"),
        format!("{p99_ms:.2}"),
    ]
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
        let text =
            table(&[row("native", "add", 200.0), row("both walls", "add", 50.0), row("both walls", "echo", 50.0)]);
        assert!(text.contains("| both walls | add | 8 | 50 | 1.00 | 2.00 | 0.25 | 1.00 |"), "{text}");
        assert!(text.contains("| both walls | echo | 8 | 50 | 1.00 | 2.00 |  |  |"), "{text}");
    }
}
