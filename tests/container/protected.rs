//! Paths of a writable workspace that execute or steer something on the host. The kernel holds those that exist,
//! whatever runs inside: the table of attempts shows it of wall 2 alone. Tools make, change and move none of them,
//! there or not: here through wall 1 alone, and through both.

use super::boxes::{Boxes, Plan};
use super::scenario::{Runner, key, open_for_all, shelf};
use manifest::Digest;
use protocol::Outcome;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;
use tests::handed;

/// Files that exist, all writable for everyone: only a wall holds them.
const FILES: [&str; 10] = [
    "document.txt",
    ".git/hooks/pre-commit",
    ".git/config",
    ".git/info/attributes",
    ".envrc",
    ".mcp.json",
    ".github/workflows/ci.yml",
    ".vscode/tasks.json",
    ".idea/workspace.xml",
    "folder/kept.txt",
];

pub(super) fn workspace() -> TempDir {
    let root = tempfile::Builder::new().prefix("safeclaw-workspace-").tempdir().unwrap();
    for file in FILES {
        let path = root.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("{file}, as it was\n")).unwrap();
    }
    fs::create_dir(root.path().join(".git/objects")).unwrap();
    symlink("/etc/passwd", root.path().join("link-to-passwd")).unwrap();
    give_away(root.path());
    root
}

/// To the user that runners are, and writable for anybody else.
fn give_away(path: &Path) {
    open_for_all(path);
    // Only root can; where the tests are not root, they are most likely that user.
    let _ = std::os::unix::fs::chown(path, Some(1000), Some(1000));
    for entry in fs::read_dir(path).unwrap() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap() {
            kind if kind.is_dir() => give_away(&entry.path()),
            kind if kind.is_file() => {
                fs::set_permissions(entry.path(), fs::Permissions::from_mode(0o666)).unwrap();
                let _ = std::os::unix::fs::chown(entry.path(), Some(1000), Some(1000));
            }
            _ => {}
        }
    }
}

/// Every path with its mode and what it holds.
pub(super) fn content(root: &Path) -> BTreeMap<String, (u32, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            let metadata = path.symlink_metadata().unwrap();
            let bytes = if metadata.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
            found.insert(path.strip_prefix(root).unwrap().display().to_string(), (metadata.mode(), bytes));
            if metadata.is_dir() {
                directories.push(path);
            }
        }
    }
    found
}

/// Everything a tool of files can do to a path, for each protected one.
fn attacks() -> Vec<(&'static str, Value)> {
    let on = |path: String| {
        let below = format!("{path}/below.txt");
        [
            ("files_write", json!({"path": path, "content": "x", "mode": "overwrite"})),
            ("files_write", json!({"path": path, "content": "x", "mode": "append"})),
            ("files_write", json!({"path": below, "content": "x", "parents": true})),
            ("files_edit", json!({"path": path, "old": "as", "new": "x"})),
            ("files_move", json!({"from": "document.txt", "to": path, "overwrite": true})),
            ("files_move", json!({"from": "folder", "to": path, "overwrite": true})),
            ("files_move", json!({"from": path, "to": "taken-away", "overwrite": true})),
            ("files_delete", json!({"path": path, "recursive": true})),
        ]
    };
    let paths = manifest::protected_paths().into_iter().map(|protected| protected.path);
    let further = ["folder/.envrc", "./.GIT/config", "folder/../.mcp.json"].map(str::to_owned);
    paths.chain(further).flat_map(on).collect()
}

/// Refused, each of them, and the tools do work beside a path that is not protected.
fn check(outcomes: &[Outcome], attacks: &[(&str, Value)]) {
    assert_eq!(outcomes.len(), attacks.len() + 2);
    for (outcome, attack) in outcomes.iter().zip(attacks) {
        assert!(matches!(outcome, Outcome::Answer(answer) if answer.is_error), "{attack:?}: {outcome:?}");
    }
    for outcome in &outcomes[attacks.len()..] {
        assert!(matches!(outcome, Outcome::Answer(answer) if !answer.is_error), "{outcome:?}");
    }
}

/// The attacks, and after them something that is allowed.
fn with_innocent(attacks: &[(&'static str, Value)]) -> Vec<(&'static str, Value)> {
    let edit = |old, new| ("files_edit", json!({"path": "folder/kept.txt", "old": old, "new": new}));
    attacks.iter().cloned().chain([edit("as it was", "changed"), edit("changed", "as it was")]).collect()
}

#[test]
fn through_wall_1_alone() {
    let workspace = workspace();
    let before = content(workspace.path());
    let posture = Digest::of(b"posture");
    let mut child = Command::new(handed::program("runner"))
        .args(["--hub-key", &key().public().to_string(), "--container", "box", "--posture", posture.as_str()])
        .arg("--artefacts")
        .arg(&shelf().artefacts)
        .arg("--mounts")
        .arg(workspace.path())
        .arg("--no-container")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let root = workspace.path().to_str().unwrap();
    let attacks = attacks();
    let runner = Runner::new(&mut input, &mut output, "box".to_owned(), posture, root);
    let outcomes = runner.calls(&with_innocent(&attacks));
    drop(input);
    if outcomes.is_err() {
        let _ = child.kill();
    }
    child.wait().unwrap();
    check(&outcomes.unwrap(), &attacks);
    assert_eq!(content(workspace.path()), before);
}

#[test]
fn through_both_walls() {
    let workspace = workspace();
    let before = content(workspace.path());
    let boxes = Boxes::new(Plan {
        image: handed::image(),
        hub_key: key().public().to_string(),
        mount: Some(workspace.path()),
        artefacts: Some(&shelf().artefacts),
    });
    let (like, posture) = boxes.create("small");
    let mut container = super::altered::start(&like, |_| {}).unwrap();
    let attacks = attacks();
    let runner = Runner::new(&mut container.input, &mut container.output, like.0.clone(), posture, "/mnt/work");
    let outcomes = runner.calls(&with_innocent(&attacks));
    drop(container);
    super::boxes::block_on(boxes.launcher.kill(&like)).unwrap();
    check(&outcomes.unwrap(), &attacks);
    assert_eq!(content(workspace.path()), before);
}
