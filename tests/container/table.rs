//! The table of attempts as data, and as the page that people read.

use serde::Deserialize;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::process::Command;
use tests::handed;

/// Where the table is, below the repository, and where its page.
const TABLE: &str = "tests/container/attacks.toml";
const PAGE: &str = "runner-image/attacks.md";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    pub(super) section: Vec<Section>,
}

/// Attempts of one kind, made at the same stages.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Section {
    pub(super) name: String,
    /// What they would give.
    gives: String,
    pub(super) stages: Vec<String>,
    /// The attempt; how it ends at each stage; why, where it is let through.
    rows: Vec<Vec<String>>,
}

/// One attempt.
pub(super) struct Row<'a> {
    pub(super) attempt: &'a str,
    ends: &'a [String],
    why: &'a str,
}

impl Section {
    pub(super) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|row| {
            let [attempt, ends @ .., why] = row.as_slice() else { panic!("a short row: {row:?}") };
            assert_eq!(ends.len(), self.stages.len(), "{attempt}: an ending for each stage");
            Row { attempt, ends, why }
        })
    }
}

impl<'a> Row<'a> {
    /// How it ends at a stage of its section. Where kernels differ there are several, between bars.
    pub(super) fn end(&self, section: &Section, stage: &str) -> Option<&'a str> {
        let at = section.stages.iter().position(|known| known == stage)?;
        self.ends.get(at).map(String::as_str).filter(|end| !end.is_empty())
    }
}

pub(super) fn read() -> Table {
    let path = handed::repository().join(TABLE);
    toml::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap_or_else(|error| panic!("{TABLE}: {error}"))
}

/// Whether an ending is a refusal: an error of the kernel, or death.
fn refused(end: &str) -> bool {
    end.split('|').all(|end| end.starts_with("SIG") || (end.starts_with('E') && !end.contains(' ')) || end.is_empty())
}

fn page(table: &Table) -> String {
    let attempts: usize = table.section.iter().map(|section| section.rows.len()).sum();
    let cells = || {
        table
            .section
            .iter()
            .flat_map(|section| section.rows().flat_map(|row| row.ends.iter()).filter(|end| !end.is_empty()))
    };
    let (all, no) = (cells().count(), cells().filter(|end| refused(end)).count());
    let mut text = format!(
        "# Attacks on wall 2\n\n\
         Written from `{TABLE}` by the test that compares the two; `UPDATE_GOLDEN=1` writes it anew.\n\n\
         {attempts} attempts, {all} endings, of which {no} are a refusal by the kernel or death; each of the others says \
         why. `small` and `large` are the container alone, before the runner has locked itself down; `locked` is after \
         its first filter, `sealed` after its last, when artefacts are mapped. An ending is the name of an errno, the \
         signal that ended the process, or what was found. Several, where kernels differ, are separated by bars.\n"
    );
    for section in &table.section {
        let bar = |cells: &[&str]| format!("| {} |\n", cells.join(" | "));
        let head: Vec<&str> =
            std::iter::once("attempt").chain(section.stages.iter().map(String::as_str)).chain(["why"]).collect();
        let _ = write!(text, "\n## {}\n\n{}\n\n", section.name, section.gives);
        text += &bar(&head);
        text += &bar(&vec!["---"; head.len()]);
        for row in section.rows() {
            let ends: Vec<String> = row.ends.iter().map(|end| end.replace('|', " \\| ")).collect();
            let cells: Vec<&str> =
                std::iter::once(row.attempt).chain(ends.iter().map(String::as_str)).chain([row.why]).collect();
            text += &bar(&cells);
        }
    }
    text
}

#[test]
fn the_page_shows_the_table() {
    let path = handed::repository().join(PAGE);
    let wanted = page(&read());
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == wanted, "{PAGE} is not what {TABLE} says; UPDATE_GOLDEN=1 writes it anew");
}

#[test]
fn what_is_let_through_has_a_reason() {
    for section in read().section {
        for row in section.rows() {
            let through = row.ends.iter().any(|end| !refused(end));
            assert!(!through || row.why.len() > 10, "{}: {:?} and no reason", row.attempt, row.ends);
        }
    }
}

/// The probe names its attempts; none is without a row, and no row without an attempt.
#[test]
fn each_attempt_has_its_row() {
    let listed = Command::new(handed::program("probe")).arg("list").output().unwrap();
    let listed: Vec<(String, String)> = super::boxes::Said::read(&String::from_utf8(listed.stdout).unwrap(), 0).results;
    // What is merely read out, for the promises.
    let attempts: BTreeSet<(String, String)> =
        listed.iter().filter(|(_, section)| section != "status").cloned().collect();
    assert_eq!(listed.iter().map(|(name, _)| name).collect::<BTreeSet<_>>().len(), listed.len(), "a name twice");
    let table = read();
    let rows: Vec<(String, String)> = table
        .section
        .iter()
        .flat_map(|section| section.rows().map(|row| (row.attempt.to_owned(), section.name.clone())))
        .collect();
    let distinct: BTreeSet<(String, String)> = rows.iter().cloned().collect();
    assert_eq!(distinct.len(), rows.len(), "a row twice");
    let without: Vec<_> = attempts.difference(&distinct).collect();
    let stale: Vec<_> = distinct.difference(&attempts).collect();
    assert!(without.is_empty() && stale.is_empty(), "no row: {without:?}; no attempt: {stale:?}");
}
