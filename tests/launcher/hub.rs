//! `safeclaw hub` with its launcher, as processes that can be looked at and killed.

use super::apart::Apart;
use container::launcher::Record;
use manifest::Digest;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use tests::handed;
use tests::hubs::{HubProcess, Place, call};
use tests::watch::{Watch, gone, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_that_serves_has_given_up_its_rights_on_every_thread() {
    let place = Place::new().await;
    let mut hub = HubProcess::spawn(&place, &handed::engine(), 1);
    hub.ready().await.unwrap_or_else(|status| panic!("the hub ends ({status}):\n{}", place.said()));
    let pid = hub.pid();
    let mut threads = 0;
    for thread in fs::read_dir(format!("/proc/{pid}/task")).unwrap() {
        let status = fs::read_to_string(thread.unwrap().path().join("status")).unwrap();
        for wanted in ["NoNewPrivs:\t1", "Seccomp:\t2", "Seccomp_filters:\t3"] {
            assert!(status.contains(wanted), "{wanted}: {status}");
        }
        threads += 1;
    }
    assert!(threads > 1, "it has workers");
    let launcher = hub.launcher().expect("it has a launcher");
    let status = fs::read_to_string(format!("/proc/{launcher}/status")).unwrap();
    assert!(status.contains("NoNewPrivs:\t1") && status.contains("Seccomp:\t2"), "{status}");
    // And it still does what it is for.
    let (mcp, token) = (hub.mcp.expect("it is ready"), place.token());
    let answer = call(mcp, &token, "files_stat", json!({"path": "README.md"})).await.expect("an answer");
    assert_eq!(answer["isError"], false, "{answer}\n{}", place.said());
    let watch = Watch::of(&handed::engine(), &place.data());
    assert!(hub.stop().await.success(), "{}", place.said());
    watch.none().await;
    assert!(fs::read_link(format!("/proc/{launcher}/exe")).is_err(), "its launcher has ended with it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_whose_launcher_died_says_so_and_starts_nothing() {
    let place = Place::new().await;
    let mut hub = HubProcess::spawn(&place, &handed::engine(), 0);
    hub.ready().await.unwrap_or_else(|status| panic!("the hub ends ({status}):\n{}", place.said()));
    let (mcp, token) = (hub.mcp.expect("it is ready"), place.token());
    let stat = json!({"path": "README.md"});
    let answer = call(mcp, &token, "files_stat", stat.clone()).await.expect("an answer");
    assert_eq!(answer["isError"], false, "{answer}");
    let watch = Watch::of(&handed::engine(), &place.data());
    let dead = watch.containers();
    assert_eq!(dead.len(), 1);

    let launcher = hub.launcher().expect("it has a launcher");
    let launcher = Pid::from_raw(i32::try_from(launcher).unwrap()).unwrap();
    kill_process(launcher, Signal::KILL).unwrap();
    let operator = hub.operator();
    let told = || async {
        let health = operator.health().await.map_err(|error| error.to_string())?;
        let told = health.problems.iter().any(|line| line.contains("the launcher has ended") && line.contains("again"));
        if told && !health.ok { Ok(()) } else { Err(format!("{health:?}")) }
    };
    until("the hub says that its launcher is gone", told).await;
    let answer = call(mcp, &token, "files_stat", stat.clone()).await.expect("an answer");
    assert_eq!(answer["isError"], true, "{answer}");
    // Its runner has lost its input with the launcher.
    gone(&dead).await;
    let _ = hub.stop().await;

    // Started again, it works.
    let mut again = HubProcess::spawn(&place, &handed::engine(), 0);
    again.ready().await.unwrap_or_else(|status| panic!("the hub ends ({status}):\n{}", place.said()));
    let answer = call(again.mcp.expect("it is ready"), &token, "files_stat", stat).await.expect("an answer");
    assert_eq!(answer["isError"], false, "{answer}");
    assert!(again.stop().await.success());
    watch.none().await;
}

/// What somebody wrote into the hub's own files is not what the operator applied: the launcher knows another manifest,
/// and the hub comes with this one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_a_manifest_that_the_operator_did_not_apply_a_hub_allows_nothing() {
    let place = Place::new().await;
    let record = place.data().with_file_name("data-launcher");
    let applied = (Digest::of(b"what the operator applied"), BTreeMap::new());
    Record::open(&record).unwrap().admit(applied.0, applied.1).unwrap();
    let mut hub = HubProcess::spawn(&place, &handed::engine(), 0);
    hub.ready().await.unwrap_or_else(|status| panic!("the hub ends ({status}):\n{}", place.said()));
    let health = hub.operator().health().await.unwrap();
    assert!(!health.ok && health.tools == 0, "{health:?}");
    assert!(health.problems.concat().contains("safeclaw manifest apply"), "{health:?}");
    assert!(hub.stop().await.success());
    // Without a record it is the first ever, and nothing else has changed: so it was the record.
    fs::remove_dir_all(&record).unwrap();
    let mut hub = HubProcess::spawn(&place, &handed::engine(), 0);
    hub.ready().await.unwrap_or_else(|status| panic!("the hub ends ({status}):\n{}", place.said()));
    assert!(hub.stop().await.success());
    // Now it is known, and the next hub with it is served.
    let mut hub = HubProcess::spawn(&place, &handed::engine(), 0);
    hub.ready().await.unwrap_or_else(|status| panic!("the hub ends ({status}):\n{}", place.said()));
    assert!(hub.stop().await.success());
}

/// Two programs, of which only the one may speak to the engine.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_is_served_by_a_launcher_that_runs_apart() {
    let place = Place::new().await;
    let apart = Apart::start(Some(&place.data())).await;
    let mut hub = HubProcess::apart(&place, &apart.socket());
    hub.ready().await.unwrap_or_else(|status| panic!("the hub ends ({status}):\n{}", place.said()));
    assert_eq!(hub.launcher(), None);
    let (mcp, token) = (hub.mcp.expect("it is ready"), place.token());
    let answer = call(mcp, &token, "files_stat", json!({"path": "README.md"})).await.expect("an answer");
    assert_eq!(answer["isError"], false, "{answer}\n{}", place.said());
    let watch = Watch::of(&handed::engine(), &place.data());
    assert_eq!(watch.names().len(), 1);
    hub.kill().await;
    watch.none().await;
}
