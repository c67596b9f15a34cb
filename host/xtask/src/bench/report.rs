//! One report of one run: for people as Markdown, for programs as JSON.

mod against;
mod calls;
mod costs;
mod fresh;
mod memory;
mod targets;

pub(crate) use against::{Compared, Comparison};
pub(crate) use calls::Row;
pub(crate) use costs::Cost;
pub(crate) use fresh::Fresh;
pub(crate) use memory::{Growth, Memory};

use serde::Serialize;
use std::fmt::Write as _;
use targets::Target;

/// Everything.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    pub(crate) machine: String,
    pub(crate) targets: Vec<Target>,
    pub(crate) rows: Vec<Row>,
    pub(crate) sessions: Vec<Row>,
    pub(crate) requests: Vec<Row>,
    pub(crate) fresh: Option<Fresh>,
    pub(crate) costs: Vec<Cost>,
    pub(crate) memory: Vec<Memory>,
    pub(crate) growth: Option<Growth>,
    pub(crate) against: Option<Comparison>,
    pub(crate) notes: Vec<String>,
}

impl Report {
    /// Compares what was measured with what is to be reached.
    pub(crate) fn compare(&mut self) {
        self.targets = targets::of(self);
    }

    /// The tables; what was not measured has none.
    pub(crate) fn markdown(&self) -> String {
        let mut text = format!("Machine: {}\n", self.machine);
        let tables = [
            targets::table(&self.targets),
            calls::table(&self.rows),
            calls::others("session", &self.sessions),
            calls::others("requests by", &self.requests),
            fresh::table(self.fresh.as_ref()),
            costs::table(&self.costs),
            memory::table(&self.memory),
            memory::growth(self.growth.as_ref()),
            against::table(self.against.as_ref()),
        ];
        for table in tables.iter().filter(|table| !table.is_empty()) {
            let _ = write!(text, "\n{table}");
        }
        for note in &self.notes {
            let _ = writeln!(text, "\n{note}");
        }
        text
    }
}

/// A table; none without a row. Columns whose names end in a colon hold numbers.
fn table(columns: &[&str], rows: &[Vec<String>]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let line = |cells: &[&str], between: &str| {
        format!("|{between}{}{between}|\n", cells.join(&format!("{between}|{between}")))
    };
    let names: Vec<&str> = columns.iter().map(|name| name.trim_end_matches(':')).collect();
    let rules: Vec<&str> = columns.iter().map(|name| if name.ends_with(':') { "--:" } else { "---" }).collect();
    let mut text = line(&names, " ") + &line(&rules, "");
    for row in rows {
        text += &line(&row.iter().map(String::as_str).collect::<Vec<_>>(), " ");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_its_rules_and_without_rows_is_none() {
        let rows = [vec!["add".to_owned(), "7".to_owned()]];
        assert_eq!(table(&["what", "ms:"], &rows), "| what | ms |\n|---|--:|\n| add | 7 |\n");
        assert_eq!(table(&["what"], &[]), "");
        assert_eq!(Report { machine: "one".to_owned(), ..Report::default() }.markdown(), "Machine: one\n");
    }
}
