#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use jiff::{SignedDuration, Timestamp};
use manifest::ProfileName;
use std::time::Duration;

fn name(text: &str) -> ProfileName {
    ProfileName::try_from(text).unwrap()
}

#[test]
fn a_token_made_while_the_hub_runs_is_taken_and_a_revoked_one_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = Tokens::load(dir.path()).unwrap();
    let now = Timestamp::now();
    assert_eq!(tokens.authenticate("", now), None);

    let ada = create(dir.path(), "ada", &name("reader"), None).unwrap();
    let bob = create(dir.path(), "bob", &name("reader"), None).unwrap();
    assert!(ada.starts_with("sc_") && ada.len() == 46 && ada != bob, "{ada}");
    let caller = tokens.authenticate(&ada, now).unwrap();
    assert_eq!(caller.principal, "ada");
    assert_eq!(tokens.authenticate(&bob, now).unwrap().principal, "bob");
    assert_eq!(tokens.caller(&caller.session, now), Some(caller.clone()));
    assert_eq!(tokens.authenticate(&format!("{ada}x"), now), None);
    assert_eq!(tokens.authenticate(ada.trim_start_matches("sc_"), now), None);

    assert!(revoke(dir.path(), &caller.session).unwrap());
    assert!(!revoke(dir.path(), &caller.session).unwrap());
    assert_eq!(tokens.authenticate(&ada, now), None);
    assert_eq!(tokens.caller(&caller.session, now), None);
    assert_eq!(tokens.sessions(now).len(), 1);
}

#[test]
fn a_file_that_is_too_large_lets_nobody_in_and_is_not_rewritten() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tokens.toml");
    let token = create(dir.path(), "ada", &name("reader"), None).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    // The end of the file is where it would be cut without being damaged.
    let filled = |bytes: usize| format!("{text}#{}\n", "x".repeat(bytes - text.len() - 2));
    for (bytes, taken) in [(1 << 20, true), ((1 << 20) + 1, false)] {
        std::fs::write(&path, filled(bytes)).unwrap();
        let loaded = Tokens::load(dir.path());
        assert_eq!(
            loaded.is_ok_and(|tokens| tokens.authenticate(&token, Timestamp::now()).is_some()),
            taken,
            "{bytes}"
        );
    }
    assert!(create(dir.path(), "bob", &name("reader"), None).is_err());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), filled((1 << 20) + 1));
}

#[test]
fn the_file_holds_no_token() {
    let dir = tempfile::tempdir().unwrap();
    let token = create(dir.path(), "ada", &name("reader"), None).unwrap();
    let text = std::fs::read_to_string(dir.path().join("tokens.toml")).unwrap();
    assert!(!text.contains(token.trim_start_matches("sc_")), "{text}");
    assert_eq!(list(dir.path()).unwrap().first().unwrap().session, session_of(&Digest::of(token.as_bytes())));
}

#[test]
fn an_expired_token_is_denied() {
    let dir = tempfile::tempdir().unwrap();
    let short = create(dir.path(), "ada", &name("reader"), Some(Duration::from_secs(60))).unwrap();
    let tokens = Tokens::load(dir.path()).unwrap();
    let now = Timestamp::now();
    let caller = tokens.authenticate(&short, now).unwrap();
    let later = now + SignedDuration::from_secs(61);
    assert_eq!(tokens.authenticate(&short, later), None);
    assert_eq!(tokens.caller(&caller.session, now), Some(caller.clone()));
    assert_eq!(tokens.caller(&caller.session, later), None);
}

#[test]
fn a_damaged_or_open_file_lets_nobody_in() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let token = create(dir.path(), "ada", &name("reader"), None).unwrap();
    let tokens = Tokens::load(dir.path()).unwrap();
    let now = Timestamp::now();
    assert!(tokens.authenticate(&token, now).is_some());

    let path = dir.path().join("tokens.toml");
    let good = std::fs::read(&path).unwrap();
    crate::data::write_atomic(&path, b"[[token]]\nadmin = true\n", 0o600).unwrap();
    assert_eq!(tokens.authenticate(&token, now), None);
    crate::data::write_atomic(&path, &good, 0o600).unwrap();
    assert!(tokens.authenticate(&token, now).is_some());

    crate::data::write_atomic(&path, &good, 0o644).unwrap();
    assert_eq!(tokens.authenticate(&token, now), None);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert!(create(dir.path(), "two\nlines", &name("reader"), None).is_err());
}
