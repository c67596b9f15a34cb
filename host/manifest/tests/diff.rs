//! What is told of a change, and that what is not marked as widening does not widen. What can be reached under a
//! manifest is defined here once more, by rules of its own, not by those that tell the changes.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

#[path = "diff/golden.rs"]
mod golden;
#[path = "diff/pairs.rs"]
mod pairs;
#[path = "diff/reach.rs"]
mod reach;

use manifest::diff::{Change, Side, diff};
use manifest::{ComponentName, Digest, Manifest, MountName};
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A manifest with what its names stand for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct World {
    manifest: Manifest,
    mounts: BTreeMap<MountName, PathBuf>,
    components: BTreeMap<ComponentName, Digest>,
}

impl World {
    fn side(&self) -> Side<'_> {
        Side { manifest: &self.manifest, mounts: &self.mounts, components: &self.components }
    }
}

fn changes(old: &World, new: &World) -> Vec<Change> {
    diff(&old.side(), &new.side())
}

fn runner(cases: u32) -> TestRunner {
    TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() })
}

#[test]
fn what_is_not_said_to_widen_does_not() {
    let (mut narrower, mut wider) = (0u32, 0u32);
    let counts = std::cell::RefCell::new((&mut narrower, &mut wider));
    let judged = runner(8_000).run(&pairs::pair(), |(old, new)| {
        let told = changes(&old, &new);
        let beyond = reach::beyond(&old, &new);
        let mut counts = counts.borrow_mut();
        if told.iter().any(|change| change.widens) {
            *counts.1 += u32::from(!beyond.is_empty());
        } else if beyond.is_empty() {
            *counts.0 += u32::from(old != new);
        } else {
            return Err(TestCaseError::fail(format!("{beyond:#?}\nis new, and told was\n{told:#?}")));
        }
        Ok(())
    });
    judged.unwrap();
    // Both happen often, or the property would hold of nothing.
    assert!(narrower > 300 && wider > 300, "{narrower} narrower, {wider} wider");
}

#[test]
fn nothing_is_told_exactly_when_nothing_changed() {
    runner(3_000)
        .run(&pairs::pair(), |(old, new)| {
            assert_eq!(changes(&old, &old), []);
            let told = changes(&old, &new);
            assert_eq!(told.is_empty(), old == new, "{told:#?}");
            let mut once: Vec<_> = told.iter().map(|change| &change.text).collect();
            once.sort_unstable();
            once.dedup();
            assert_eq!(once.len(), told.len(), "something is told twice: {told:#?}");
            Ok(())
        })
        .unwrap();
}

/// The values of variables are given as one that occurs nowhere else.
#[test]
fn no_value_of_a_variable_is_told_and_no_text_steers_a_terminal() {
    runner(1_000)
        .run(&pairs::pair(), |(old, new)| {
            for change in changes(&old, &new) {
                assert!(!change.text.contains(pairs::VALUE), "{change:?}");
                assert!(!change.text.chars().any(|c| c.is_control() || c == '\u{202e}'), "{change:?}");
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn the_first_manifest_is_told_whole_and_widens() {
    runner(500)
        .run(&pairs::world(), |new| {
            let told = manifest::diff::first(&new.side());
            for name in new.manifest.tools.keys() {
                assert!(told.iter().any(|change| change.text.starts_with(&format!("`{name}` is new"))), "{told:#?}");
            }
            let reached = !reach::reach(&new).is_empty();
            assert!(!reached || told.iter().any(|change| change.widens), "{told:#?}");
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_change_survives_json() {
    runner(200)
        .run(&pairs::pair(), |(old, new)| {
            let told = changes(&old, &new);
            let text = serde_json::to_string(&told).unwrap();
            assert_eq!(serde_json::from_str::<Vec<Change>>(&text).unwrap(), told);
            Ok(())
        })
        .unwrap();
}
