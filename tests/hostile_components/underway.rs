//! Components that change while sessions use them. A session is served by what it began with or is refused: it
//! never gets a mixture, and what was changed after the hub looked is found by the runner that would map it.

use crate::hostile_components::bench::{Bench, MANIFEST, chain, named};
use crate::hostile_components::forge::{Component, component, listed};
use crate::hostile_components::place::{Place, bend, call, fifo, got, replace};
use crate::hostile_components::table::{self, Told, lasting};
use hub::{CallOutcome, Hub, RegisterError};
use manifest::Digest;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;
use tests::own::Plan;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

type Attack = (&'static str, &'static str, fn(&Place));

const AFTER_THE_CHECK: [Attack; 6] = [
    ("late-bent", "changes one bit of the artefact after the hub has looked", |p| bend(&p.artefact(), 50)),
    ("late-swapped", "puts another component's artefact in its place", |p| {
        replace(&p.artefact(), &fs::read(p.artefact_of(&p.taken)).unwrap())
    }),
    ("late-missing", "removes it", |p| fs::remove_file(p.artefact()).unwrap()),
    ("late-link", "links to another component's artefact", |p| {
        fs::remove_file(p.artefact()).unwrap();
        symlink(p.artefact_of(&p.taken), p.artefact()).unwrap()
    }),
    ("late-fifo", "puts a FIFO in its place", |p| {
        fs::remove_file(p.artefact()).unwrap();
        fifo(&p.artefact())
    }),
    ("late-folder", "puts a folder in its place", |p| {
        fs::remove_file(p.artefact()).unwrap();
        fs::create_dir(p.artefact()).unwrap()
    }),
];

/// How the log says that a call of the attacked component ended.
fn ended(audit: &[Value]) -> String {
    let line = audit.iter().rev().find(|line| line["event"] == "executed" && line["tool"] == "control");
    line.map_or("nothing".to_owned(), |line| format!("executed: {}", line["outcome"].as_str().unwrap()))
}

fn problem(hub: &Hub) -> String {
    let about = hub.health().problems.into_iter().find(|problem| problem.contains("control"));
    about.unwrap_or_else(|| "nothing is wrong".to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changes_after_the_hub_has_looked_is_found_by_the_runner() {
    let mut rows = Vec::new();
    for (name, attack, tamper) in AFTER_THE_CHECK {
        let place = Place::new().await;
        let hub = place.start().await.unwrap();
        let everyone = manifest::ProfileName::try_from("everyone").unwrap();
        let caller = hub.local_caller("early", &everyone).unwrap();
        let early = async || {
            let (notes, _unheard) = mpsc::channel(64);
            got(&hub.call(&caller, "control", "{}".to_owned(), notes, CancellationToken::new()).await)
        };
        assert_eq!(early().await, "answered: fine");
        tamper(&place);
        // What is mapped is the file that was checked, whatever its name now leads to.
        assert_eq!(early().await, "answered: fine", "{name}: the session goes on");
        let sees = got(&call(&hub, "control").await);
        assert_eq!(sees, "broken, with an id for the operator", "{name}");
        assert_eq!(ended(&place.audit()), "executed: broken", "{name}");
        rows.push(Told {
            name: name.to_owned(),
            attack: attack.to_owned(),
            sees: format!("a session that has it: answered: fine; a new one: {sees}"),
            hub: problem(&hub),
            audit: ended(&place.audit()),
        });
        hub.drain(Duration::ZERO).await;
    }
    table::keep("after the check", &rows);
}

/// A tool whose calls say this, and another that spins until it is ended.
fn version(answer: &'static str) -> Vec<u8> {
    Component { answer, ..component([listed("control")]) }.wasm()
}

/// One whose calls never end by themselves.
fn endless() -> Vec<u8> {
    Component { call: "(loop $ever (br $ever))".to_owned(), ..component([listed("taken")]) }.wasm()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_component_that_is_registered_anew_is_never_mixed_with_what_runs() {
    let bench = Bench::start().await;
    let (own, hub) = (&bench.own, &bench.own.hub);
    let mut rows = Vec::new();
    let row = |name: &str, attack: &str, sees: String, audit: &str| Told {
        name: name.to_owned(),
        attack: attack.to_owned(),
        sees,
        hub: lasting(&problem(hub)),
        audit: audit.to_owned(),
    };

    // A call is under way when its component is replaced; it is ended by us, after the other has answered.
    hub.add_component(&named("taken"), endless()).await.unwrap();
    let (notes, _unheard) = mpsc::channel(64);
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let (hub, caller, stop) = (hub.clone(), bench.caller.clone(), stop.clone());
        async move { hub.call(&caller, "taken", "{}".to_owned(), notes, stop).await }
    });
    let open = || hub.sessions().iter().any(|s| s.runners.iter().any(|runner| runner.open_calls > 0));
    tokio::time::timeout(Duration::from_secs(60), async {
        while !open() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .expect("the call begins");
    hub.add_component(&named("taken"), component([listed("taken")]).wasm()).await.unwrap();
    let after = got(&own.call(&bench.caller, "taken", "{}").await);
    assert_eq!(after, "answered: fine");
    assert!(!running.is_finished(), "the call of the old one goes on");
    stop.cancel();
    let before = got(&running.await.unwrap());
    assert_eq!(before, "cancelled");
    rows.push(row(
        "replaced-under-way",
        "registers another component under the name while a call of the old one runs",
        format!("the call that runs goes on until it is {before}; the next one in the same session is {after}, by the new one"),
        "component_registered",
    ));

    hub.add_component(&named("control"), version("second")).await.unwrap();
    let sees = got(&own.call(&bench.caller, "control", "{}").await);
    assert_eq!(sees, "answered: second", "a session that had the first");
    rows.push(row(
        "replaced",
        "registers another component with the same tool under the name",
        sees,
        "component_registered",
    ));

    hub.add_component(&named("control"), component([listed("other")]).wasm()).await.unwrap();
    let sees = got(&own.call(&bench.caller, "control", "{}").await);
    assert_eq!(sees, "no such tool");
    rows.push(row("replaced-without-tool", "registers one that has other tools", sees, "component_registered"));

    // Two components with a tool of one name: the manifest says whose it is.
    hub.add_component(&named("control"), version("mine")).await.unwrap();
    hub.add_component(
        &named("candidate"),
        Component { answer: "theirs", ..component([listed("control"), listed("candidate")]) }.wasm(),
    )
    .await
    .unwrap();
    let sees = got(&own.call(&bench.caller, "control", "{}").await);
    assert_eq!(sees, "answered: mine");
    let profile_sees = hub.tools(&bench.caller);
    assert_eq!(profile_sees.iter().filter(|tool| tool.description.name == "control").count(), 1);
    rows.push(row("two-of-one-name", "another component brings a tool of the same name", sees, "component_registered"));
    bench.own.end().await;
    table::keep("under way", &rows);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pinned_digest_holds_at_registration_and_at_the_start() {
    let pinned = Digest::of(&version("the right one"));
    let manifest = MANIFEST.replace("[components.control]", &format!("[components.control]\ndigest = \"{pinned}\""));
    let mut rows = Vec::new();

    let own = Plan::new(&manifest).start().await;
    let refused = own.hub.add_component(&named("control"), version("another")).await.unwrap_err();
    assert!(matches!(refused, RegisterError::Digest { .. }), "{refused:?}");
    let audit = own.audit();
    let last = audit.iter().rfind(|line| line["name"] == "control").unwrap();
    assert_eq!((&last["event"], &last["reason"]), (&"component_refused".into(), &chain(&refused).into()));
    rows.push(Told {
        name: "pinned".into(),
        attack: "registers another file than the manifest pins".into(),
        sees: lasting(&chain(&refused)),
        hub: lasting(&problem(&own.hub)),
        audit: "component_refused, for the same reason".into(),
    });
    own.hub.add_component(&named("control"), version("the right one")).await.unwrap();
    let caller = own.caller("everyone");
    let end = own.call(&caller, "control", "{}").await;
    assert!(matches!(&end.outcome, CallOutcome::Answer(_)), "{end:?}");
    own.end().await;

    let place = Place::new().await;
    let hub = Plan::new(&manifest).start_in(&place.data).await.unwrap();
    let sees = got(&call(&hub, "control").await);
    assert_eq!(sees, "no such tool");
    let hub_says = problem(&hub);
    assert!(hub_says.contains("but the manifest pins"), "{hub_says}");
    let audit = place.audit();
    let refusal = audit.iter().find(|line| line["event"] == "component_refused").expect("it is written down");
    rows.push(Told {
        name: "pinned-at-start".into(),
        attack: "brings a data directory with another file than the manifest pins, well sealed".into(),
        sees,
        hub: lasting(&hub_says),
        audit: lasting(&format!("component_refused: {}", refusal["reason"].as_str().unwrap())),
    });
    assert!(place.wasm().is_file() && place.artefact().is_file(), "nothing is lost");
    hub.drain(Duration::ZERO).await;
    table::keep("pins", &rows);
}
