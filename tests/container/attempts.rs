//! The table, stage by stage: each attempt ends as it says.

use super::altered::{self, with_children};
use super::boxes::{Boxes, Said, lines};
use super::table::{self, Section, Table};
use std::io::{Read, Write};

/// Attempts that use something up have a container each.
const ALONE: &str = "limits";

/// What one attempt was to end in.
struct Wanted<'t> {
    attempt: &'t str,
    end: &'t str,
}

fn wanted<'t>(table: &'t Table, stage: &'t str) -> Vec<Wanted<'t>> {
    let of = |section: &'t Section| {
        section.rows().filter_map(move |row| Some(Wanted { attempt: row.attempt, end: row.end(section, stage)? }))
    };
    table.section.iter().filter(|section| section.name != ALONE).flat_map(of).collect()
}

/// Whether an attempt ends its process: in the container of many that takes a child of its own.
fn ends_its_process(end: &str) -> bool {
    end.split('|').any(|end| end.starts_with("SIG") || end == "executed")
}

/// What differs, in words.
fn differences<'t>(
    stage: &str,
    said: &Said,
    name: impl Fn(&str) -> String,
    wanted: impl IntoIterator<Item = Wanted<'t>>,
) -> Vec<String> {
    let differs = |Wanted { attempt, end }: Wanted<'t>| {
        let found = said.found(&name(attempt)).unwrap_or("nothing said");
        (!end.split('|').any(|end| end == found)).then(|| format!("{stage}: {attempt}: {found}, not {end}"))
    };
    wanted.into_iter().filter_map(differs).collect()
}

/// The container alone, in one process and under exactly the profile that ships.
fn in_one_process(size: &str) {
    let table = table::read();
    let wanted: Vec<Wanted<'_>> = wanted(&table, size).into_iter().filter(|w| !ends_its_process(w.end)).collect();
    let names: Vec<&str> = wanted.iter().map(|w| w.attempt).collect();
    let said = Boxes::of_probes().probe(size, &names);
    let wrong = differences(size, &said, str::to_owned, wanted);
    assert!(wrong.is_empty(), "exit {}:\n{}", said.exit, wrong.join("\n"));
}

/// Each attempt in a child of its own, in a container that differs from the shipping one by letting it fork.
fn apart(boxes: &Boxes, size: &str, words: &[String]) -> Said {
    let (like, _) = boxes.create(size);
    let mut altered = altered::start(&like, with_children).unwrap();
    let words: Vec<&str> = std::iter::once("apart").chain(words.iter().map(String::as_str)).collect();
    altered.input.write_all(lines(&words).as_bytes()).unwrap();
    let mut text = String::new();
    altered.output.read_to_string(&mut text).unwrap();
    let exit = altered.end().unwrap_or(-1);
    super::boxes::block_on(boxes.launcher.kill(&like)).unwrap();
    Said::read(&text, exit)
}

/// The stages of one container, each with the name that the probe has for it.
fn stages_apart(boxes: &Boxes, size: &str, stages: &[(&str, &str)], which: fn(&str, &str) -> bool) {
    let table = table::read();
    let picked = |stage| wanted(&table, stage).into_iter().filter(move |w| which(stage, w.end));
    let words: Vec<String> =
        stages.iter().flat_map(|(stage, lock)| picked(stage).map(move |w| format!("{lock}:{}", w.attempt))).collect();
    let said = apart(boxes, size, &words);
    let wrong: Vec<String> = stages
        .iter()
        .flat_map(|(stage, lock)| differences(stage, &said, |attempt| format!("{lock}:{attempt}"), picked(stage)))
        .collect();
    assert!(wrong.is_empty(), "exit {}:\n{}", said.exit, wrong.join("\n"));
}

#[test]
fn a_small_container_alone() {
    in_one_process("small");
}

#[test]
fn a_large_container_alone() {
    in_one_process("large");
}

#[test]
fn a_large_container_and_what_ends_a_process() {
    stages_apart(Boxes::of_probes(), "large", &[("large", "open")], |_, end| ends_its_process(end));
}

#[test]
fn after_each_step_of_the_lockdown() {
    let stages = [("small", "open"), ("locked", "locked"), ("sealed", "sealed")];
    stages_apart(Boxes::of_probes(), "small", &stages, |stage, end| stage != "small" || ends_its_process(end));
}

#[test]
fn with_a_writable_mount() {
    let workspace = super::protected::workspace();
    let before = super::protected::content(workspace.path());
    let boxes = Boxes::with_mount(Some(workspace.path()));
    let stages = [("mounted", "open"), ("mounted, locked", "locked"), ("mounted, sealed", "sealed")];
    stages_apart(&boxes, "small", &stages, |_, _| true);
    // An attempt that ends its process cannot remove the file that it had prepared.
    let mut after = super::protected::content(workspace.path());
    after.retain(|name, _| !name.starts_with("probe-"));
    assert!(after == before, "the workspace is not as it was: {:?}", after.keys().collect::<Vec<_>>());
}

/// What is used up is used up in a container of its own.
fn alone(size: &str) {
    let table = table::read();
    let section = table.section.iter().find(|section| section.name == ALONE).unwrap();
    for row in section.rows() {
        let Some(end) = row.end(section, size) else { continue };
        let said = if row.attempt == "fork bomb" {
            apart(Boxes::of_probes(), size, &[format!("open:{}", row.attempt)])
        } else {
            Boxes::of_probes().probe(size, &[row.attempt])
        };
        let found = if said.exit == 137 {
            "SIGKILL"
        } else {
            said.found(row.attempt).or(said.found("open:fork bomb")).unwrap_or("nothing said")
        };
        assert_eq!(found, end, "{} in {size}: {said:?}", row.attempt);
    }
}

#[test]
fn using_things_up_in_a_small_container() {
    alone("small");
}

#[test]
fn using_things_up_in_a_large_container() {
    alone("large");
}
