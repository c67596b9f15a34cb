//! Whoever was let in and must not be any more.

use super::*;

#[tokio::test]
async fn a_revoked_token_calls_nothing_and_sees_nothing_however_long_ago_it_was_let_in() {
    let bench = bench(|_| answer("hi")).await;
    let everyone = ProfileName::try_from("everyone").unwrap();
    let token = crate::tokens::create(bench.data.path(), "ada", &everyone, None).unwrap();
    let caller = bench.hub.authenticate(&token).unwrap();
    assert_eq!(bench.hub.in_force(&caller), Some(caller.clone()));
    assert!(!bench.hub.tools(&caller).is_empty());

    assert!(crate::tokens::revoke(bench.data.path(), &caller.session).unwrap());
    assert_eq!(bench.hub.in_force(&caller), None);
    assert!(bench.hub.tools(&caller).is_empty());
    let denied = CallOutcome::Denied { reason: "this token is not in force".into(), approvable: false };
    assert_eq!(bench.call(&caller, "read", "{}").await, denied);
    let last = bench.last();
    assert_eq!((last["event"].as_str(), last["reason"].as_str()), (Some("denied"), Some("this token is not in force")));
    assert_eq!(bench.hub.posture(&caller, "read").await.unwrap_err().outcome, denied);
    assert!(bench.hub.sessions().is_empty());
    assert_eq!(bench.starts(), 0);
}

#[tokio::test]
async fn a_profile_that_the_manifest_does_not_have_lets_nobody_in_and_the_log_says_why() {
    let bench = bench(|_| answer("hi")).await;
    let nobody = ProfileName::try_from("nobody").unwrap();
    let token = crate::tokens::create(bench.data.path(), "ada", &nobody, None).unwrap();
    assert_eq!(bench.hub.authenticate(&token), None);
    assert!(bench.hub.admit(&token, "mcp").await.is_err());
    let last = bench.last();
    assert_eq!(last["event"], "refused");
    assert!(last["reason"].as_str().unwrap().contains("no profile `nobody`"), "{last}");
}

#[tokio::test]
async fn a_session_that_cannot_be_ended_does_not_keep_the_next_ones() {
    let bench = bench(|_| answer("hi")).await;
    let everyone = ProfileName::try_from("everyone").unwrap();
    let mut sessions = Vec::new();
    for principal in ["ada", "bob", "eve"] {
        let token = crate::tokens::create(bench.data.path(), principal, &everyone, None).unwrap();
        let caller = bench.hub.authenticate(&token).unwrap();
        bench.call(&caller, "read", "{}").await;
        sessions.push(bench.hub.0.sessions.enter(&caller).unwrap());
    }
    // Its slot is held, as by whoever waits for the engine: the end of this session waits too.
    let _held = sessions[0].hold(&manifest::ClassId("user".into())).await;
    for session in &sessions {
        crate::tokens::revoke(bench.data.path(), &session.caller.session).unwrap();
    }
    bench.hub.0.end_unauthorized();
    assert!(bench.hub.sessions().is_empty());
    assert!(sessions.iter().all(|session| session.ended.is_cancelled()));
    while bench.audit().iter().filter(|line| line["event"] == "session_ended").count() < 3 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn requests_of_the_operator_leave_no_caller_and_no_session_behind() {
    let bench = bench(|_| answer("hi")).await;
    let router = crate::operator::router(bench.hub.clone());
    // More than one principal may have sessions at once.
    for _ in 0..40 {
        for uri in ["/tools?profile=everyone", "/posture?profile=everyone&tool=read"] {
            let request = http::Request::builder().uri(uri).body(axum::body::Body::empty()).unwrap();
            let answer = tower::ServiceExt::oneshot(router.clone(), request).await.unwrap();
            assert_eq!(answer.status(), http::StatusCode::OK, "{uri}");
        }
    }
    assert_eq!(bench.starts(), 40);
    assert!(bench.hub.sessions().is_empty());
    assert!(bench.hub.0.local.lock().unwrap().is_empty());
    bench.hub.0.runners.close();
    bench.hub.0.runners.wait().await;
    let ended = bench.audit().into_iter().filter(|line| line["reason"] == "its request was answered").count();
    assert_eq!(ended, 40);
}

#[tokio::test]
async fn a_caller_that_has_left_does_not_come_back() {
    let bench = bench(|_| answer("hi")).await;
    let everyone = ProfileName::try_from("everyone").unwrap();
    let visit = bench.hub.visit("ada", &everyone).unwrap();
    let caller = visit.caller().clone();
    assert!(matches!(bench.call(&caller, "read", "{}").await, CallOutcome::Answer(_)));
    drop(visit);
    assert!(matches!(bench.call(&caller, "read", "{}").await, CallOutcome::Denied { .. }));
}
