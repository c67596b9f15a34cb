//! What people read, and the same as JSON.

use crate::attacks::Row;
use crate::times::Times;
use crate::tour::Shown;
use serde::Serialize;
use std::fmt::Write as _;

/// Everything that the demo showed.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// Every expectation was met.
    pub(crate) ok: bool,
    /// Where the hub was.
    pub(crate) url: String,
    /// The runner image.
    pub(crate) image: String,
    /// Each shipped tool.
    pub(crate) tools: Vec<Shown>,
    /// Each attack.
    pub(crate) attacks: Vec<Row>,
    /// The container as its runner read it from inside.
    pub(crate) posture: Vec<(String, String)>,
    /// Forbidden things that the runner tried before it trusted its own walls.
    pub(crate) self_test: Vec<(String, String)>,
    /// What the runner locked on itself.
    pub(crate) lockdown: Vec<(String, String)>,
    /// How long things took.
    pub(crate) times: Times,
    /// Where each attempt's policy, wall and time are, below the clone.
    pub(crate) boundaries: &'static str,
    /// What was not as it should be.
    pub(crate) failures: Vec<String>,
}

impl Report {
    /// For people: short, in columns, marks at the left.
    pub(crate) fn for_people(&self) -> String {
        let mut text = String::new();
        let _ = writeln!(text, "\nTools at work, through both walls, on a clone of this repository\n");
        for shown in &self.tools {
            let mark = if shown.ok { "✓" } else { "✗" };
            let _ = writeln!(
                text,
                "  {mark} {:<17}{:<22}{:<44}{:>7.1} ms",
                shown.tool, shown.asked, shown.result, shown.ms
            );
        }
        let _ = writeln!(text, "\nAttacks\n");
        for row in &self.attacks {
            let mark = if row.stopped { "✓" } else { "✗" };
            let _ = writeln!(text, "  {mark} {:<22}{:<80}{:>8.1} ms", row.attack, row.wall, row.ms);
        }
        let _ = writeln!(text, "\nWall 2, read from inside the container");
        for (head, facts) in
            [("is", &self.posture), ("tried and refused", &self.self_test), ("locked by the runner", &self.lockdown)]
        {
            let _ = writeln!(text, "\n  {head}");
            for (name, value) in facts {
                let _ = writeln!(text, "    {name:<26}{value}");
            }
        }
        let Times { cold_session_ms, warm_session_ms, call_ms } = self.times;
        let _ = writeln!(text, "\nTimes, medians, over HTTP, on this machine\n");
        let _ = writeln!(text, "  cold session, first call  {cold_session_ms:>8.1} ms   a container is made for it");
        let _ = writeln!(text, "  warm session, first call  {warm_session_ms:>8.1} ms   a parked container is taken");
        let _ = writeln!(text, "  a call                    {call_ms:>8.1} ms   a fresh instance each time");
        for failure in &self.failures {
            let _ = writeln!(text, "\n✗ {failure}");
        }
        text
    }
}
