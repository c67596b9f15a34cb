//! The engine hangs, stops, is killed, and comes back, and the hub is not started anew. Nothing is parked, and
//! one of the tools gets a runner for each call, so that a call needs the engine.

use hub::button::Press;
use hub::{CallEnd, CallOutcome, Caller, Wall2};
use std::collections::BTreeSet;
use tests::engines::OwnEngine;
use tests::handed;
use tests::hubs::MANIFEST;
use tests::own::{Own, Plan};
use tests::watch::{LONG, Trace, Watch, gone, may_kill, until};
use tokio::task::JoinHandle;
use tokio::time::timeout;

struct Scene {
    own: Own,
    caller: Caller,
    watch: Watch,
}

impl Scene {
    async fn new(engine: &OwnEngine, workspace: &std::path::Path) -> Self {
        let mut plan = Plan::new(MANIFEST).guest("files").guest("hostile").mount("workspace", workspace);
        plan.wall2 = Wall2::Engine { socket: engine.socket.clone(), image: handed::image() };
        let own = plan.start().await;
        let (caller, watch) = (own.caller("developer"), Watch::of(&engine.socket, &own.data));
        Self { own, caller, watch }
    }

    /// A call that needs the engine, whatever was called before.
    async fn list(&self) -> CallEnd {
        let call = self.own.call(&self.caller, "files_list", r#"{"path":"."}"#);
        timeout(LONG, call).await.expect("it is answered in time")
    }

    /// A call in the session's runner, which runs until somebody ends it; and its container.
    async fn sleep(&self) -> (JoinHandle<CallEnd>, Trace) {
        let (hub, caller) = (self.own.hub.clone(), self.caller.clone());
        let calling = tokio::spawn(async move {
            let (notes, _noted) = tokio::sync::mpsc::channel(8);
            let stop = tokio_util::sync::CancellationToken::new();
            hub.call(&caller, "attack_sleep_forever", "{}".to_owned(), notes, stop).await
        });
        let look = || async {
            let sessions = self.own.hub.sessions();
            let mut runners = sessions.iter().flat_map(|session| &session.runners);
            let runner = runners.find(|runner| runner.open_calls == 1);
            runner.map(|runner| runner.container.to_string()).ok_or_else(|| format!("{sessions:?}"))
        };
        let name = until("the call runs", look).await;
        (calling, self.watch.look(&name).expect("the engine knows it"))
    }

    /// Waits until the operator can read that the engine is away, or that it is back.
    async fn told(&self, away: bool) {
        let look = || async {
            let health = self.own.hub.health();
            let told = health.problems.iter().any(|line| line.contains("the container engine does not answer"));
            if told == away && health.ok != away { Ok(()) } else { Err(format!("{health:?}")) }
        };
        until(if away { "the hub says that the engine is away" } else { "the hub is well" }, look).await;
    }

    /// Waits until a call is answered, without anyone having touched the hub.
    async fn works(&self) {
        let look = || async {
            match self.list().await {
                end if answered(&end) => Ok(()),
                end => Err(format!("{end:?}")),
            }
        };
        until("a call is answered", look).await;
    }

    /// Nothing is there but what serves a session.
    async fn is_clean(&self) {
        let look = || async {
            let sessions = self.own.hub.sessions();
            let runners = sessions.iter().flat_map(|session| &session.runners);
            let serving: BTreeSet<String> = runners.map(|runner| runner.container.to_string()).collect();
            let left: Vec<String> = self.watch.names().difference(&serving).cloned().collect();
            if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
        };
        until("nothing is left over", look).await;
    }
}

fn answered(end: &CallEnd) -> bool {
    matches!(&end.outcome, CallOutcome::Answer(answer) if !answer.is_error)
}

async fn broken(calling: JoinHandle<CallEnd>) {
    let end = timeout(LONG, calling).await.expect("it is answered in time").unwrap();
    assert!(matches!(end.outcome, CallOutcome::Broken { .. }), "{end:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_that_stops_or_is_killed_and_comes_back_needs_no_new_hub() {
    if !may_kill("an engine goes away and comes back") {
        return;
    }
    let workspace = tempfile::tempdir().unwrap();
    let mut engine = OwnEngine::start().await;
    let scene = Scene::new(&engine, workspace.path()).await;
    scene.works().await;
    for kill in [false, true] {
        let (calling, container) = scene.sleep().await;
        if kill {
            engine.kill()
        } else {
            engine.stop()
        }
        // Its container's streams ended with the engine.
        broken(calling).await;
        let end = scene.list().await;
        assert!(matches!(end.outcome, CallOutcome::Broken { .. }), "no engine, no runner: {end:?}");
        scene.told(true).await;

        engine.restart().await;
        scene.works().await;
        scene.told(false).await;
        scene.is_clean().await;
        gone(&[container]).await;
    }
    scene.own.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_that_hangs_breaks_calls_in_bounded_time_and_leaves_nothing() {
    if !may_kill("an engine hangs") {
        return;
    }
    let workspace = tempfile::tempdir().unwrap();
    let engine = OwnEngine::start().await;
    let scene = Scene::new(&engine, workspace.path()).await;
    scene.works().await;
    let (calling, container) = scene.sleep().await;
    engine.hang();
    // It needs a container, and none can be made.
    let end = scene.list().await;
    assert!(matches!(end.outcome, CallOutcome::Broken { .. }), "{end:?}");
    scene.told(true).await;

    // The session ends in memory at once, and its runner needs no engine to die.
    let ending = scene.own.hub.clone();
    let session = scene.caller.session.clone();
    let ending = tokio::spawn(async move { ending.end_session(&session).await });
    let end = timeout(LONG, calling).await.expect("it is answered in time").unwrap();
    assert!(matches!(end.outcome, CallOutcome::Cancelled), "{end:?}");
    let pid = container.pid().expect("it ran");
    let look = || async {
        match std::fs::read_to_string(format!("/proc/{pid}/cgroup")) {
            Ok(cgroup) if cgroup.contains(container.id()) => Err(cgroup),
            _ => Ok(()),
        }
    };
    until("the runner is dead while the engine hangs", look).await;

    engine.go_on();
    scene.works().await;
    scene.told(false).await;
    timeout(LONG, ending).await.expect("the session has ended").unwrap();
    scene.is_clean().await;
    gone(&[container]).await;
    scene.own.end().await;
}

/// Real runners, and the launcher's own kill. Everything is stopped, since what runs needs no person to allow it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_red_button_kills_what_runs_and_with_an_engine_that_hangs_takes_nothing_of_it() {
    if !may_kill("the red button with an engine that hangs") {
        return;
    }
    let workspace = tempfile::tempdir().unwrap();
    let engine = OwnEngine::start().await;
    let scene = Scene::new(&engine, workspace.path()).await;
    scene.works().await;
    let panic = Press { panic: true, ..Press::default() };
    let hub = &scene.own.hub;
    let taken_back = |end: CallEnd| matches!(&end.outcome, CallOutcome::Denied { reason, .. } if reason == "what allowed it was taken back while it ran");

    let (calling, container) = scene.sleep().await;
    let revoked = timeout(LONG, hub.revoke_all(panic, "a test")).await.expect("it answers");
    assert!(revoked.unconfirmed.is_empty() && revoked.killed >= 1, "{revoked:?}");
    assert!(taken_back(timeout(LONG, calling).await.expect("it is answered in time").unwrap()));
    gone(&[container]).await;
    assert!(matches!(scene.list().await.outcome, CallOutcome::Denied { .. }), "nothing is called");
    hub.resume("a test").await.unwrap();
    scene.works().await;

    let (calling, container) = scene.sleep().await;
    let pid = container.pid().expect("it ran");
    engine.hang();
    let revoked = timeout(LONG, hub.revoke_all(panic, "a test")).await.expect("it answers");
    assert!(revoked.unconfirmed.iter().any(|name| *name.0 == container.name()), "{revoked:?}");
    assert!(revoked.undone.concat().contains("not confirmed to be dead"), "{revoked:?}");
    assert!(taken_back(timeout(LONG, calling).await.expect("it is answered in time").unwrap()));
    assert!(matches!(scene.list().await.outcome, CallOutcome::Denied { .. }), "nothing is called");
    // Its process needs no engine to die.
    let look = || async {
        match std::fs::read_to_string(format!("/proc/{pid}/cgroup")) {
            Ok(cgroup) if cgroup.contains(container.id()) => Err(cgroup),
            _ => Ok(()),
        }
    };
    until("the runner is dead while the engine hangs", look).await;
    engine.go_on();
    hub.resume("a test").await.unwrap();
    scene.works().await;
    scene.told(false).await;
    scene.is_clean().await;
    gone(&[container]).await;
    scene.own.end().await;
}
