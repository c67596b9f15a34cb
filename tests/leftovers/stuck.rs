//! A leftover that the engine does not remove: the hub starts all the same, says so, and tries again.

use std::time::Duration;
use tests::handed;
use tests::hubs::{HubProcess, Place};
use tests::relay::{Asked, Relay};
use tests::watch::{Watch, ask, until};
use tokio::time::timeout;

/// What a dead hub left: a container with its label, made and never started.
fn leave(watch: &Watch, name: &str) -> String {
    let body = serde_json::json!({
        "Image": handed::image().to_string(),
        "Labels": {"safeclaw.hub": watch.hub, "safeclaw.class": "user"},
        "HostConfig": {"NetworkMode": "none"},
    });
    let made = ask(&watch.engine, "POST", &format!("/containers/create?name={name}"), &body.to_string());
    let (status, made) = made.expect("the engine answers");
    assert_eq!(status, 201, "{made}");
    made["Id"].as_str().expect("an id").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leftover_that_cannot_be_removed_keeps_no_hub_from_starting() {
    let place = Place::new().await;
    let relay = Relay::to(&handed::engine());
    let mut first = HubProcess::spawn(&place, &relay.socket, 0);
    first.ready().await.unwrap_or_else(|status| panic!("the hub ends ({status}):\n{}", place.said()));
    let watch = Watch::of(&handed::engine(), &place.data());
    first.kill().await;
    relay.cut();

    let names = ["stuck", "other"].map(|name| format!("safeclaw-{}-{name}", watch.hub));
    let [stuck, _] = names.clone().map(|name| leave(&watch, &name));
    relay.refuse(Asked::Remove, &stuck);
    let mut hub = HubProcess::spawn(&place, &relay.socket, 0);
    hub.ready().await.unwrap_or_else(|status| panic!("the hub ends ({status}):\n{}", place.said()));

    let operator = hub.operator();
    let told = || async {
        let health = timeout(Duration::from_secs(60), operator.health()).await.expect("it answers").expect("health");
        let about: Vec<_> = health.problems.into_iter().filter(|line| line.contains("left over")).collect();
        let only_stuck = !about.is_empty() && about.iter().all(|line| line.contains(&names[0]));
        if only_stuck && !health.ok { Ok(()) } else { Err(format!("{about:?}\n{}", place.said())) }
    };
    until("the hub says which one is left over", told).await;
    let look = || async {
        match watch.names() {
            left if left.len() == 1 && left.contains(&names[0]) => Ok(()),
            left => Err(format!("{left:?}")),
        }
    };
    until("the other one is gone", look).await;

    relay.forgive();
    watch.none().await;
    let quiet = || async {
        let health = operator.health().await.map_err(|error| error.to_string())?;
        let told = health.problems.iter().any(|line| line.contains("left over"));
        if told { Err(format!("{:?}", health.problems)) } else { Ok(()) }
    };
    until("the hub has nothing to say any more", quiet).await;
    assert!(hub.stop().await.success());
}
