//! What takes an approval back: the red button, another manifest, the end of the session, an operator, another hub.

use super::*;
use std::sync::OnceLock;

async fn allowed(office: &Office, ada: &Caller, tool: &str) -> ApprovalId {
    let id = office.ask(ada, tool, "{}").await;
    office.answer(&id, Answer::Approve).await.unwrap();
    id
}

#[tokio::test]
async fn what_waits_and_what_was_allowed_is_void_at_once() {
    let office = office(echo).await;
    let ada = office.ada();
    let waits = office.ask(&ada, "wipe", "{}").await;
    let stands = allowed(&office, &ada, "edit").await;
    assert_eq!(office.hub.0.desk.void_all(), 2);
    let late = office.answer(&waits, Answer::Approve).await.unwrap_err();
    assert_eq!(late.to_string(), "it is not answered: it was taken back");
    assert!(office.hub.leases().is_empty());
    assert_eq!(words(&office.end(&ada, "edit", "{}").await), "pending");
    office.hub.0.desk.follow().await;
    office.hub.0.tell().await;
    for id in [&waits, &stands] {
        assert_eq!(office.hub.0.store.approval(id).await.unwrap().unwrap().state.word(), "void");
    }
    assert_eq!(office.told().iter().filter(|event| *event == "approval_void").count(), 2);
    assert_eq!(office.starts(), 0);
}

#[tokio::test]
async fn a_session_that_ends_takes_its_leases_along_and_a_denial_stays() {
    let office = office(echo).await;
    let (ada, other) = (office.ada(), office.ada());
    allowed(&office, &ada, "edit").await;
    allowed(&office, &other, "edit").await;
    let no = office.ask(&ada, "wipe", "{}").await;
    office.answer(&no, Answer::Deny).await.unwrap();
    office.hub.end_session(&ada.session).await;
    assert_eq!(words(&office.end(&ada, "edit", "{}").await), "pending");
    assert_eq!(words(&office.end(&other, "edit", "{}").await), "edit {}");
    assert!(words(&office.end(&ada, "wipe", "{}").await).contains("is not asked again"));
}

#[tokio::test]
async fn what_somebody_allowed_who_is_revoked_is_allowed_no_more() {
    let office = office(echo).await;
    let ada = office.ada();
    allowed(&office, &ada, "edit").await;
    assert_eq!(office.hub.0.desk.void_of_key("SHA256:another"), 0);
    assert_eq!(words(&office.end(&ada, "edit", "{}").await), "edit {}");
    assert_eq!(office.hub.0.desk.void_of_key("SHA256:test"), 1);
    assert_eq!(words(&office.end(&ada, "edit", "{}").await), "pending");
}

#[tokio::test]
async fn another_manifest_is_another_question_even_if_the_first_comes_back() {
    let office = office(echo).await;
    let ada = office.ada();
    allowed(&office, &ada, "edit").await;
    let hub = &office.hub.0;
    let before = hub.force.load_full();
    let mut manifest = tools();
    manifest.name = "another".into();
    let other = InForce::fixed(manifest, Default::default()).including(&registration(&["read", "edit", "wipe"]));
    hub.turn(&before, other.clone());
    assert_eq!(words(&office.end(&ada, "edit", "{}").await), "pending");
    hub.turn(&other, InForce::clone(&before));
    assert_eq!(words(&office.end(&ada, "edit", "{}").await), "pending");
    assert_eq!(office.starts(), 0);
}

#[tokio::test]
async fn a_result_is_not_let_out_after_its_lease_was_taken_back() {
    // The tool itself presses the button, and then answers.
    let hub: Arc<OnceLock<Hub>> = Arc::default();
    let presses = hub.clone();
    let office = office(move |call| {
        if call.tool.as_str() != "read" {
            presses.get().unwrap().0.desk.void_all();
        }
        answer("what it found")
    })
    .await;
    let _ = hub.set(office.hub.clone());
    let ada = office.ada();
    for tool in ["edit", "wipe"] {
        allowed(&office, &ada, tool).await;
        let end = office.end(&ada, tool, "{}").await;
        assert_eq!(words(&end), "what allowed it was taken back while it ran", "{tool}");
    }
    // Another epoch is enough.
    let raises = Arc::new(OnceLock::<Hub>::new());
    let raised = raises.clone();
    let office = super::office(move |_| {
        raise(raised.get().unwrap());
        answer("what it found")
    })
    .await;
    let _ = raises.set(office.hub.clone());
    let ada = office.ada();
    allowed(&office, &ada, "wipe").await;
    assert_eq!(words(&office.end(&ada, "wipe", "{}").await), "what allowed it was taken back while it ran");
    assert!(!format!("{:?}", office.audit()).contains("what it found"));
}

#[tokio::test]
async fn a_call_that_runs_is_broken_off_and_nobody_knows_whether_it_took_effect() {
    let office = office(|_| None).await;
    let ada = office.ada();
    let id = allowed(&office, &ada, "edit").await;
    let (end, taken) = tokio::join!(office.end(&ada, "edit", "{}"), async {
        while office.hub.sessions().first().is_none_or(|session| session.runners.is_empty()) {
            tokio::task::yield_now().await;
        }
        office.hub.take_back(&id).await
    });
    assert!(taken);
    assert_eq!(words(&end), "what allowed it was taken back while it ran");
    assert!(office.hub.leases().is_empty() && !office.hub.take_back(&id).await);
    assert!(office.audit().iter().any(|line| line["event"] == "outcome_unknown" || line["event"] == "approval_void"));
}

#[tokio::test]
async fn another_hub_finds_what_waits_and_nothing_that_was_allowed() {
    let data = tempfile::tempdir().unwrap();
    let clock = Arc::new(AtomicI64::new(1_800_000_000));
    let (hub, _) = office_in(data.path(), &clock, echo).await;
    let ada = hub.local_caller("ada", &ProfileName::try_from("everyone").unwrap()).unwrap();
    let ask = async |tool: &str| waits_for(&end_of(&hub, &ada, tool, "{}").await).unwrap();
    let (stands, waits) = (ask("edit").await, ask("wipe").await);
    answered(&hub, &stands, "ana", Answer::Approve).await.unwrap();
    let denied = waits_for(&end_of(&hub, &ada, "wipe", r#"{"no":1}"#).await).unwrap();
    answered(&hub, &denied, "ana", Answer::Deny).await.unwrap();
    let claimed = waits_for(&end_of(&hub, &ada, "wipe", r#"{"c":1}"#).await).unwrap();
    answered(&hub, &claimed, "ana", Answer::Approve).await.unwrap();
    // As a hub leaves it that dies after the claim.
    let told = crate::audit::Decision::ApprovalExecuted { approval: claimed.clone() };
    assert!(hub.0.store.change_approval(&claimed, crate::escalation::State::Claimed, told).await.unwrap());
    leave(hub).await;
    let (hub, starts) = office_in(data.path(), &clock, echo).await;
    // The same token, and so the same session.
    hub.0.local.lock().unwrap().insert(ada.session.clone());
    let state = async |id: &ApprovalId| hub.approval(id).await.unwrap().unwrap().summary.state;
    assert_eq!(state(&stands).await, "void");
    assert_eq!(state(&claimed).await, "outcome_unknown");
    assert_eq!(state(&waits).await, "pending");
    assert_eq!(words(&end_of(&hub, &ada, "edit", "{}").await), "pending");
    assert_eq!(words(&end_of(&hub, &ada, "wipe", r#"{"c":1}"#).await), "pending");
    assert!(words(&end_of(&hub, &ada, "wipe", r#"{"no":1}"#).await).contains("is not asked again"));
    assert_eq!(starts.load(Ordering::SeqCst), 0);
    answered(&hub, &waits, "ana", Answer::Approve).await.unwrap();
    assert_eq!(words(&end_of(&hub, &ada, "wipe", "{}").await), "wipe {}");
}

/// Whoever can write the store can answer for nobody.
#[tokio::test]
async fn a_row_that_says_approved_allows_nothing() {
    let data = tempfile::tempdir().unwrap();
    let clock = Arc::new(AtomicI64::new(1_800_000_000));
    let (hub, _) = office_in(data.path(), &clock, echo).await;
    let ada = hub.local_caller("ada", &ProfileName::try_from("everyone").unwrap()).unwrap();
    waits_for(&end_of(&hub, &ada, "wipe", "{}").await).unwrap();
    sqlx::query("UPDATE approvals SET state = 'approved'").execute(hub.0.store.pool()).await.unwrap();
    assert_eq!(words(&end_of(&hub, &ada, "wipe", "{}").await), "pending");
    leave(hub).await;
    let (hub, starts) = office_in(data.path(), &clock, echo).await;
    hub.0.local.lock().unwrap().insert(ada.session.clone());
    assert_eq!(words(&end_of(&hub, &ada, "wipe", "{}").await), "pending");
    // One whose arguments are not those that it is bound to is left out.
    sqlx::query("UPDATE approvals SET asked = replace(asked, '\"arguments\":\"{}\"', '\"arguments\":\"{ }\"')")
        .execute(hub.0.store.pool())
        .await
        .unwrap();
    leave(hub).await;
    let (hub, _) = office_in(data.path(), &clock, echo).await;
    assert!(hub.approvals().await.unwrap().is_empty());
    assert_eq!(starts.load(Ordering::SeqCst), 0);
}
