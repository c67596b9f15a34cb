//! One place changed at a time: `cases.toml` has the places, `expected.txt` what is told, there and back.
//! `UPDATE_GOLDEN=1` writes it anew; adding a case is adding data.

use super::{World, changes};
use manifest::{ComponentName, Digest, MountName, SourceFile};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    in_force: InForce,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InForce {
    mounts: BTreeMap<String, String>,
    components: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default)]
    fields: Vec<String>,
    from: String,
    to: String,
    #[serde(default)]
    old_mounts: BTreeMap<String, String>,
    #[serde(default)]
    new_mounts: BTreeMap<String, String>,
    #[serde(default)]
    new_components: BTreeMap<String, String>,
}

fn table() -> Table {
    toml::from_str(include_str!("cases.toml")).unwrap()
}

fn with(base: &BTreeMap<String, String>, over: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut all = base.clone();
    all.extend(over.clone());
    all.retain(|_, value| !value.is_empty());
    all
}

fn world(text: String, mounts: BTreeMap<String, String>, components: BTreeMap<String, String>) -> World {
    let file = SourceFile { name: "m.toml".to_owned(), text };
    let manifest = manifest::read(&[file]).unwrap_or_else(|errors| unreachable!("{errors}")).manifest;
    let mounts = mounts.into_iter().map(|(name, dir)| (MountName::try_from(name).unwrap(), dir.into())).collect();
    let components = components
        .into_iter()
        .map(|(name, digest)| (ComponentName::try_from(name).unwrap(), Digest::try_from(digest).unwrap()))
        .collect();
    World { manifest, mounts, components }
}

fn tell(report: &mut String, arrow: char, old: &World, new: &World) {
    for change in changes(old, new) {
        let mark = if change.widens { "widens" } else { "      " };
        writeln!(report, "{arrow} {mark}  {}", change.text).unwrap();
    }
}

#[test]
fn each_change_is_told_as_reviewed() {
    let Table { in_force, cases } = table();
    let base = include_str!("base.toml");
    let mut report = String::new();
    for case in &cases {
        assert_eq!(base.matches(&case.from).count(), 1, "`from` of {:?} stands there once", case.name);
        let old = world(base.to_owned(), with(&in_force.mounts, &case.old_mounts), in_force.components.clone());
        let new = world(
            base.replace(&case.from, &case.to),
            with(&in_force.mounts, &case.new_mounts),
            with(&in_force.components, &case.new_components),
        );
        writeln!(report, "{}", case.name).unwrap();
        tell(&mut report, '>', &old, &new);
        tell(&mut report, '<', &new, &old);
        report.push('\n');
    }
    report.push_str("the first manifest\n");
    let first = world(base.to_owned(), in_force.mounts, in_force.components);
    for change in manifest::diff::first(&first.side()) {
        let mark = if change.widens { "widens" } else { "      " };
        writeln!(report, "> {mark}  {}", change.text).unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diff/expected.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &report).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(report, expected, "UPDATE_GOLDEN=1 writes it anew");
}

/// A field that no case is for would be parsed, enforced and changed without a word.
#[test]
fn every_field_of_a_manifest_has_a_case() {
    let known = manifest::fields()
        .into_iter()
        .flat_map(|(table, fields)| fields.iter().map(move |field| format!("{table}.{field}")));
    let known: BTreeSet<String> = known.collect();
    let covered: BTreeSet<String> = table().cases.into_iter().flat_map(|case| case.fields).collect();
    assert_eq!(covered, known);
}
