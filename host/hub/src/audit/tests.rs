//! The log as a whole: what is written and what can be read from it, killed at every step and changed in every way.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod appends;
mod full;
mod kills;
mod tampering;

use super::log::Audit;
use super::record::Entry;
use super::start::{Place, Settings};
use super::verify::{Report, directory};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

/// Heads when they are asked for, by number or at a clean stop, and room whatever the disk says.
const BY_NUMBER: Settings = Settings { records_a_head: 4, head_within: Duration::from_secs(3600), least_free_bytes: 0 };

fn open(dir: &Path) -> Audit {
    open_with(dir, BY_NUMBER)
}

fn open_with(dir: &Path, settings: Settings) -> Audit {
    Audit::open_with(Place::in_directory(dir), "test", None, settings).unwrap()
}

/// A record that can be told from others, and that goes into the reserve.
fn entry(name: &str) -> Entry {
    Entry::HubStopped { hub: name.to_owned() }
}

fn text(dir: &Path) -> String {
    std::fs::read_to_string(dir.join("audit.jsonl")).unwrap()
}

/// The records of a log, without those of the chain itself.
fn hubs(dir: &Path) -> Vec<String> {
    let text = text(dir);
    let lines = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let stopped = lines.filter(|line| line["event"] == "hub_stopped");
    stopped.map(|line| line["hub"].as_str().unwrap().to_owned()).collect()
}

/// What verifying says; without faults, or the test ends.
fn sound(dir: &Path) -> Report {
    let report = directory(dir, BTreeSet::new()).unwrap();
    assert_eq!((&report.faults, report.more_faults), (&Vec::new(), 0), "{}", text(dir));
    report
}
