//! A hub that is killed at every step between a request and its end: nothing that was claimed runs twice, nothing that
//! was allowed outlives the process, and the log knows all of it.

use super::*;
use crate::failpoint;
use std::io::Write;

const CHILD: &str = "hub::tests::escalating::kills::asks_answers_and_calls";

/// What a tool did, where a kill does not take it.
fn ran(data: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(data.join("ran")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

async fn acting(data: &Path) -> Hub {
    let clock = Arc::new(AtomicI64::new(1_800_000_000));
    let path = data.join("ran");
    let act = move |call: &protocol::Call| {
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(&path).unwrap();
        file.write_all(format!("{}\n", call.arguments).as_bytes()).unwrap();
        answer("done")
    };
    let hub = office_in(data, &clock, act).await.0;
    hub.0.local.lock().unwrap().insert(SessionId("s".into()));
    hub
}

/// Over a restart as a token's caller is: the same session.
fn ada() -> Caller {
    Caller {
        session: SessionId("s".into()),
        principal: "ada".into(),
        profile: ProfileName::try_from("everyone").unwrap(),
        scopes: Scopes::all(),
    }
}

#[tokio::test]
#[ignore = "the child of the test below, which kills it"]
async fn asks_answers_and_calls() {
    let Some(data) = failpoint::child() else { return };
    let hub = acting(data).await;
    for round in 0..3 {
        let arguments = format!(r#"{{"round":{round}}}"#);
        let id = waits_for(&end_of(&hub, &ada(), "wipe", &arguments).await).unwrap();
        failpoint::answered(&format!("asked {id}"));
        if round == 2 {
            answered(&hub, &id, "ana", Answer::Deny).await.unwrap();
            failpoint::answered(&format!("denied {id}"));
            continue;
        }
        answered(&hub, &id, "ana", Answer::Approve).await.unwrap();
        failpoint::answered(&format!("approved {id}"));
        assert_eq!(words(&end_of(&hub, &ada(), "wipe", &arguments).await), "done");
        failpoint::answered(&format!("ran {id}"));
    }
}

#[tokio::test]
async fn nothing_runs_twice_and_nothing_is_lost_when_the_hub_is_killed() {
    let fresh = || tempfile::tempdir().unwrap();
    let whole = fresh();
    let steps = failpoint::run(CHILD, whole.path());
    assert_eq!(ran(whole.path()).len(), 2);
    let mut kills = 0;
    for (step, times) in steps.iter().filter(|(step, _)| step.starts_with("approval.") || step.starts_with("outbox.")) {
        for nth in 1..=*times {
            let data = fresh();
            let Some(promised) = failpoint::killed(CHILD, data.path(), step, nth) else { continue };
            kills += 1;
            let at = format!("killed at {step}:{nth}, promised {promised:?}");
            let before = ran(data.path());
            let hub = acting(data.path()).await;
            hub.0.tell().await;
            // Nothing is allowed, whatever was; and what may have run is said to be unknown, or executed.
            let rows = hub.0.store.approvals(10).await.unwrap();
            for row in &rows {
                let state = row.state.word();
                assert!(!matches!(state, "approved" | "claimed"), "{at}: {state}");
                if before.contains(&row.asked.arguments) {
                    assert!(matches!(state, "executed" | "outcome_unknown"), "{at}: it ran, and is {state}");
                }
            }
            for line in &promised {
                let (what, id) = line.split_once(' ').unwrap();
                let state = rows.iter().find(|row| row.asked.id.as_str() == id).unwrap().state.word();
                match what {
                    "denied" => assert_eq!(state, "denied", "{at}"),
                    "ran" => assert!(matches!(state, "executed" | "outcome_unknown"), "{at}: {state}"),
                    _ => {}
                }
            }
            // Every call that was asked for is asked for again, and none runs.
            for round in 0..3 {
                let end = end_of(&hub, &ada(), "wipe", &format!(r#"{{"round":{round}}}"#)).await;
                assert!(matches!(end.outcome, CallOutcome::Denied { .. }), "{at}: {end:?}");
            }
            assert_eq!(ran(data.path()), before, "{at}");
            assert!(hub.0.store.untold().await.unwrap().is_empty(), "{at}");
            let log = std::fs::read_to_string(data.path().join("audit.jsonl")).unwrap();
            for line in &promised {
                let (what, id) = line.split_once(' ').unwrap();
                let event = match what {
                    "asked" => "approval_requested",
                    "approved" => "approval_granted",
                    "denied" => "approval_denied",
                    _ => "approval_claimed",
                };
                let told = |line: &str| line.contains(&format!(r#""event":"{event}""#)) && line.contains(id);
                assert!(log.lines().any(told), "{at}: {event} is not in the log");
            }
        }
    }
    println!("{kills} kills, nothing ran twice");
    assert!(kills >= 40, "{kills}");
}
