//! Two hubs: on one engine they leave each other's alone, and one data directory is one hub's.

use hub::{CallOutcome, StartError};
use std::collections::BTreeSet;
use tests::handed;
use tests::hubs::{HubProcess, MANIFEST, Place};
use tests::own::{Own, Plan};
use tests::watch::Watch;

async fn own(workspace: &std::path::Path) -> Own {
    Plan::new(MANIFEST).guest("files").mount("workspace", workspace).start().await
}

/// The containers that serve a session, after a call in it.
async fn serving(own: &Own, caller: &hub::Caller) -> BTreeSet<String> {
    let end = own.call(caller, "files_stat", r#"{"path":"README.md"}"#).await;
    assert!(matches!(&end.outcome, CallOutcome::Answer(answer) if !answer.is_error), "{end:?}");
    let sessions = own.hub.sessions();
    let session = sessions.iter().find(|view| view.id == caller.session).expect("the session lives");
    session.runners.iter().map(|runner| runner.container.to_string()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_that_starts_cleans_up_and_ends_leaves_anothers_session_alone() {
    let workspace = tempfile::tempdir().unwrap();
    std::fs::write(workspace.path().join("README.md"), "x").unwrap();
    let first = own(workspace.path()).await;
    let caller = first.caller("developer");
    let containers = serving(&first, &caller).await;
    assert_eq!(containers.len(), 1);

    let second = own(workspace.path()).await;
    assert_eq!(serving(&first, &caller).await, containers, "another hub started");
    let other = second.caller("developer");
    let others = serving(&second, &other).await;
    assert!(others.is_disjoint(&containers));
    let watch = Watch::of(&handed::engine(), &second.data);
    assert_eq!(watch.names(), others, "its label is on its own alone");
    second.end().await;
    watch.none().await;
    assert_eq!(serving(&first, &caller).await, containers, "another hub ended");
    first.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_hub_on_one_data_directory_says_why_it_does_not_start() {
    let place = Place::new().await;
    let mut first = HubProcess::spawn(&place, &handed::engine(), 0);
    first.ready().await.unwrap_or_else(|status| panic!("the hub ends ({status}):\n{}", place.said()));
    let status = HubProcess::spawn(&place, &handed::engine(), 0).ready().await.expect_err("it must not start");
    assert!(!status.success());
    let why = StartError::Locked(place.data().canonicalize().unwrap()).to_string();
    assert!(why.contains("another --data DIR") && place.said().contains(&why), "{}", place.said());

    // The first is none the worse for it, and when it is gone the directory is free.
    assert!(first.operator().health().await.is_ok());
    first.kill().await;
    let mut third = HubProcess::spawn(&place, &handed::engine(), 0);
    third.ready().await.unwrap_or_else(|status| panic!("the hub ends ({status}):\n{}", place.said()));
    assert!(third.stop().await.success());
}
