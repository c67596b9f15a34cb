#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::testing::manifest;
use manifest::ProfileName;

fn caller(session: &str, principal: &str) -> Caller {
    Caller {
        session: SessionId(session.into()),
        principal: principal.into(),
        scopes: crate::identity::Scopes::all(),
        profile: ProfileName::try_from("everyone").unwrap(),
    }
}

fn force() -> InForce {
    InForce::fixed(manifest([]), Default::default())
}

#[tokio::test]
async fn one_authorization_is_one_session_until_it_is_ended() {
    let sessions = Sessions::default();
    let one = sessions.enter(&caller("a", "ada")).unwrap();
    assert!(Arc::ptr_eq(&one, &sessions.enter(&caller("a", "ada")).unwrap()));
    sessions.remove(&one.caller.session).unwrap().end().await;
    assert!(one.ended.is_cancelled());
    assert!(!sessions.enter(&caller("a", "ada")).unwrap().ended.is_cancelled());
}

#[tokio::test]
async fn a_principal_has_so_many_sessions_and_others_have_theirs() {
    let sessions = Sessions::default();
    for n in 0..PER_PRINCIPAL {
        sessions.enter(&caller(&format!("{n}"), "ada")).unwrap();
    }
    assert_eq!(sessions.enter(&caller("more", "ada")).err(), Some(TooMany { most: PER_PRINCIPAL }));
    assert!(sessions.enter(&caller("0", "ada")).is_ok());
    assert!(sessions.enter(&caller("other", "bob")).is_ok());
    assert!(sessions.remove(&SessionId("0".into())).is_some());
    assert!(sessions.remove(&SessionId("0".into())).is_none());
    assert!(sessions.enter(&caller("more", "ada")).is_ok());
    assert_eq!(sessions.enter(&caller("0", "ada")).err(), Some(TooMany { most: PER_PRINCIPAL }));
}

#[tokio::test(start_paused = true)]
async fn a_session_is_forgotten_when_it_was_idle_but_not_while_it_calls() {
    let sessions = Sessions::default();
    let call = sessions.enter(&caller("busy", "ada")).unwrap().begin();
    sessions.enter(&caller("idle", "ada")).unwrap();
    tokio::time::advance(FORGET_AFTER + Duration::from_secs(1)).await;
    sessions.sweep(Instant::now(), &force());
    let left: Vec<_> = sessions.all().iter().map(|s| s.caller.session.0.clone()).collect();
    assert_eq!(left, ["busy"]);
    drop(call);
    sessions.sweep(Instant::now(), &force());
    assert_eq!(sessions.all().len(), 1);
    assert_eq!(sessions.lock().of.get("ada"), Some(&1));
    tokio::time::advance(FORGET_AFTER + Duration::from_secs(1)).await;
    sessions.sweep(Instant::now(), &force());
    assert!(sessions.all().is_empty() && sessions.lock().of.is_empty());
}

#[tokio::test]
async fn denials_are_counted_and_only_some_are_written() {
    let denials = Denials::default();
    let written = (0..1000).filter(|_| denials.add().is_some()).count();
    assert!((60..100).contains(&written), "{written}");
    assert_eq!(denials.count.load(Ordering::Relaxed), 1000);
}

#[tokio::test]
async fn another_manifest_brings_its_places_and_leaves_the_others_taken() {
    let session = Sessions::default().enter(&caller("a", "ada")).unwrap();
    let first = force();
    let (user, write) = (session.gate(&first, Tier::User).unwrap(), session.gate(&first, Tier::Write).unwrap());
    let mut narrower = manifest([]);
    narrower.tiers.get_mut(&Tier::User).unwrap().concurrent_calls = 1;
    let narrower = InForce::fixed(narrower, Default::default());
    let now = session.gate(&narrower, Tier::User).unwrap();
    let _place = now.pass().unwrap();
    assert!(now.pass().is_err());
    assert!(!Arc::ptr_eq(&user, &now));
    assert!(Arc::ptr_eq(&write, &session.gate(&narrower, Tier::Write).unwrap()));
}
