//! An issuer's keys over time: rotation, an issuer that is down, that is slow, that lies, or that is asked too often.
#![expect(clippy::unwrap_used, reason = "tests")]

mod example;
mod fetching;

use super::fetch::Source;
use super::keys::{ASK_AGAIN, FRESH, Keys, STALE};
use super::testing::{Answer, Key, Published};
use super::*;
use serde_json::json;
use std::time::Duration;
use tokio::time::{advance, pause};

fn over(published: &Published) -> Keys {
    Keys::new("corp".into(), Source::http(published.url().parse().unwrap(), None, true).unwrap())
}

fn of(path: &Path) -> Keys {
    Keys::new("corp".into(), Source::File(path.to_owned()))
}

fn document(keys: &[(&Key, &str)]) -> serde_json::Value {
    json!({"keys": keys.iter().map(|(key, kid)| key.jwk(kid)).collect::<Vec<_>>()})
}

#[tokio::test]
async fn unknown_keys_make_it_ask_once_and_the_rest_wait_for_the_answer() {
    let key = Key::ed();
    let published = Published::start(Answer::Keys(document(&[(&key, "a")]))).await;
    let keys = Arc::new(over(&published));
    let tries = (0..50).map(|n| {
        let keys = keys.clone();
        tokio::spawn(async move { keys.find_or_ask(if n % 2 == 0 { "a" } else { "unknown" }).await.is_ok() })
    });
    let found: Vec<bool> = futures_util::future::join_all(tries).await.into_iter().map(Result::unwrap).collect();
    assert!(found.iter().enumerate().all(|(n, found)| *found == (n % 2 == 0)), "{found:?}");
    assert_eq!(published.asked(), 1);
}

#[tokio::test]
async fn a_rotated_key_is_found_after_ten_seconds_and_not_before() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys.json");
    let (old, new) = (Key::ed(), Key::ec());
    let write = |keys: &[(&Key, &str)]| std::fs::write(&path, document(keys).to_string()).unwrap();
    write(&[(&old, "old")]);
    pause();
    let keys = of(&path);
    assert!(keys.find("old").is_none(), "nothing is known before it was asked for");
    assert!(keys.find_or_ask("old").await.is_ok());
    write(&[(&new, "new")]);
    assert_eq!(keys.find_or_ask("new").await.err(), Some(Refused::Key));
    advance(ASK_AGAIN - Duration::from_millis(1)).await;
    assert_eq!(keys.find_or_ask("new").await.err(), Some(Refused::Key));
    assert!(keys.find("old").is_some());
    advance(Duration::from_millis(1)).await;
    assert!(keys.find_or_ask("new").await.is_ok());
    assert!(keys.find("old").is_none(), "a key that is not published any more is dropped");
}

#[tokio::test]
async fn without_the_issuer_known_keys_are_believed_for_an_hour_and_then_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys.json");
    let key = Key::ed();
    std::fs::write(&path, document(&[(&key, "a")]).to_string()).unwrap();
    pause();
    let keys = of(&path);
    assert!(keys.find_or_ask("a").await.is_ok() && keys.trouble().is_none());
    std::fs::remove_file(&path).unwrap();
    advance(STALE - Duration::from_millis(1)).await;
    assert!(keys.find_or_ask("a").await.is_ok());
    assert_eq!(keys.find_or_ask("b").await.err(), Some(Refused::Key));
    assert!(keys.trouble().unwrap().contains("`corp`"), "{:?}", keys.trouble());
    advance(Duration::from_millis(1)).await;
    assert_eq!(keys.find_or_ask("a").await.err(), Some(Refused::Stale("corp".into())));
    std::fs::write(&path, document(&[(&key, "a")]).to_string()).unwrap();
    advance(ASK_AGAIN).await;
    assert!(keys.find_or_ask("a").await.is_ok() && keys.trouble().is_none());
}

#[tokio::test]
async fn they_are_fetched_anew_without_anybodys_asking() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys.json");
    let (old, new) = (Key::ed(), Key::ed());
    std::fs::write(&path, document(&[(&old, "old")]).to_string()).unwrap();
    pause();
    let keys = Arc::new(of(&path));
    let kept = keys.clone();
    let keeping = tokio::spawn(async move { kept.keep().await });
    while keys.find("old").is_none() {
        tokio::task::yield_now().await;
    }
    std::fs::write(&path, document(&[(&new, "new")]).to_string()).unwrap();
    advance(FRESH + Duration::from_secs(1)).await;
    while keys.find("new").is_none() {
        tokio::task::yield_now().await;
    }
    assert!(keys.find("old").is_none());
    keeping.abort();
}

#[test]
fn tokens_that_were_let_in_are_remembered_up_to_a_number() {
    let dir = tempfile::tempdir().unwrap();
    let identity = Identity::open(dir.path(), Location::within(dir.path()), Config::default()).unwrap();
    let profile = manifest::ProfileName::try_from("reader").unwrap();
    let token = crate::tokens::create(dir.path(), "ada", &profile, None).unwrap();
    let now = Timestamp::now();
    assert_eq!(identity.known(&token, now), None);
    let caller = identity.own(&token, now).unwrap();
    assert_eq!(identity.known(&token, now), Some(caller.clone()));
    assert_eq!(identity.known(&format!("{token}="), now), None);
    for n in 0..3 * MOST_KNOWN {
        identity.remember(&n.to_string(), Known::Own(caller.session.clone()), now);
    }
    assert!(identity.known.lock().unwrap().len() <= MOST_KNOWN);
    // Revoked, it is as unknown as one that never was.
    identity.own(&token, now).unwrap();
    assert!(crate::tokens::revoke(dir.path(), &caller.session).unwrap());
    assert_eq!(identity.known(&token, now), None);
}
