//! The layer table of `ARCHITECTURE.md` against what cargo really resolves.
//!
//! The attack: a convenient dependency that puts a Wasm engine into the process that holds the container
//! engine's socket, or a network client beside hostile code. It would pass every other test.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// One row of the table.
struct Row {
    may_name: BTreeSet<String>,
    never: BTreeSet<String>,
}

fn root() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The rows under "Who may name whom".
fn table() -> BTreeMap<String, Row> {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let (_, section) = text.split_once("## Who may name whom").expect("the section is there");
    let words =
        |cell: &str| cell.split(',').map(|w| w.trim().to_owned()).filter(|w| !w.is_empty() && w != "–").collect();
    section
        .lines()
        .skip_while(|line| !line.starts_with("|---"))
        .skip(1)
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').collect();
            assert_eq!(cells.len(), 3, "a row has three cells: {line}");
            (cells[0].trim().to_owned(), Row { may_name: words(cells[1]), never: words(cells[2]) })
        })
        .collect()
}

/// Cargo's resolved graph: package name → names of its normal dependencies.
struct Graph(BTreeMap<String, BTreeSet<String>>);

impl Graph {
    fn read() -> Self {
        let output = Command::new(env!("CARGO"))
            .args(["metadata", "--format-version", "1", "--locked", "--offline"])
            .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
            .current_dir(root())
            .output()
            .expect("cargo metadata runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let metadata: Value = serde_json::from_slice(&output.stdout).expect("metadata is JSON");
        let name_of: BTreeMap<&str, &str> = metadata["packages"]
            .as_array()
            .expect("packages")
            .iter()
            .map(|p| (p["id"].as_str().expect("id"), p["name"].as_str().expect("name")))
            .collect();
        let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for node in metadata["resolve"]["nodes"].as_array().expect("nodes") {
            let from = name_of[node["id"].as_str().expect("id")];
            for dep in node["deps"].as_array().expect("deps") {
                let normal = dep["dep_kinds"].as_array().expect("kinds").iter().any(|k| k["kind"].is_null());
                if normal {
                    let to = name_of[dep["pkg"].as_str().expect("pkg")];
                    edges.entry(from.to_owned()).or_default().insert(to.to_owned());
                }
            }
            edges.entry(from.to_owned()).or_default();
        }
        Self(edges)
    }

    /// Everything below a package, through any number of steps.
    fn below(&self, package: &str) -> BTreeSet<&str> {
        let mut seen = BTreeSet::new();
        let mut open = vec![package];
        while let Some(next) = open.pop() {
            for dep in &self.0[next] {
                if seen.insert(dep.as_str()) {
                    open.push(dep);
                }
            }
        }
        seen
    }
}

#[test]
fn each_crate_names_only_what_the_table_allows() {
    let graph = Graph::read();
    let table = table();
    let ours: BTreeSet<&str> = table.keys().map(String::as_str).chain(["xtask", "tests"]).collect();
    for (name, row) in &table {
        let named: BTreeSet<&str> = graph.0[name].iter().map(String::as_str).filter(|d| ours.contains(d)).collect();
        let allowed: BTreeSet<&str> = row.may_name.iter().map(String::as_str).collect();
        let extra: Vec<_> = named.difference(&allowed).collect();
        assert!(extra.is_empty(), "{name} names {extra:?}, the table allows {allowed:?}");
    }
}

#[test]
fn what_a_crate_must_never_reach_is_nowhere_below_it() {
    let graph = Graph::read();
    for (name, row) in table() {
        let below = graph.below(&name);
        for banned in &row.never {
            // Cargo's metadata unifies features over the workspace, so that `compile` switches on the
            // compiler inside `engine` for everyone here; the runner's own build is asked below.
            if banned == "cranelift-codegen" {
                continue;
            }
            assert!(!below.contains(banned.as_str()), "{name} reaches {banned}");
        }
    }
}

/// The runner is built by itself, so its features are its own.
#[test]
fn the_runner_holds_no_compiler() {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "-p", "runner", "-e", "normal", "--prefix", "none", "--locked", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo tree runs");
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8_lossy(&tree.stdout);
    assert!(tree.contains("wasmtime v"), "the tree is the runner's");
    assert!(!tree.contains("cranelift-codegen v"), "the runner links a compiler");
}

#[test]
fn only_one_crate_names_each_of_the_sharp_tools() {
    let graph = Graph::read();
    let table = table();
    for (tool, owner) in [
        ("wasmtime", "engine"),
        ("wasmtime-wasi", "engine"),
        ("wasmtime-wasi-io", "engine"),
        ("bollard", "container"),
        ("rmcp", "hub"),
    ] {
        for name in table.keys().filter(|name| *name != owner) {
            assert!(!graph.0[name].contains(tool), "{name} names {tool}; only {owner} may");
        }
    }
}

#[test]
fn the_table_has_every_crate_of_the_host_folder() {
    let table = table();
    for entry in std::fs::read_dir(root().join("host")).expect("host/") {
        let name = entry.expect("entry").file_name().into_string().expect("UTF-8");
        assert!(name == "xtask" || table.contains_key(&name), "host/{name} is not in ARCHITECTURE.md's table");
    }
}
