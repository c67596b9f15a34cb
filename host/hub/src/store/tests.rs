//! The store's file, and what survives.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::audit::Decision;
use crate::testing::fifo;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

fn revoked(jti: &str) -> Decision {
    Decision::TokenRevoked { jti: jti.into(), principal: "ada".into() }
}

#[tokio::test]
async fn what_was_decided_and_not_yet_told_is_there_again() {
    let dir = tempfile::tempdir().unwrap();
    let at = Location::within(dir.path());
    let store = Store::open(&at).await.unwrap();
    for jti in ["a", "b", "c"] {
        let mut decision = store.begin().await.unwrap();
        outbox::add(&mut decision, revoked(jti)).await.unwrap();
        decision.commit().await.unwrap();
    }
    // Not committed: not decided.
    let mut dropped = store.begin().await.unwrap();
    outbox::add(&mut dropped, revoked("never")).await.unwrap();
    drop(dropped);
    let first = store.untold().await.unwrap().remove(0);
    store.told(first.decision).await.unwrap();
    store.close().await;
    let told: Vec<_> = Store::open(&at).await.unwrap().untold().await.unwrap().into_iter().map(|d| d.what).collect();
    assert_eq!(told, [revoked("b"), revoked("c")]);
    let mode = std::fs::metadata(at.path()).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
}

#[tokio::test]
async fn what_lies_in_its_place_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| Location::parse(&format!("sqlite://{}/{name}", dir.path().display())).unwrap();
    let said = async |name: &str| Store::open(&at(name)).await.unwrap_err().to_string();
    fifo(&dir.path().join("fifo"));
    assert!(said("fifo").await.ends_with("it is not a regular file"), "{}", said("fifo").await);
    std::os::unix::fs::symlink("/etc/hostname", dir.path().join("link")).unwrap();
    assert!(said("link").await.ends_with("it is a symbolic link"));
    std::fs::write(dir.path().join("open"), b"").unwrap();
    std::fs::set_permissions(dir.path().join("open"), Permissions::from_mode(0o644)).unwrap();
    assert!(said("open").await.contains("can be read by others"));
    std::fs::write(dir.path().join("other"), b"this is no database, whatever its name says").unwrap();
    std::fs::set_permissions(dir.path().join("other"), Permissions::from_mode(0o600)).unwrap();
    assert!(said("other").await.contains("cannot be read"));
    // A store of a hub that knows more tables than this one.
    let newer = Store::open(&at("newer")).await.unwrap();
    sqlx::query("INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (99, 'x', TRUE, x'00', 0)")
        .execute(newer.pool())
        .await
        .unwrap();
    newer.close().await;
    assert!(said("newer").await.contains("another version"), "{}", said("newer").await);
}
