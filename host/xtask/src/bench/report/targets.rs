//! What is to be reached, beside what was.

use super::memory::{Growth, each_kib};
use super::{Report, Row, table as lay_out};
use crate::load::Figures;
use crate::{button, crowd, egress, first, spinning};
use serde::Serialize;

/// One promise.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Target {
    name: &'static str,
    target: String,
    reached: String,
    met: bool,
}

/// Those whose rows were measured.
pub(super) fn of(report: &Report) -> Vec<Target> {
    let calls = |server: &str, what: &str, at_once| find(&report.rows, server, what, at_once);
    let (add, text) = ("add, HTTP", "64 KiB, HTTP");
    let both = |at_once| calls("both walls", add, at_once);
    let session = |what: &str| find(&report.sessions, "both walls", what, 1);
    let docker = find(&report.sessions, "docker", first::DOCKER_RUN, 1);
    let speed = |f: &Figures| f.per_second;
    let median = |f: &Figures| f.p50_ms;
    let parked = report.memory.iter().find(|moment| moment.when == crowd::PARKED);
    let spun = report.sessions.iter().find(|row| row.what.starts_with(spinning::BESIDE)).map(|row| &row.figures);
    [
        at_least("calls/s at 64 ÷ native", 0.7, ratio(both(64), calls("native", add, 64), speed)),
        at_least("calls/s at 64 ÷ wall 1 only", 0.85, ratio(both(64), calls("wall 1 only", add, 64), speed)),
        at_most("p50 at 1 ÷ native", 1.6, "", ratio(both(1), calls("native", add, 1), median)),
        at_most(
            "p50 of 64 KiB at 1 ÷ native",
            2.0,
            "",
            ratio(calls("both walls", text, 1), calls("native", text, 1), median),
        ),
        at_most("growth of any process between the calls", 8.0, " MiB", report.growth.as_ref().map(most_grown_mib)),
        at_most(
            "guests that spin delay the 99th of a hundred calls",
            20.0,
            " ms",
            Option::zip(spun, session(spinning::QUIET)).map(|(beside, quiet)| beside.p99_ms - quiet.p99_ms),
        ),
        at_most(
            "a guest whose client gave up is still, p99",
            spinning::DEADLINE_MS,
            " ms",
            session(spinning::GIVEN_UP).map(|figures| figures.p99_ms),
        ),
        at_most("cold session ÷ docker run", 1.3, "", ratio(session(first::COLD), docker, median)),
        at_most("warm session, p50", 20.0, " ms", session(first::WARM).map(median)),
        at_most("warm session, p50, then", 5.0, " ms", session(first::WARM).map(median)),
        at_most("one-shot call, parked, p50", 30.0, " ms", session(first::ONE_SHOT).map(median)),
        at_most("one-shot call, parked, p50, then", 15.0, " ms", session(first::ONE_SHOT).map(median)),
        at_most(
            "the red button, 10 runners in use, p50",
            250.0,
            " ms",
            find(&report.sessions, "both walls", button::PRESSED, button::RUNNERS).map(median),
        ),
        at_most("a request over the same one by curl, p50", 1.5, " ms", request(&report.requests)),
        at_most("fresh instance ÷ wasmtime's own pool", 0.6, "", report.fresh.as_ref().map(|fresh| fresh.ratio)),
        at_most(
            "own memory of a parked runner",
            12.0,
            " MiB",
            parked.and_then(|moment| moment.usage.get("runners")).map(|used| each_kib(used).0 / 1024.0),
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The table.
pub(super) fn table(targets: &[Target]) -> String {
    let line = |target: &Target| {
        let met = if target.met { "yes" } else { "no" };
        vec![target.name.to_owned(), target.target.clone(), target.reached.clone(), met.to_owned()]
    };
    lay_out(&["to reach", "target:", "reached:", "met"], &targets.iter().map(line).collect::<Vec<_>>())
}

fn find<'r>(rows: &'r [Row], server: &str, what: &str, at_once: usize) -> Option<&'r Figures> {
    rows.iter().find(|row| row.server == server && row.what == what && row.at_once == at_once).map(|row| &row.figures)
}

/// What a request adds to its call, without what it takes by itself.
fn request(rows: &[Row]) -> Option<f64> {
    let [asking, silent] = [egress::ASKING, egress::SILENT].map(|what| find(rows, "both walls", what, 1));
    let alone = find(rows, egress::CURL, egress::SMALL, 1)?;
    Some(asking?.p50_ms - silent?.p50_ms - alone.p50_ms)
}

fn ratio(ours: Option<&Figures>, theirs: Option<&Figures>, pick: fn(&Figures) -> f64) -> Option<f64> {
    ours.zip(theirs).map(|(ours, theirs)| pick(ours) / pick(theirs))
}

fn at_least(name: &'static str, target: f64, reached: Option<f64>) -> Option<Target> {
    let reached = reached?;
    Some(Target { name, target: format!("≥ {target}"), reached: format!("{reached:.2}"), met: reached >= target })
}

fn at_most(name: &'static str, target: f64, unit: &str, reached: Option<f64>) -> Option<Target> {
    let reached = reached?;
    let met = reached <= target;
    Some(Target { name, target: format!("≤ {target}{unit}"), reached: format!("{reached:.2}{unit}"), met })
}

fn most_grown_mib(growth: &Growth) -> f64 {
    growth.own_kib().map(|(_, before, after)| (after as f64 - before as f64) / 1024.0).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Memory;
    use crate::usage::{Usage, Used};

    fn row(server: &str, what: &str, at_once: usize, per_second: f64, p50_ms: f64) -> Row {
        let figures = Figures { calls: 1, per_second, p50_ms, p99_ms: p50_ms };
        Row { server: server.to_owned(), what: what.to_owned(), at_once, figures }
    }

    #[test]
    fn only_what_was_measured_is_compared() {
        assert_eq!(of(&Report::default()), []);
        let rows = vec![row("native", "add, HTTP", 64, 100.0, 1.0), row("both walls", "add, HTTP", 64, 69.0, 9.0)];
        let text = table(&of(&Report { rows, ..Report::default() }));
        assert!(text.ends_with("|---|--:|--:|---|\n| calls/s at 64 ÷ native | ≥ 0.7 | 0.69 | no |\n"), "{text}");
    }

    #[test]
    fn of_a_request_only_what_the_hub_adds_is_compared() {
        let requests = vec![
            row(egress::CURL, egress::SMALL, 1, 1.0, 0.25),
            row("both walls", egress::ASKING, 1, 1.0, 1.5),
            row("both walls", egress::SILENT, 1, 1.0, 0.5),
        ];
        let text = table(&of(&Report { requests, ..Report::default() }));
        assert!(text.ends_with("| a request over the same one by curl, p50 | ≤ 1.5 ms | 0.75 ms | yes |\n"), "{text}");
        assert_eq!(request(&[row(egress::CURL, egress::SMALL, 1, 1.0, 0.25)]), None);
    }

    #[test]
    fn sessions_memory_and_growth_are_compared_in_their_units() {
        let usage = |own_kib| Usage::from([("runners", Used { processes: 2, own_kib, ..Used::default() })]);
        let report = Report {
            sessions: vec![
                row("both walls", first::WARM, 1, 1.0, 5.5),
                row("both walls", spinning::QUIET, 1, 1.0, 1.0),
                row("both walls", &format!("{} 2 sessions", spinning::BESIDE), 1, 1.0, 4.0),
            ],
            memory: vec![Memory { when: crowd::PARKED.to_owned(), usage: usage(6 << 10) }],
            growth: Some(Growth { calls: (1, 2), usage: (usage(0), usage(9 << 10)) }),
            ..Report::default()
        };
        let text = table(&of(&report));
        for line in [
            "| growth of any process between the calls | ≤ 8 MiB | 9.00 MiB | no |",
            "| guests that spin delay the 99th of a hundred calls | ≤ 20 ms | 3.00 ms | yes |",
            "| warm session, p50 | ≤ 20 ms | 5.50 ms | yes |",
            "| warm session, p50, then | ≤ 5 ms | 5.50 ms | no |",
            "| own memory of a parked runner | ≤ 12 MiB | 3.00 MiB | yes |",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }
}
