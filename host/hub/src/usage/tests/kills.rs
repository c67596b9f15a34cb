//! A hub that is killed between any two steps: what was let through is counted, and a pause is a pause or its end is
//! told.

use super::*;
use crate::audit::Decision;
use crate::failpoint;
use std::path::Path;

const CALLS: &str = "usage::tests::kills::lets_calls_through";
const PAUSES: &str = "usage::tests::kills::pauses_and_resumes";

fn admin() -> TierRules {
    TierRules { calls_per_hour: 4, principal_calls_per_hour: 4, ..rules(Tier::Admin) }
}

#[tokio::test]
#[ignore = "the child of a test below, which kills it"]
async fn lets_calls_through() {
    let Some(data) = failpoint::child() else { return };
    let store = store(data).await;
    let usage = Usage::load(&store).await.unwrap();
    for n in 1..=4 {
        let share = usage.pass(&caller("a", "ada"), &admin()).unwrap();
        usage.keep(&store, in_force).await.unwrap();
        // From here on its tool could have run.
        failpoint::answered(&n.to_string());
        usage.spend(&share, &admin(), spent(1, "same"));
    }
}

/// How many calls a hub lets through that is started on this directory.
async fn left(data: &Path) -> usize {
    let usage = Usage::load(&store(data).await).await.unwrap();
    let calls = (0..10).filter(|_| usage.pass(&caller("a", "ada"), &admin()).is_ok());
    calls.count()
}

#[tokio::test]
async fn a_hub_that_is_killed_anywhere_gives_no_approved_call_back() {
    let fresh = || tempfile::tempdir().unwrap();
    let whole = fresh();
    let passed = failpoint::run(CALLS, whole.path());
    assert_eq!(left(whole.path()).await, 0);
    for step in ["usage.taken", "usage.written", "usage.kept"] {
        assert_eq!(passed.get(step), Some(&4), "{step}");
    }
    for (step, times) in passed {
        for nth in 1..=times {
            let data = fresh();
            let ran = failpoint::killed(CALLS, data.path(), &step, nth).unwrap().len();
            let left = left(data.path()).await;
            assert!(left + ran <= 4, "killed at {step}:{nth}: {ran} ran, {left} left");
            // Nothing is taken from anybody either, but the call that was about to begin.
            assert!(left + ran >= 3, "killed at {step}:{nth}: {ran} ran, {left} left");
        }
    }
}

#[tokio::test]
#[ignore = "the child of a test below, which kills it"]
async fn pauses_and_resumes() {
    let Some(data) = failpoint::child() else { return };
    let store = store(data).await;
    let usage = Usage::load(&store).await.unwrap();
    let rules = TierRules { loop_after: LoopAfter::Calls(2), ..rules(Tier::Write) };
    while edit(&usage, &rules, "same").is_none() {}
    usage.keep(&store, in_force).await.unwrap();
    failpoint::answered("paused");
    assert_eq!(usage.resume(&store, &SessionId("a".into()), "user 1").await.unwrap(), [Tier::Write]);
    failpoint::answered("resumed");
    assert_eq!(usage.resume(&store, &SessionId("a".into()), "user 1").await.unwrap(), []);
}

#[tokio::test]
async fn a_pause_outlives_the_hub_and_its_end_is_told() {
    let fresh = || tempfile::tempdir().unwrap();
    let passed = failpoint::run(PAUSES, fresh().path());
    assert!(passed.contains_key("usage.resumed") && passed.contains_key("usage.resuming"), "{passed:?}");
    for (step, times) in passed {
        for nth in 1..=times {
            let data = fresh();
            let promised = failpoint::killed(PAUSES, data.path(), &step, nth).unwrap();
            let store = store(data.path()).await;
            let paused = !Usage::load(&store).await.unwrap().paused().is_empty();
            let told = store.untold().await.unwrap().into_iter().any(|decided| {
                matches!(decided.what, Decision::SessionResumed { session, by, .. } if session == "a" && by == "user 1")
            });
            match promised.last().map(String::as_str) {
                None => assert!(!told, "{step}:{nth}"),
                Some("paused") => assert_ne!(paused, told, "{step}:{nth}"),
                _ => assert!(!paused && told, "{step}:{nth}"),
            }
        }
    }
}
