//! Versions that somebody has tampered with, who can write the store and has no key.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use super::*;
use crate::audit::Decision;
use crate::store::{Location, Store};
use jiff::Timestamp;
use manifest::SourceFile;
use std::path::Path;

async fn ledger(data: &Path) -> Ledger {
    Ledger::new(store(data).await, &[7; 32], data)
}

async fn store(data: &Path) -> Store {
    Store::open(&Location::within(data)).await.unwrap()
}

fn content(text: &str) -> Content {
    Content {
        files: vec![SourceFile { name: "a.toml".into(), text: text.into() }],
        directory: None,
        mounts: Default::default(),
        components: Default::default(),
        commit: None,
        of: None,
        by: "ada".into(),
        at: Timestamp::UNIX_EPOCH,
    }
}

async fn three(data: &Path) -> Ledger {
    let ledger = ledger(data).await;
    for (base, text) in ["one", "two", "three"].into_iter().enumerate() {
        let decision = Decision::TokenRevoked { jti: "x".into(), principal: "y".into() };
        ledger.enter(base as u64, content(text), |_| decision).await.unwrap();
    }
    ledger
}

#[tokio::test]
async fn versions_are_what_was_entered() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = three(dir.path()).await;
    let last = ledger.last().await.unwrap().unwrap();
    assert_eq!((last.number, last.content.clone()), (3, content("three")));
    assert_eq!(ledger.version(1).await.unwrap().content, content("one"));
    assert!(matches!(ledger.version(4).await, Err(Unverified::Missing(4))));
    assert_eq!(ledger.versions(2).await.unwrap().iter().map(|v| v.0).collect::<Vec<_>>(), [3, 2]);
    // A start after a kill between the commit and the file.
    std::fs::remove_file(dir.path().join("manifest.version")).unwrap();
    assert_eq!(ledger.last().await.unwrap().unwrap(), last);
    assert!(dir.path().join("manifest.version").exists());
}

#[tokio::test]
async fn whatever_is_changed_in_the_store_puts_nothing_in_force() {
    let content_of = |text: &str| serde_json::to_string(&content(text)).unwrap();
    let wider = content_of("wider");
    // What is done, and what the last version and the whole history say of it.
    let table: Vec<(&str, String, &str)> = vec![
        ("another content", format!("UPDATE manifests SET content = '{wider}' WHERE version = 3"), "version 3"),
        (
            "another digest",
            "UPDATE manifests SET digest = (SELECT digest FROM manifests WHERE version = 1) WHERE version = 3".into(),
            "version 3",
        ),
        (
            "another's seal",
            "UPDATE manifests SET seal = (SELECT seal FROM manifests WHERE version = 2) WHERE version = 3".into(),
            "version 3",
        ),
        ("a seal that is none", "UPDATE manifests SET seal = 'zz' WHERE version = 3".into(), "version 3"),
        (
            "an older row as a new version",
            "INSERT INTO manifests SELECT 4, digest, content, seal FROM manifests WHERE version = 1".into(),
            "version 4",
        ),
        ("another number", "UPDATE manifests SET version = 9 WHERE version = 3".into(), "version 9"),
        (
            "the one before is changed",
            format!("UPDATE manifests SET content = '{wider}', seal = 'aa' WHERE version = 2"),
            "version 3",
        ),
        ("the one before is removed", "DELETE FROM manifests WHERE version = 2".into(), "version 3"),
        ("the last is removed", "DELETE FROM manifests WHERE version = 3".into(), "put back"),
        ("all are removed", "DELETE FROM manifests".into(), "put back"),
        ("no JSON", "UPDATE manifests SET content = '' WHERE version = 3".into(), "version 3"),
    ];
    for (what, statement, says) in table {
        let dir = tempfile::tempdir().unwrap();
        let ledger = three(dir.path()).await;
        let tampered = store(dir.path()).await;
        sqlx::query(sqlx::AssertSqlSafe(statement)).execute(tampered.pool()).await.unwrap();
        let refused = ledger.last().await.unwrap_err().to_string();
        assert!(refused.contains(says), "{what}: {refused}");
        // An operator who applies a manifest now is heard, and the clock does not run back.
        let decision = Decision::TokenRevoked { jti: "x".into(), principal: "y".into() };
        let base = ledger.last_number().await.unwrap();
        ledger.enter(base, content("mended"), |_| decision).await.unwrap();
        let mended = ledger.last().await.unwrap().unwrap();
        assert!(mended.content == content("mended") && mended.number > 3, "{what}: {}", mended.number);
    }
}

#[tokio::test]
async fn another_hubs_store_is_not_this_ones() {
    let dir = tempfile::tempdir().unwrap();
    drop(three(dir.path()).await);
    let other = Ledger::new(store(dir.path()).await, &[8; 32], dir.path());
    assert!(matches!(other.last().await, Err(Unverified::Seal(3))));
    let history = other.versions(10).await.unwrap();
    assert!(history.len() == 3 && history.iter().all(|(_, version)| version.is_err()));
}

#[tokio::test]
async fn what_the_directory_remembers_is_a_file_of_ours() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = three(dir.path()).await;
    let anchor = dir.path().join("manifest.version");
    let right = std::fs::read(&anchor).unwrap();
    for (bytes, says) in [(&b"{}"[..], "damaged"), (b"", "damaged"), (&[b'x'; 5000][..], "4096")] {
        crate::data::write_atomic(&anchor, bytes, 0o600).unwrap();
        let said = ledger.last().await.unwrap_err().to_string();
        assert!(said.contains(says), "{said}");
    }
    // The same number, another version: the store is another one, made with the hub's own key.
    let other = tempfile::tempdir().unwrap();
    let others = self::ledger(other.path()).await;
    for base in 0..3 {
        let decision = Decision::TokenRevoked { jti: "x".into(), principal: "y".into() };
        others.enter(base, content("other"), |_| decision).await.unwrap();
    }
    std::fs::copy(other.path().join("manifest.version"), &anchor).unwrap();
    assert!(matches!(ledger.last().await, Err(Unverified::Exchanged(3))));
    crate::data::write_atomic(&anchor, &right, 0o600).unwrap();
    assert!(ledger.last().await.is_ok());
}
