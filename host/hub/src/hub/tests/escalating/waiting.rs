//! An agent that waits: `request_status`, and tasks.

use super::*;

async fn status(office: &Office, caller: &Caller, arguments: &str) -> String {
    words(&office.end(caller, crate::REQUEST_STATUS, arguments).await)
}

#[tokio::test]
async fn an_agent_learns_of_its_own_approvals_and_of_no_other() {
    let office = office(echo).await;
    let ada = office.ada();
    assert!(office.hub.tools(&ada).iter().any(|tool| tool.description.name == crate::REQUEST_STATUS));
    let id = office.ask(&ada, "wipe", "{}").await;
    let arguments = format!(r#"{{"approval":"{id}"}}"#);
    assert!(status(&office, &ada, &arguments).await.starts_with("pending: nobody has answered yet"));
    let none = "this session has no such approval";
    let bob = office.hub.local_caller("bob", &ada.profile).unwrap();
    for stranger in [&office.ada(), &bob] {
        assert_eq!(status(&office, stranger, &arguments).await, none);
    }
    for other in ["0".repeat(32), "x".into(), String::new()] {
        assert_eq!(status(&office, &ada, &format!(r#"{{"approval":"{other}"}}"#)).await, none);
    }
    for bad in ["{}", "[]", r#"{"approval":1}"#, r#"{"approval":"a","more":1}"#] {
        assert!(status(&office, &ada, bad).await.starts_with("the arguments are"), "{bad}");
    }
    let long = format!(r#"{{"approval":"{id}","wait_s":46}}"#);
    assert_eq!(status(&office, &ada, &long).await, "wait_s = 45");
    office.answer(&id, Answer::Approve).await.unwrap();
    assert!(status(&office, &ada, &arguments).await.starts_with("approved: "));
    office.end(&ada, "wipe", "{}").await;
    assert_eq!(status(&office, &ada, &arguments).await, "executed: it was used");
}

#[tokio::test]
async fn it_waits_for_the_answer() {
    let office = office(echo).await;
    let ada = office.ada();
    let id = office.ask(&ada, "wipe", "{}").await;
    let arguments = format!(r#"{{"approval":"{id}","wait_s":45}}"#);
    let (told, ()) = tokio::join!(status(&office, &ada, &arguments), async {
        tokio::task::yield_now().await;
        office.answer(&id, Answer::Deny).await.unwrap();
    });
    assert!(told.starts_with("denied: "), "{told}");
}

#[tokio::test]
async fn whoever_sees_no_escalated_tool_does_not_see_it() {
    let bench = bench(|_| answer("hi")).await;
    let reader = bench.caller("reader");
    assert!(bench.hub.tools(&reader).iter().all(|tool| tool.description.name != crate::REQUEST_STATUS));
    assert_eq!(bench.call(&reader, crate::REQUEST_STATUS, "{}").await, CallOutcome::UnknownTool);
}

fn ended(view: &TaskView) -> Option<(String, &'static str)> {
    match &view.state {
        TaskState::Working(_) => None,
        TaskState::Ended(end, disposition) => Some((words(end), disposition)),
    }
}

#[tokio::test]
async fn a_task_runs_once_a_person_has_allowed_it_and_its_client_asks() {
    let office = office(echo).await;
    let ada = office.ada();
    let id = office.ask(&ada, "wipe", r#"{"a":1}"#).await;
    let task = async |caller: &Caller| office.hub.task(caller, id.as_str()).await;
    assert!(ended(&task(&ada).await.unwrap()).is_none());
    let bob = office.hub.local_caller("bob", &ada.profile).unwrap();
    assert!(task(&office.ada()).await.is_none() && task(&bob).await.is_none(), "nobody else finds it");
    assert!(!office.hub.cancel_task(&bob, id.as_str()).await);
    office.answer(&id, Answer::Approve).await.unwrap();
    assert_eq!(office.starts(), 0, "nothing runs for an agent that is gone");
    let mut found = None;
    while found.is_none() {
        found = ended(&task(&ada).await.unwrap());
        tokio::task::yield_now().await;
    }
    assert_eq!(found, Some((r#"wipe {"a":1}"#.into(), "approved-executed")));
    assert_eq!(ended(&task(&ada).await.unwrap()), found, "as often as it is asked for");
    assert_eq!(office.starts(), 1);
}

#[tokio::test]
async fn a_task_that_is_denied_or_taken_back_did_not_run() {
    let office = office(echo).await;
    let ada = office.ada();
    let denied = office.ask(&ada, "wipe", "{}").await;
    office.answer(&denied, Answer::Deny).await.unwrap();
    let view = office.hub.task(&ada, denied.as_str()).await.unwrap();
    assert_eq!(ended(&view).unwrap().1, "denied-not-executed");
    let gone = office.ask(&ada, "edit", "{}").await;
    office.answer(&gone, Answer::Approve).await.unwrap();
    assert!(office.hub.cancel_task(&ada, gone.as_str()).await);
    let view = office.hub.task(&ada, gone.as_str()).await.unwrap();
    assert_eq!(ended(&view).unwrap(), ("it was taken back, and did not run".into(), "denied-not-executed"));
    assert_eq!(office.starts(), 0);
    // And nobody is asked in a task's name.
    let pending = office.hub.approvals().await.unwrap().iter().filter(|one| one.state == "pending").count();
    assert_eq!(pending, 0);
}
