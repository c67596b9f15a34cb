//! Ways round a person, each of which ends in nothing that runs.

use super::*;

/// Everything that an approval binds, changed one at a time.
#[tokio::test]
async fn an_answer_is_good_for_its_call_and_for_no_other() {
    let office = office(echo).await;
    let ada = office.ada();
    let ask = async || {
        let id = office.ask(&ada, "edit", r#"{"a":1}"#).await;
        office.answer(&id, Answer::Approve).await.unwrap();
        id
    };
    ask().await;
    for (tool, arguments) in [("edit", r#"{"a":2}"#), ("edit", r#"{"a":"1"}"#), ("edit", "{}"), ("wipe", r#"{"a":1}"#)]
    {
        assert_eq!(words(&office.end(&ada, tool, arguments).await), "pending", "{tool} {arguments}");
    }
    // Another session of the same principal, and another principal.
    assert_eq!(words(&office.end(&office.ada(), "edit", r#"{"a":1}"#).await), "pending");
    let bob = office.hub.local_caller("bob", &ada.profile).unwrap();
    assert_eq!(words(&office.end(&bob, "edit", r#"{"a":1}"#).await), "pending");
    // One that says that it is ada's session is bob's all the same.
    let forged = Caller { session: ada.session.clone(), ..bob.clone() };
    assert_eq!(words(&office.end(&forged, "edit", r#"{"a":1}"#).await), "pending");
    // Another epoch.
    raise(&office.hub);
    assert_eq!(words(&office.end(&ada, "edit", r#"{"a":1}"#).await), "pending");
    assert_eq!(office.starts(), 0);
    // Another component under the same name.
    ask().await;
    let mut other = registration(&["read", "edit", "wipe"]);
    other.component = Digest::of(b"another file");
    office.hub.0.force.rcu(|force| force.including(&other));
    assert_eq!(words(&office.end(&ada, "edit", r#"{"a":1}"#).await), "pending");
    assert_eq!(office.starts(), 0);
}

#[tokio::test]
async fn a_signature_is_an_answer_once_and_to_one_question() {
    let office = office(echo).await;
    let ada = office.ada();
    let id = office.ask(&ada, "wipe", "{}").await;
    let statements = office.view(&id).await.statements;
    let signed = |who: &str, statement: &str, decision| {
        let signature = format!("{who} {}", Digest::of(statement.as_bytes()));
        Signed { decision, signature, why: None }
    };
    let said = async |id: &ApprovalId, signed| office.hub.answer(id, signed).await.unwrap_err().to_string();
    let none = "it is not answered: the signature is not over this statement";
    // No signature; one to the other answer; the one who asks.
    assert_eq!(said(&id, Signed { decision: Answer::Approve, signature: String::new(), why: None }).await, none);
    assert_eq!(said(&id, signed("ana", &statements.deny, Answer::Approve)).await, none);
    let own = said(&id, signed("ada", &statements.approve, Answer::Approve)).await;
    assert_eq!(own, "it is not answered: approver `ada` is the one who asks: somebody else has to answer");
    // To another question.
    let other = office.ask(&ada, "wipe", r#"{"all":true}"#).await;
    assert_eq!(said(&other, signed("ana", &statements.approve, Answer::Approve)).await, none);
    assert_eq!(
        said(&ApprovalId::random().unwrap(), signed("ana", "", Answer::Approve)).await,
        "there is no such approval"
    );
    assert_eq!(words(&office.end(&ada, "wipe", "{}").await), "pending");
    // Once.
    office.hub.answer(&id, signed("ana", &statements.approve, Answer::Approve)).await.unwrap();
    let again = said(&id, signed("ana", &statements.approve, Answer::Approve)).await;
    assert_eq!(again, "it is not answered: it is not pending any more");
    office.end(&ada, "wipe", "{}").await;
    let replayed = said(&id, signed("ana", &statements.approve, Answer::Approve)).await;
    assert_eq!(replayed, "it is not answered: it is not pending any more");
    // Nor does it answer the next request for the same call.
    let next = office.ask(&ada, "wipe", "{}").await;
    assert_eq!(said(&next, signed("ana", &statements.approve, Answer::Approve)).await, none);
    assert_eq!(office.starts(), 1);
}

/// The same with keys as people have them.
#[tokio::test]
async fn a_key_answers_for_its_person_and_for_what_it_was_asked() {
    use crate::approvers::testing::{Token, line, one, plain, set, sign};
    let data = tempfile::tempdir().unwrap();
    let clock = Arc::new(AtomicI64::new(1_800_000_000));
    let (hub, starts) = hub_of(data.path(), &clock, echo, None).await;
    let (key, token) = (plain(1), Token::new(2, "ssh:"));
    hub.0.approvers.store(Arc::new(set([
        one("ana", &line(&key)),
        one("ada", &line(&plain(3))),
        one("tom", &token.line()),
    ])));
    let ada = hub.local_caller("ada", &ProfileName::try_from("everyone").unwrap()).unwrap();
    let id = waits_for(&end_of(&hub, &ada, "edit", "{}").await).unwrap();
    let statements = hub.approval(&id).await.unwrap().unwrap().statements;
    let namespace = crate::approvers::APPROVAL_NAMESPACE;
    let approve = async |id: &ApprovalId, signature: String| {
        hub.answer(id, Signed { decision: Answer::Approve, signature, why: None })
            .await
            .map_err(|error| error.to_string())
    };
    for (what, signature) in [
        ("made for files", sign(&key, "file", statements.approve.as_bytes())),
        ("of the denial", sign(&key, namespace, statements.deny.as_bytes())),
        ("of a stranger's", sign(&plain(9), namespace, statements.approve.as_bytes())),
        ("of whoever asks", sign(&plain(3), namespace, statements.approve.as_bytes())),
        ("none", String::new()),
    ] {
        assert!(approve(&id, signature).await.is_err(), "{what}");
    }
    assert_eq!(words(&end_of(&hub, &ada, "edit", "{}").await), "pending");
    approve(&id, sign(&key, namespace, statements.approve.as_bytes())).await.unwrap();
    assert_eq!(words(&end_of(&hub, &ada, "edit", "{}").await), "edit {}");
    // For the highest tier somebody has to be there.
    let id = waits_for(&end_of(&hub, &ada, "wipe", "{}").await).unwrap();
    let statement = hub.approval(&id).await.unwrap().unwrap().statements.approve;
    approve(&id, sign(&key, namespace, statement.as_bytes())).await.unwrap_err();
    approve(&id, token.sign(namespace, statement.as_bytes(), 0)).await.unwrap_err();
    approve(&id, token.sign(namespace, statement.as_bytes(), 1)).await.unwrap();
    assert_eq!(words(&end_of(&hub, &ada, "wipe", "{}").await), "wipe {}");
    assert_eq!(starts.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn of_two_answers_at_once_one_is_the_answer() {
    let office = office(echo).await;
    let ada = office.ada();
    for round in 0..8 {
        let arguments = format!(r#"{{"round":{round}}}"#);
        let id = office.ask(&ada, "wipe", &arguments).await;
        let (yes, no) = tokio::join!(
            answered(&office.hub, &id, "ana", Answer::Approve),
            answered(&office.hub, &id, "ben", Answer::Deny)
        );
        assert!(yes.is_ok() != no.is_ok(), "{yes:?} {no:?}");
        assert_eq!(office.state(&id).await, if yes.is_ok() { "approved" } else { "denied" });
        let ran = words(&office.end(&ada, "wipe", &arguments).await).starts_with("wipe");
        assert_eq!(ran, yes.is_ok());
    }
}

#[tokio::test]
async fn of_two_calls_at_once_one_runs() {
    let office = office(echo).await;
    let ada = office.ada();
    for round in 0..8 {
        let arguments = format!(r#"{{"round":{round}}}"#);
        let id = office.ask(&ada, "wipe", &arguments).await;
        office.answer(&id, Answer::Approve).await.unwrap();
        let call = || async { words(&office.end(&ada, "wipe", &arguments).await).starts_with("wipe") };
        let (one, two, three) = tokio::join!(call(), call(), call());
        assert_eq!([one, two, three].into_iter().filter(|ran| *ran).count(), 1);
        // What the others asked for meanwhile is in nobody's way.
        office.hub.0.desk.void_session(&ada.session);
    }
    assert_eq!(office.starts(), 8);
}

#[tokio::test]
async fn a_denial_sticks_to_its_call_for_the_session() {
    let office = office(echo).await;
    let ada = office.ada();
    let id = office.ask(&ada, "wipe", "{}").await;
    office.answer(&id, Answer::Deny).await.unwrap();
    let no = "a person did not allow this call, and is not asked again in this session";
    for seconds in [0, 601, 100_000] {
        office.pass(seconds);
        office.hub.0.desk.sweep();
        assert_eq!(words(&office.end(&ada, "wipe", r#" { } "#).await), no);
    }
    assert_eq!(words(&office.end(&ada, "wipe", r#"{"other":1}"#).await), "pending");
    assert_eq!(words(&office.end(&office.ada(), "wipe", "{}").await), "pending");
    assert!(office.told().contains(&"approval_denied".to_owned()));
}

#[tokio::test]
async fn too_late_is_too_late_to_the_second() {
    let office = office(echo).await;
    let ada = office.ada();
    let id = office.ask(&ada, "wipe", "{}").await;
    office.pass(600);
    let late = office.answer(&id, Answer::Approve).await.unwrap_err();
    assert_eq!(late.to_string(), "it is not answered: it has expired");
    let second = office.ask(&ada, "wipe", "{}").await;
    assert_ne!(second, id);
    office.pass(599);
    office.answer(&second, Answer::Approve).await.unwrap();
    office.pass(300);
    assert_eq!(words(&office.end(&ada, "wipe", "{}").await), "pending");
    office.hub.0.desk.follow().await;
    assert_eq!((office.state(&id).await, office.state(&second).await), ("expired".into(), "expired".into()));
    office.hub.0.tell().await;
    assert_eq!(office.told().iter().filter(|event| *event == "approval_expired").count(), 2);
    assert_eq!(office.starts(), 0);
}

#[tokio::test]
async fn a_person_is_not_asked_too_much() {
    let office = office(echo).await;
    let ada = office.ada();
    for number in 0..8 {
        office.ask(&ada, "wipe", &format!(r#"{{"n":{number}}}"#)).await;
    }
    assert_eq!(words(&office.end(&ada, "wipe", "{}").await), "pending_approvals_per_session = 8");
    // What was asked before is still found.
    assert_eq!(words(&office.end(&ada, "wipe", r#"{"n":7}"#).await), "pending");
    // Other sessions of the same principal have theirs, up to its share.
    for _ in 0..7 {
        let other = office.ada();
        for number in 0..8 {
            office.ask(&other, "wipe", &format!(r#"{{"n":{number}}}"#)).await;
        }
    }
    assert_eq!(words(&office.end(&office.ada(), "wipe", "{}").await), "pending_approvals_per_principal = 64");
    let bob = office.hub.local_caller("bob", &ada.profile).unwrap();
    assert_eq!(words(&office.end(&bob, "wipe", "{}").await), "pending");
    assert_eq!(office.hub.approvals().await.unwrap().iter().filter(|one| one.state == "pending").count(), 65);
}

#[tokio::test]
async fn many_at_once_ask_for_no_more_than_there_is_room_for() {
    let office = office(echo).await;
    let ada = office.ada();
    let calls = (0..24).map(|number| {
        let (office, ada) = (&office, ada.clone());
        async move { words(&office.end(&ada, "wipe", &format!(r#"{{"n":{}}}"#, number % 12)).await) }
    });
    let ended = futures_util::future::join_all(calls).await;
    let pending = office.hub.approvals().await.unwrap().iter().filter(|one| one.state == "pending").count();
    assert_eq!(pending, 8, "{ended:?}");
}

#[tokio::test]
async fn arguments_that_no_person_can_judge_are_refused() {
    let office = office(echo).await;
    let ada = office.ada();
    let long = format!(r#"{{"a":"{}"}}"#, "x".repeat(9000));
    assert_eq!(words(&office.end(&ada, "wipe", &long).await), "escalated_arguments_bytes = 8192");
    for (arguments, why) in [
        (r#"{"a":1e-400}"#, "1e-400"),
        // What no double holds at all is no JSON to this hub.
        (r#"{"a":1e400}"#, "not a JSON object"),
        (r#"{"a":9007199254740993}"#, "9007199254740993"),
        (r#"{"a":1,"a":2}"#, "stands twice"),
    ] {
        let end = office.end(&ada, "wipe", arguments).await;
        assert!(words(&end).contains(why) && end.approval.is_none(), "{end:?}");
    }
    // Where nobody is asked, they are the tool's own affair.
    assert_eq!(words(&office.end(&ada, "read", r#"{"a":9007199254740993}"#).await), r#"read {"a":9007199254740993}"#);
}

#[tokio::test]
async fn nothing_but_a_call_starts_what_runs_under_an_approval() {
    let office = office(echo).await;
    let ada = office.ada();
    let id = office.ask(&ada, "edit", "{}").await;
    office.answer(&id, Answer::Approve).await.unwrap();
    for tool in ["edit", "wipe"] {
        let end = office.hub.posture(&ada, tool).await.unwrap_err();
        assert_eq!(words(&end), "it runs under an approval, and is started for nothing else");
    }
    assert_eq!(office.starts(), 0);
}

#[tokio::test]
async fn without_an_approver_nobody_is_asked_and_what_was_allowed_runs_no_more() {
    let office = office(echo).await;
    let ada = office.ada();
    let id = office.ask(&ada, "edit", "{}").await;
    office.answer(&id, Answer::Approve).await.unwrap();
    let data = office.data.path().join("elsewhere");
    std::fs::create_dir(&data).unwrap();
    let force = InForce::fixed(tools(), Default::default()).including(&registration(&["read", "edit", "wipe"]));
    let (inner, starts) = hub_in(&data, force, Arc::new(echo), Fate::default(), None).await;
    let hub = Hub(Arc::new(inner));
    let caller = hub.local_caller("ada", &ada.profile).unwrap();
    for tool in ["edit", "wipe"] {
        let end = end_of(&hub, &caller, tool, "{}").await;
        assert_eq!(words(&end), "a person would have to allow this call, and no approver is enrolled who could");
        assert!(end.approval.is_none());
    }
    assert!(hub.approvals().await.unwrap().is_empty() && starts.load(Ordering::SeqCst) == 0);
}
