//! This revision beside another.

use super::table as lay_out;
use crate::load::Figures;
use serde::Serialize;

/// All rows of both.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Comparison {
    pub(crate) revision: String,
    pub(crate) rows: Vec<Compared>,
}

/// A row: one entry for each round.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Compared {
    pub(crate) what: &'static str,
    pub(crate) at_once: usize,
    pub(crate) theirs: Vec<Figures>,
    pub(crate) ours: Vec<Figures>,
}

impl Compared {
    /// The medians of the rounds: theirs, ours.
    pub(crate) fn p50_ms(&self) -> (f64, f64) {
        self.medians(|figures| figures.p50_ms)
    }

    fn medians(&self, pick: fn(&Figures) -> f64) -> (f64, f64) {
        let of = |rounds: &[Figures]| median(rounds.iter().map(pick).collect());
        (of(&self.theirs), of(&self.ours))
    }
}

/// Of an even number, the larger one in the middle.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// What they have, what we have, and ours as a share of theirs.
pub(super) fn table(comparison: Option<&Comparison>) -> String {
    let Some(Comparison { revision, rows }) = comparison else { return String::new() };
    let columns = [
        "medians of rounds in turns",
        "at once:",
        "rounds:",
        "calls/s, other:",
        "calls/s, this:",
        "this ÷ other:",
        "p50 ms, other:",
        "p50 ms, this:",
        "this ÷ other:",
    ];
    let line = |row: &Compared| {
        let ((their_speed, our_speed), (their_p50, our_p50)) = (row.medians(|f| f.per_second), row.p50_ms());
        vec![
            row.what.to_owned(),
            row.at_once.to_string(),
            row.ours.len().to_string(),
            format!("{their_speed:.0}"),
            format!("{our_speed:.0}"),
            format!("{:.2}", our_speed / their_speed),
            format!("{their_p50:.2}"),
            format!("{our_p50:.2}"),
            format!("{:.2}", our_p50 / their_p50),
        ]
    };
    let table = lay_out(&columns, &rows.iter().map(line).collect::<Vec<_>>());
    format!("Other: {}\n\n{table}", revision.replace('|', "\\|"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bad_round_moves_nothing() {
        let rounds = |times: &[f64]| {
            let of = |time: &f64| Figures { calls: 1, per_second: 1e3 / time, p50_ms: *time, p99_ms: *time };
            times.iter().map(of).collect::<Vec<_>>()
        };
        let (theirs, ours) = (rounds(&[2.0, 2.0, 90.0]), rounds(&[1.0, 70.0, 1.0]));
        let row = Compared { what: "add", at_once: 1, theirs, ours };
        let text = table(Some(&Comparison { revision: "abc1234 Add".to_owned(), rows: vec![row] }));
        assert!(text.starts_with("Other: abc1234 Add\n\n| medians"), "{text}");
        assert!(text.ends_with("| add | 1 | 3 | 500 | 1000 | 2.00 | 2.00 | 1.00 | 0.50 |\n"), "{text}");
        assert_eq!(table(None), "");
    }
}
