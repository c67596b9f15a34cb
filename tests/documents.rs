//! What the documents say is there: every test that a table names, and everything that a link leads to.
//!
//! A promise whose test was renamed or removed would otherwise go on being read as one that is kept.

use std::fs;
use std::path::{Path, PathBuf};
use tests::fuzz::BODIES;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The documents of this repository.
fn documents() -> Vec<PathBuf> {
    let folders = ["", ".github", "docs", "fuzz", "manifests", "plugins", "runner-image", "tests/guests"];
    let mut found: Vec<PathBuf> = folders
        .iter()
        .flat_map(|folder| fs::read_dir(root().join(folder)).expect("a folder with documents"))
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    found.sort();
    found
}

/// What a document names in its tables' columns of tests.
#[derive(Debug, Default)]
struct Named {
    tests: usize,
    missing: Vec<String>,
}

impl Named {
    fn of(document: &str) -> Self {
        let mut named = Self::default();
        let mut column = None;
        let mut before = Cell::default();
        for line in document.lines() {
            let cells: Vec<&str> = line.trim().trim_matches('|').split('|').map(str::trim).collect();
            if !line.trim_start().starts_with('|') {
                column = None;
            } else if let Some(place) = cells.iter().position(|cell| matches!(*cell, "test" | "tests")) {
                column = Some(place);
            } else if let Some(cell) = column.and_then(|place| cells.get(place)) {
                // A row may go on with the file of the row above: "the same; `another_test`".
                if !cell.starts_with("the same") {
                    before = Cell::default();
                }
                named.read(cell, &mut before);
            }
        }
        named
    }

    fn read(&mut self, cell: &str, place: &mut Cell) {
        for span in cell.split('`').skip(1).step_by(2) {
            match place.find(span) {
                Some(true) => self.tests += 1,
                Some(false) => self.missing.push(format!("`{span}` in: {cell}")),
                None => {}
            }
        }
    }
}

/// Where the words of a cell are to be found: the last file that was named.
#[derive(Debug, Default)]
struct Cell(Option<PathBuf>);

impl Cell {
    /// Whether what a word names is there; nothing where it names nothing.
    fn find(&mut self, span: &str) -> Option<bool> {
        if let Some(rest) = span.strip_prefix("tests::") {
            let (module, name) = rest.rsplit_once("::")?;
            let module = module.replace("::", "/");
            let places = [format!("tests/{module}.rs"), format!("tests/{module}"), format!("tests/src/{module}")];
            return Some(places.iter().any(|place| has_function(&root().join(place), name)));
        }
        if span.contains('/') {
            let path = [root().join("host").join(span), root().join(span)].into_iter().find(|path| exists(path));
            self.0.clone_from(&path);
            return Some(path.is_some());
        }
        let is_name = span.len() > 3 && span.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        let place = self.0.as_deref().filter(|_| is_name)?;
        let is_golden = place.components().any(|part| part.as_os_str() == "golden");
        Some(if is_golden { exists(&place.with_file_name(span)) } else { has_function(place, span) })
    }
}

/// A file, a folder, or a golden case, which is named without its ending.
fn exists(path: &Path) -> bool {
    path.exists() || path.with_extension("toml").exists()
}

/// Whether a file, or one in a folder, has a function of this name.
fn has_function(place: &Path, name: &str) -> bool {
    if let Ok(entries) = fs::read_dir(place) {
        return entries.flatten().any(|entry| has_function(&entry.path(), name));
    }
    let text = fs::read_to_string(place).unwrap_or_default();
    text.contains(&format!("fn {name}(")) || text.contains(&format!("fn {name}<"))
}

#[test]
fn every_test_that_a_document_names_is_there() {
    let mut all = 0;
    for path in documents() {
        let named = Named::of(&fs::read_to_string(&path).expect("a document"));
        assert!(named.missing.is_empty(), "{}:\n{}", path.display(), named.missing.join("\n"));
        all += named.tests;
        let wanted = ["limits.md", "threat-model.md"].iter().any(|name| path.ends_with(name));
        assert!(!wanted || named.tests > 40, "{} names {} tests", path.display(), named.tests);
    }
    assert!(all > 150, "{all} tests are named in all");
}

#[test]
fn a_test_that_is_not_there_is_missed() {
    let row = |cell: &str| Named::of(&format!("| bound | test |\n|---|---|\n| x | {cell} |\n"));
    for cell in [
        "`manifest/src/bounds.rs` `no_such_function`",
        "`manifest/src/no_such_file.rs`",
        "`tests::container::row_99_is_not_there`",
        "`manifest/tests/golden/invalid/no_such_case`",
        "`manifest/tests/golden/invalid/limits_huge`, `no_such_case`",
        "the right file, another's test: `hub/src/bounds.rs` `a_file_has_a_greatest_size`",
    ] {
        assert_eq!(row(cell).missing.len(), 1, "{cell}");
    }
    for (cell, tests) in [
        ("pending", 0),
        ("`manifest/tests/golden/invalid/limits_huge`, `limits_zero`", 2),
        ("`tests/limits.rs` `swap_adds_nothing_to_memory`", 2),
        ("`tests::container::row_01_root_read_only`", 1),
    ] {
        let named = row(cell);
        assert!(named.missing.is_empty() && named.tests == tests, "{cell}: {named:?}");
    }
    let elsewhere = Named::of("| file | what |\n|---|---|\n| `no/such/file.rs` | x |\n");
    assert!(elsewhere.missing.is_empty(), "only a column of tests names tests");
}

/// Links of a document that lead nowhere.
fn dead_links(document: &str, folder: &Path) -> (usize, Vec<String>) {
    let mut dead = Vec::new();
    let mut links = 0;
    let mut fenced = false;
    for line in document.lines() {
        fenced ^= line.trim_start().starts_with("```");
        for rest in line.split("](").skip(1).filter(|_| !fenced) {
            let target = rest.split([')', '#', ' ']).next().unwrap_or_default();
            if target.is_empty() || target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            links += 1;
            if !folder.join(target).exists() {
                dead.push(target.to_owned());
            }
        }
    }
    (links, dead)
}

#[test]
fn every_link_of_a_document_leads_somewhere() {
    let mut all = 0;
    for path in documents() {
        let text = fs::read_to_string(&path).expect("a document");
        let (links, dead) = dead_links(&text, path.parent().expect("a folder"));
        assert!(dead.is_empty(), "{} links to {dead:?}", path.display());
        all += links;
    }
    assert!(all > 10, "{all} links in all");
    let text = "[a](no/such/file.md) [b](docs/limits.md#x) [c](https://example.com/x)\n```\n[d](nowhere)\n```\n";
    assert_eq!(dead_links(text, &root()), (2, vec!["no/such/file.md".to_owned()]));
}

/// A body without a libFuzzer target, or without a corpus, would be looked at by half of those who could.
#[test]
fn every_fuzz_body_has_a_target_and_a_corpus() {
    let settings = fs::read_to_string(root().join("fuzz/Cargo.toml")).expect("fuzz/Cargo.toml");
    for name in BODIES.iter().chain(&["schema"]) {
        assert!(settings.contains(&format!("name = \"{name}\"")), "{name} has no target");
        assert!(root().join(format!("fuzz/fuzz_targets/{name}.rs")).is_file(), "{name} has no target");
        assert!(
            fs::read_dir(root().join(format!("tests/fuzz/corpus/{name}")))
                .is_ok_and(|mut files| files.next().is_some())
        );
    }
}
