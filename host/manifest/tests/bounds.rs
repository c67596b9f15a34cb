//! A manifest that is too much of something is refused in words, and what is at the bound is read.
#![expect(clippy::unwrap_used, reason = "tests")]

use manifest::bounds;
use manifest::{Digest, Read, SourceFile};

fn file(name: &str, text: String) -> SourceFile {
    SourceFile { name: name.to_owned(), text }
}

fn refused(files: &[SourceFile]) -> String {
    manifest::read(files).unwrap_err().to_string()
}

#[test]
fn a_file_has_a_greatest_size() {
    let text = |bytes: usize| format!("name = \"x\"\n#{}", "x".repeat(bytes - 12));
    assert!(manifest::read(&[file("a.toml", text(bounds::MAX_FILE_BYTES))]).is_ok());
    let error = refused(&[file("a.toml", text(bounds::MAX_FILE_BYTES + 1))]);
    assert!(error.starts_with("error: the file is too large: 1048577 bytes\n  at a.toml:1:1\n"), "{error}");
}

/// A file of nothing but mistakes is answered with the first hundred of them.
#[test]
fn a_file_of_noise_is_answered() {
    for noise in ["\"", "[", "{", "=", "a.", "a=[", "\n", "'''", "x=1\n", "\u{0}"] {
        let error = refused(&[file("a.toml", noise.repeat(bounds::MAX_FILE_BYTES / noise.len()))]);
        assert!(error.len() < 64 << 10, "{noise:?}: {} bytes", error.len());
    }
}

#[test]
fn a_manifest_has_some_files_and_not_too_many() {
    let files = |count: usize| {
        (0..count)
            .map(|at| file(&format!("{at:03}.toml"), if at == 0 { "name = \"x\"".to_owned() } else { String::new() }))
            .collect::<Vec<_>>()
    };
    assert!(refused(&[]).starts_with("error: a manifest of 0 files\n"));
    assert!(manifest::read(&files(bounds::MAX_FILES)).is_ok());
    assert!(refused(&files(bounds::MAX_FILES + 1)).starts_with("error: a manifest of 65 files\n"));
}

#[test]
fn entries_are_bounded_in_one_file_and_over_all() {
    let components =
        |from: usize, count: usize| (from..from + count).map(|at| format!("[components.c{at}]\n")).collect::<String>();
    let one = |count| [file("a.toml", format!("name = \"x\"\n{}", components(0, count)))];
    assert!(manifest::read(&one(bounds::MAX_ENTRIES)).is_ok());
    assert!(refused(&one(bounds::MAX_ENTRIES + 1)).starts_with("error: `components` has too many entries: 1001\n"));
    let two = [file("a.toml", format!("name = \"x\"\n{}", components(0, 600))), file("b.toml", components(600, 401))];
    assert!(refused(&two).starts_with("error: there are too many components\n  at b.toml:"));
}

#[test]
fn the_order_of_files_and_of_tables_means_nothing() {
    let tiers = include_str!("../../../manifests/default/tiers.toml");
    let tools = include_str!("../../../manifests/default/tools.toml");
    let digest = |files: &[SourceFile]| -> Digest { manifest::read(files).unwrap().manifest.digest() };
    let two = digest(&[file("a.toml", tiers.to_owned()), file("b.toml", tools.to_owned())]);
    let turned = digest(&[file("b.toml", tools.to_owned()), file("a.toml", tiers.to_owned())]);
    let one = digest(&[file("z.toml", format!("{tiers}\n# and\n{tools}"))]);
    assert_eq!(two, turned);
    assert_eq!(two, one);
    let looser = tiers.replace("calls_per_hour = 600\n", "calls_per_hour = 601\n");
    assert_ne!(two, digest(&[file("a.toml", looser), file("b.toml", tools.to_owned())]));
}

#[test]
fn what_is_read_survives_json() {
    let tiers = include_str!("../../../manifests/strict/tiers.toml");
    let tools = include_str!("../../../manifests/strict/tools.toml");
    let files = [file("a.toml", tiers.to_owned()), file("b.toml", tools.to_owned())];
    let Read { manifest, origins, .. } = manifest::read(&files).unwrap();
    assert_eq!(
        serde_json::from_str::<manifest::Manifest>(&serde_json::to_string(&manifest).unwrap()).unwrap(),
        manifest
    );
    assert_eq!(serde_json::from_str::<manifest::Origins>(&serde_json::to_string(&origins).unwrap()).unwrap(), origins);
}
