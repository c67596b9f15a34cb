//! `kill -9` of what serves a call: the container's first process, and the engine's shim above it.

use hub::CallOutcome;
use std::path::Path;
use tests::hubs::MANIFEST;
use tests::own::{Own, Plan};
use tests::watch::{Trace, Watch, gone, kill, may_kill, parent, until};

/// A hub with a call that runs until somebody ends it, and the container that it runs in.
async fn sleeping(own: &Own) -> (Trace, tokio::task::JoinHandle<hub::CallEnd>) {
    let caller = own.caller("developer");
    let (hub, session) = (own.hub.clone(), caller.session.clone());
    let calling = tokio::spawn(async move {
        let (notes, _noted) = tokio::sync::mpsc::channel(8);
        let stop = tokio_util::sync::CancellationToken::new();
        hub.call(&caller, "attack_sleep_forever", "{}".to_owned(), notes, stop).await
    });
    let look = || async {
        let sessions = own.hub.sessions();
        let session = sessions.iter().find(|view| view.id == session);
        let runner = session.and_then(|view| view.runners.iter().find(|runner| runner.open_calls == 1));
        runner.map(|runner| runner.container.to_string()).ok_or_else(|| format!("{sessions:?}"))
    };
    let name = until("the call runs", look).await;
    let watch = Watch::of(&tests::handed::engine(), &own.data);
    (watch.look(&name).expect("the engine knows it"), calling)
}

async fn own(workspace: &Path) -> Own {
    Plan::new(MANIFEST).guest("hostile").guest("files").mount("workspace", workspace).start().await
}

async fn broken(calling: tokio::task::JoinHandle<hub::CallEnd>) {
    let ended = tokio::time::timeout(tests::watch::LONG, calling).await.expect("the call is answered").unwrap();
    assert!(matches!(ended.outcome, CallOutcome::Broken { .. }), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_runner_that_is_killed_breaks_its_call_and_leaves_nothing() {
    if !may_kill("a runner's first process is killed") {
        return;
    }
    let workspace = tempfile::tempdir().unwrap();
    let own = own(workspace.path()).await;
    let (container, calling) = sleeping(&own).await;
    kill(container.pid().expect("it runs"));
    broken(calling).await;
    gone(&[container]).await;
    own.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shim_that_is_killed_breaks_its_call_and_leaves_nothing() {
    if !may_kill("an engine's shim is killed") {
        return;
    }
    let workspace = tempfile::tempdir().unwrap();
    let own = own(workspace.path()).await;
    let (container, calling) = sleeping(&own).await;
    let shim = parent(container.pid().expect("it runs")).expect("it has a parent");
    let command = std::fs::read(format!("/proc/{shim}/cmdline")).unwrap();
    assert!(String::from_utf8_lossy(&command).contains(container.id()), "the parent is this container's shim");
    kill(shim);
    broken(calling).await;
    gone(&[container]).await;
    own.end().await;
}
