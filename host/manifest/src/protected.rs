//! Paths of a workspace that execute or steer something on the host, and that no tool may change.
//!
//! Data in `manifests/protected-paths.toml`, compiled in: the same list in every build, and none that
//! could be shortened by whoever can write a file.

use crate::diagnostics::Diagnostics;
use crate::raw::{RawProtectedFile, Reading};
use crate::read::paths;
use crate::source::{SourceFile, Sources, Spot};
use serde::Serialize;

/// A path below a writable mount that is mounted read-only on top, where it exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProtectedPath {
    /// Relative to the mount.
    pub path: String,
    /// What it would run or steer.
    pub reason: String,
}

/// The list that ships.
#[must_use]
pub fn protected_paths() -> Vec<ProtectedPath> {
    let text = include_str!("../../../manifests/protected-paths.toml");
    #[expect(
        clippy::expect_used,
        reason = "compiled in and read by a test; without the list a writable mount is code execution on the host"
    )]
    read(text).expect("the list that ships reads")
}

fn read(text: &str) -> Result<Vec<ProtectedPath>, Diagnostics> {
    let file = SourceFile { name: "protected-paths.toml".to_owned(), text: text.to_owned() };
    let sources = Sources::new([&file]);
    let mut reading = Reading::new(&sources);
    let mut list = Vec::new();
    let top = Spot { file: 0, offset: 0 };
    if let Some(table) = crate::read::parse(&mut reading, &file) {
        let raw = RawProtectedFile::from_table(&mut reading, table.get_ref(), "");
        let entries = raw.protected.required(&mut reading, top, "the list", "protected", "write [[protected]] tables");
        for entry in entries.into_iter().flat_map(|entries| entries.value) {
            let path =
                entry.value.path.required(&mut reading, entry.spot, "protected", "path", "write a relative path");
            let reason =
                entry.value.reason.required(&mut reading, entry.spot, "protected", "reason", "say what it would run");
            if let (Some(path), Some(reason)) = (path, reason) {
                if let Some(help) =
                    paths::not_relative(&path.value.0).or((path.value.0 == ".").then_some("name a file or directory"))
                {
                    reading.report(path.spot, "not a relative path", help);
                }
                list.push(ProtectedPath { path: path.value.0, reason: reason.value.0 });
            }
        }
    }
    reading.finish()?;
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_reads_and_names_what_runs_on_the_host() {
        let list = protected_paths();
        for path in [".git/hooks", ".git/config", ".envrc", ".mcp.json", ".github", ".vscode", ".idea"] {
            assert!(list.iter().any(|entry| entry.path == path), "{path} is missing");
        }
        let mut paths: Vec<_> = list.iter().map(|entry| entry.path.as_str()).collect();
        paths.sort_unstable();
        paths.dedup();
        assert_eq!(paths.len(), list.len(), "a path twice");
        assert!(list.iter().all(|entry| entry.reason.len() > 10));
    }

    /// A folder that is not itself a mount point can be renamed away together with what is mounted in it,
    /// and another put in its place: `.git/hooks` holds only while `.git` does.
    #[test]
    fn the_first_folder_of_a_path_is_protected_too() {
        let list = protected_paths();
        for entry in list.iter().filter_map(|entry| entry.path.split_once('/')) {
            assert!(list.iter().any(|other| other.path == entry.0), "{}", entry.0);
        }
    }

    #[test]
    fn a_broken_list_is_an_error() {
        for text in [
            "",
            "protected = 1",
            "[[protected]]\npath = \"/etc\"\nreason = \"x\"",
            "[[protected]]\npath = \"../x\"\nreason = \"x\"",
            "[[protected]]\npath = \"x\"",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
