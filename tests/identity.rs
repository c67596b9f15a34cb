//! `safeclaw token` as its user meets it, with and without a manifest in force. Who gets in by a token, and who does
//! not, is in the hub's own tests: `host/hub/src/hub/tests/identity`.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};
use tests::handed;

/// Runs `safeclaw` on a data directory, with no variable of the person who runs the test.
fn safeclaw(data: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(handed::program("safeclaw"));
    command.args(arguments).arg("--data").arg(data).current_dir(handed::repository());
    for name in ["SAFECLAW_MANIFEST", "SAFECLAW_DATA", "MANIFEST_DATABASE_URL"] {
        command.env_remove(name);
    }
    command.output().expect("safeclaw runs")
}

/// What it prints, if it says that it went well.
fn printed(data: &Path, arguments: &[&str]) -> String {
    let output = safeclaw(data, arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}

/// What it says when it refuses.
fn refused(data: &Path, arguments: &[&str]) -> String {
    let output = safeclaw(data, arguments);
    assert!(!output.status.success() && output.stdout.is_empty(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stderr).expect("text")
}

fn listed(data: &Path, all: &[&str]) -> Vec<Value> {
    let json = printed(data, &[&["token", "list", "--json"], all].concat());
    serde_json::from_str(&json).expect("a list")
}

#[test]
fn tokens_are_made_listed_and_revoked_one_by_one() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    assert!(listed(&data, &[]).is_empty());
    let create = ["token", "create", "--principal", "ada", "--profile", "developer"];
    let month = printed(&data, &create);
    assert_eq!(month.split('.').count(), 3, "{month}");
    let narrow = ["--scope", "tools:user", "--scope", "tools:write", "--ttl", "12h"];
    assert_ne!(printed(&data, &[&create[..], &narrow].concat()), month);
    printed(&data, &[&create[..], &["--ttl", "never"]].concat());
    let tokens = listed(&data, &[]);
    let scopes: Vec<_> = tokens.iter().filter_map(|token| token["scopes"].as_str()).collect();
    assert_eq!(scopes.iter().filter(|scopes| **scopes == "tools:user tools:write").count(), 1, "{scopes:?}");
    assert_eq!(tokens.iter().filter(|token| token["expires"].is_null()).count(), 1, "only the one that was asked for");

    let id = tokens[0]["session"].as_str().unwrap();
    printed(&data, &["token", "revoke", id]);
    assert!(refused(&data, &["token", "revoke", id]).contains("safeclaw token list"));
    assert_eq!((listed(&data, &[]).len(), listed(&data, &["--all"]).len()), (2, 3));
}

#[test]
fn a_token_that_cannot_be_is_refused_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    for (arguments, reason) in [
        (["--principal", "corp/ada", "--profile", "developer"].as_slice(), "without `/`"),
        (&["--principal", "ada", "--profile", "developer", "--scope", "all"], "tools:user"),
        (&["--principal", "ada", "--profile", "developer", "--ttl", "0d"], "lets nobody in"),
        (
            &["--principal", "ada", "--profile", "nobody", "--manifest", "manifests/default"],
            "admin, developer, read_only",
        ),
    ] {
        let said = refused(&data, &[&["token", "create"], arguments].concat());
        assert!(said.contains(reason), "{arguments:?}: {said}");
    }
    assert!(listed(&data, &["--all"]).is_empty());
}

/// Without anybody's saying it: the manifest in force is known.
#[test]
fn a_profile_that_the_manifest_in_force_lacks_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (data, manifest) = (dir.path().join("data"), dir.path().join("manifest"));
    std::fs::create_dir(&manifest).unwrap();
    let tiers = std::fs::read_to_string(handed::repository().join("manifests/default/tiers.toml")).unwrap();
    let mounts = "[mounts.workspace]\npath = \"/workspace\"\nsource = \"/srv\"\nreason = \"tests\"\n";
    std::fs::write(manifest.join("a.toml"), format!("{tiers}\n{mounts}[profiles.few]\ntiers = [\"user\"]\n")).unwrap();
    let create = |profile| ["token", "create", "--principal", "ada", "--profile", profile];
    printed(&data, &create("nobody"));
    printed(&data, &["manifest", "apply", manifest.to_str().unwrap(), "--yes"]);
    let said = refused(&data, &create("nobody"));
    assert!(said.contains("no profile `nobody`; it has: few"), "{said}");
    printed(&data, &create("few"));
}
