//! Manifests and what is made of them. A case is a `.toml` file, or a directory of them; one that begins
//! with `# with base` is read together with `golden/base.toml`. The result stands beside it: `valid` has
//! the manifest as `.json`, `invalid` the diagnostics as `.err`, `explain` every tool's explanation as
//! `.txt`. Adding a case is adding a file; `UPDATE_GOLDEN=1` writes the results.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use manifest::{Read, SourceFile};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

#[derive(serde::Serialize)]
struct Accepted {
    manifest: manifest::Manifest,
    warnings: Vec<String>,
}

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn source(path: &Path) -> SourceFile {
    let name = path.file_name().unwrap().to_str().unwrap().to_owned();
    SourceFile { name, text: fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())) }
}

fn sorted(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn is_toml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "toml")
}

/// The files of one case.
fn files(case: &Path) -> Vec<SourceFile> {
    let paths = if case.is_dir() { sorted(case) } else { vec![case.to_owned()] };
    let mut files: Vec<SourceFile> = paths.iter().filter(|path| is_toml(path)).map(|path| source(path)).collect();
    if files.iter().any(|file| file.text.starts_with("# with base")) {
        files.push(source(&golden().join("base.toml")));
    }
    files
}

/// Compares the outcome of every case in a folder with the file beside it.
fn check(folder: &str, result: &str, at_least: usize, outcome: fn(&[SourceFile]) -> Result<String, String>) {
    let mut wrong = Vec::new();
    let mut results = BTreeSet::new();
    let paths = sorted(&golden().join(folder));
    let (cases, others): (Vec<_>, Vec<_>) = paths.into_iter().partition(|path| path.is_dir() || is_toml(path));
    for case in &cases {
        let expected = case.with_extension(result);
        results.insert(expected.clone());
        let actual = match outcome(&files(case)) {
            Ok(actual) => actual,
            Err(other) => {
                wrong.push(format!("{} is in the wrong folder:\n{other}", case.display()));
                continue;
            }
        };
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&expected, &actual).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_default() != actual {
            wrong.push(format!("{} is no longer:\n{actual}", expected.display()));
        }
    }
    let left: Vec<_> = others.iter().filter(|path| !results.contains(*path)).collect();
    assert!(left.is_empty(), "results without a case: {left:?}");
    assert!(cases.len() >= at_least, "only {} cases in {folder}", cases.len());
    assert!(wrong.is_empty(), "{}\nUPDATE_GOLDEN=1 writes them anew", wrong.join("\n\n"));
}

#[test]
fn valid() {
    check("valid", "json", 12, |files| {
        let Read { manifest, warnings, .. } = manifest::read(files).map_err(|errors| errors.to_string())?;
        let warnings: Vec<String> = warnings.iter().map(ToString::to_string).collect();
        // In the model's order of fields, which no feature of the JSON crate changes.
        Ok(serde_json::to_string_pretty(&Accepted { manifest, warnings }).unwrap() + "\n")
    });
}

#[test]
fn invalid() {
    check("invalid", "err", 45, |files| match manifest::read(files) {
        Ok(_) => Err("it is accepted".to_owned()),
        Err(errors) => Ok(format!("{errors}\n")),
    });
}

#[test]
fn explain() {
    check("explain", "txt", 2, |files| {
        let read = manifest::read(files).map_err(|errors| errors.to_string())?;
        let explain = |tool| manifest::explain(&read, tool).expect("a tool of this manifest").to_string();
        Ok(read.manifest.tools.keys().map(explain).collect::<Vec<_>>().join("\n"))
    });
}
