//! `kill -9` of a hub at each point of its talk with the engine. Another hub on the same data directory starts,
//! removes what was left, and serves.

use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tests::handed;
use tests::hubs::{HubProcess, Place, call, litter};
use tests::relay::{Asked, Fate, Later, Relay};
use tests::watch::{LONG, Watch, gone, until};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

/// What the hub is doing when it dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum During {
    /// It starts, on a clean data directory.
    Start,
    /// It starts, and a dead hub has left a container that was never started.
    Janitor,
    /// It parks its first runners.
    Fill,
    /// A session's first call gets a runner.
    Session,
    /// A call gets a runner of its own, which is gone after it.
    OneCall,
    /// A component is registered: a container that compiles, then one that is asked for tools.
    Registration,
    /// The operator ends a session.
    SessionEnd,
    /// It was asked to stop.
    Stop,
}
use During::*;

/// Which request it was making, after so many like it, and how far that had come.
#[rustfmt::skip]
const POINTS: [(During, Asked, usize, Fate); 32] = [
    (Start,        Asked::Ping,    0, Fate::Before),
    (Start,        Asked::Image,   0, Fate::After),
    (Start,        Asked::Events,  0, Fate::Before),
    (Start,        Asked::List,    0, Fate::After),
    (Janitor,      Asked::List,    0, Fate::Before),
    (Janitor,      Asked::Inspect, 0, Fate::After),
    (Janitor,      Asked::Remove,  0, Fate::Before),
    (Janitor,      Asked::Remove,  0, Fate::After),
    (Fill,         Asked::Create,  0, Fate::After),
    (Fill,         Asked::Attach,  0, Fate::Before),
    (Fill,         Asked::Start,   1, Fate::Before),
    (Fill,         Asked::Start,   1, Fate::After),
    (Session,      Asked::Create,  0, Fate::Before),
    (Session,      Asked::Create,  0, Fate::After),
    (Session,      Asked::Create,  0, Fate::Late),
    (Session,      Asked::Attach,  0, Fate::After),
    (Session,      Asked::Start,   0, Fate::Late),
    (Session,      Asked::Start,   0, Fate::After),
    (OneCall,      Asked::Create,  0, Fate::After),
    (OneCall,      Asked::Start,   0, Fate::After),
    (OneCall,      Asked::Remove,  0, Fate::Before),
    (OneCall,      Asked::Remove,  0, Fate::After),
    (Registration, Asked::Create,  0, Fate::Late),
    (Registration, Asked::Start,   0, Fate::After),
    // Not the second one: the runner that described itself ends by itself, and may be gone before anybody removes it.
    (Registration, Asked::Remove,  0, Fate::Before),
    (Registration, Asked::Remove,  0, Fate::After),
    (Registration, Asked::Create,  1, Fate::After),
    (Registration, Asked::Start,   1, Fate::After),
    (SessionEnd,   Asked::Inspect, 0, Fate::Before),
    (SessionEnd,   Asked::Remove,  0, Fate::After),
    (Stop,         Asked::Remove,  0, Fate::Before),
    (Stop,         Asked::Remove,  0, Fate::After),
];

/// Points that are played at once: each mostly waits for the engine.
const AT_ONCE: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_that_is_killed_leaves_nothing_to_the_next() {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    // Each in a task, so that a failure is that point's alone.
    let played = POINTS.map(|point| {
        let places = places.clone();
        tokio::spawn(async move {
            let _place = places.acquire_owned().await.unwrap();
            play(point).await;
        })
    });
    let mut failed = Vec::new();
    for (point, played) in POINTS.into_iter().zip(played) {
        if played.await.is_err() {
            failed.push(point);
        }
    }
    assert!(failed.is_empty(), "{failed:#?}; why each failed stands above");
}

async fn play((during, asked, skip, fate): (During, Asked, usize, Fate)) {
    let point = format!("{during:?}, {asked:?} {skip}, {fate:?}");
    let place = Place::new().await;
    let relay = Relay::to(&handed::engine());
    if during == Janitor {
        leave_one(&place, &relay).await;
    }
    let later = die(&place, &relay, during, asked, skip, fate).await;
    let watch = Watch::of(&handed::engine(), &place.data());
    let dead = watch.containers();

    let mut hub = HubProcess::spawn(&place, &handed::engine(), 0);
    hub.ready().await.unwrap_or_else(|status| panic!("{point}: the next hub ends ({status}):\n{}", place.said()));
    if fate == Fate::Late {
        // What is made only now is nobody's, or cannot be made: a runner's FIFOs went with the dead hub. What is
        // started now may be gone already.
        let status = later.release().await;
        let made = if during == Registration { 201 } else { 400 };
        assert!(asked != Asked::Create || status == made, "{point}: the engine answers {status}");
    }
    let asked_for = relay.created();
    let look = || async {
        let left: Vec<_> = watch.names().into_iter().filter(|name| asked_for.contains(name)).collect();
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}\n{}", place.said())) }
    };
    until(&format!("{point}: the dead hub's containers are gone"), look).await;
    gone(&dead).await;

    let mcp = hub.mcp.expect("it is ready");
    let answer = call(mcp, &place.token(), "files_stat", json!({"path": "README.md"})).await;
    let answer = answer.unwrap_or_else(|| panic!("{point}: no answer:\n{}", place.said()));
    assert_eq!(answer["isError"], false, "{point}: {answer}\n{}", place.said());
    if during == Registration {
        hub.add("hello", handed::guest("hello")).await.unwrap_or_else(|error| panic!("{point}: {error}"));
    }
    let served = watch.containers();
    let status = hub.stop().await;
    assert!(status.success(), "{point}: {status}\n{}", place.said());
    watch.none().await;
    gone(&served).await;
    assert_eq!(litter(&place.data()), Vec::<String>::new(), "{point}");
}

/// A hub that dies between making a container and starting it: that one has no input to end it.
async fn leave_one(place: &Place, relay: &Relay) {
    let caught = relay.hold(Asked::Start, 0, Fate::Before);
    let hub = HubProcess::spawn(place, &relay.socket, 1);
    timeout(LONG, caught).await.expect("it parks a runner").expect("the request is held");
    hub.kill_with_launcher().await;
    relay.cut();
    let watch = Watch::of(&handed::engine(), &place.data());
    assert_eq!(watch.names().len(), 1, "one is left");
}

/// A hub that is killed at this point. What it was asking for may still be released.
async fn die(place: &Place, relay: &Relay, during: During, asked: Asked, skip: usize, fate: Fate) -> Later {
    let hold = || relay.hold(asked, skip, fate);
    let parked = usize::from(during == Fill);
    let (hub, caught) = if matches!(during, Start | Janitor | Fill) {
        let caught = hold();
        (HubProcess::spawn(place, &relay.socket, parked), caught)
    } else {
        let mut hub = HubProcess::spawn(place, &relay.socket, parked);
        hub.ready().await.unwrap_or_else(|status| panic!("the hub ends ({status}):\n{}", place.said()));
        let caught = provoke(place, &hub, during, hold).await;
        (hub, caught)
    };
    let caught = timeout(LONG, caught).await;
    let later = caught.unwrap_or_else(|_| panic!("{during:?}, {asked:?}: it never asked:\n{}", place.said()));
    // Alone, its launcher ends what it started, as far as the engine lets it; together, all is left to the next hub.
    if fate == Fate::After {
        hub.kill_with_launcher().await;
    } else {
        hub.kill().await;
    }
    relay.cut();
    later.expect("the request is held")
}

/// Has the hub do what it is to die of, and asks for the request to be held in time.
async fn provoke(
    place: &Place,
    hub: &HubProcess,
    during: During,
    hold: impl Fn() -> oneshot::Receiver<Later>,
) -> oneshot::Receiver<Later> {
    let (mcp, token) = (hub.mcp.expect("it is ready"), place.token());
    let stat = json!({"path": "README.md"});
    if matches!(during, SessionEnd | Stop) {
        // There has to be a runner that can be ended.
        let answer = call(mcp, &token, "files_stat", stat.clone()).await.expect("an answer");
        assert_eq!(answer["isError"], false, "{answer}");
    }
    let caught = hold();
    match during {
        Session => drop(tokio::spawn(async move { call(mcp, &token, "files_stat", stat).await })),
        OneCall => drop(tokio::spawn(async move { call(mcp, &token, "files_list", json!({"path": "."})).await })),
        Registration => {
            let (operator, name) = (hub.operator(), manifest::ComponentName::try_from("hello").unwrap());
            // It dies before it can answer.
            tokio::spawn(async move { operator.add_component(&name, handed::guest("hello")).await.is_ok() });
        }
        SessionEnd => {
            let operator = hub.operator();
            let sessions = timeout(Duration::from_secs(60), operator.sessions()).await.unwrap().unwrap();
            let id = sessions.first().expect("a session").id.clone();
            tokio::spawn(async move { operator.end_session(&id).await.is_ok() });
        }
        Stop => hub.ask_to_stop(),
        Start | Janitor | Fill => {}
    }
    caught
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_that_is_killed_while_a_call_runs_takes_the_call_along() {
    let place = Place::new().await;
    // Nothing is parked: what the pool was just making when the hub died is for the next hub to remove.
    let mut hub = HubProcess::spawn(&place, &handed::engine(), 0);
    hub.ready().await.unwrap_or_else(|status| panic!("the hub ends ({status}):\n{}", place.said()));
    let (mcp, token) = (hub.mcp.expect("it is ready"), place.token());
    let calling = tokio::spawn(async move { call(mcp, &token, "attack_sleep_forever", json!({})).await });
    let operator = hub.operator();
    let look = || async {
        let sessions = operator.sessions().await.map_err(|error| error.to_string())?;
        let runs = sessions.iter().flat_map(|session| &session.runners).any(|runner| runner.open_calls == 1);
        if runs { Ok(()) } else { Err(format!("{sessions:?}")) }
    };
    until("the call runs", look).await;
    let watch = Watch::of(&handed::engine(), &place.data());
    let dead = watch.containers();
    assert!(!dead.is_empty());
    hub.kill().await;
    assert_eq!(calling.await.expect("the call ends"), None);

    // Without another hub: their input has ended, and so do they.
    watch.none().await;
    gone(&dead).await;
}
