//! A hub that does not do what has to be done between calls takes none.

use super::*;
use crate::hub::upkeep::{Alive, begin};
use crate::session::DEATH;

#[tokio::test]
async fn a_hub_whose_upkeep_was_never_started_denies_and_says_so() {
    let data = tempfile::tempdir().unwrap();
    let force = InForce::fixed(tools(), Default::default()).including(&registration(&["read"]));
    let (mut inner, starts) = hub_in(data.path(), force, Arc::new(|_| answer("hi")), Fate::default(), None).await;
    inner.upkeep = Alive::default();
    let hub = Hub(Arc::new(inner));
    let caller = hub.local_caller("ada", &ProfileName::try_from("everyone").unwrap()).unwrap();
    let call = async || {
        let (notes, _listener) = mpsc::channel(1);
        hub.call(&caller, "read", "{}".into(), notes, CancellationToken::new()).await.outcome
    };
    let denied = CallOutcome::Denied { reason: "the hub's upkeep does not run".into(), approvable: false };
    assert_eq!((call().await, starts.load(Ordering::SeqCst)), (denied.clone(), 0));
    let told = hub.health().problems.concat();
    assert!(!hub.health().ok && told.contains("upkeep does not run"), "{told}");

    begin(&hub.0);
    assert!(matches!(call().await, CallOutcome::Answer(_)));
    until(|| hub.health().upkeep_s.is_some()).await;
    // Its task dies, as of a fault in it; until it runs again there are no calls.
    hub.0.upkeep.die();
    until(|| !hub.0.upkeep.runs()).await;
    assert_eq!(call().await, denied);
    until(|| hub.0.upkeep.runs()).await;
    assert!(matches!(call().await, CallOutcome::Answer(_)));
    assert!(!hub.health().problems.concat().contains("upkeep"), "{:?}", hub.health().problems);
}

#[tokio::test]
async fn a_container_past_its_lifetime_is_killed_whoever_uses_it() {
    let scene = Scene::of(World { answer: Some("hi"), ..World::default() }).await;
    let caller = scene.caller("ada");
    assert!(matches!(scene.start(&caller, "read").await.unwrap(), CallOutcome::Answer(_)));
    // Not before: the store is opened by a thread, for which no test clock waits.
    tokio::time::pause();
    let leashes = &scene.hub.0.leashes;
    tokio::time::advance(DEATH - Duration::from_secs(60)).await;
    leashes.expire(Instant::now(), DEATH);
    assert_eq!(scene.asked.load(Ordering::SeqCst), 0);
    tokio::time::advance(Duration::from_secs(61)).await;
    leashes.expire(Instant::now(), DEATH);
    until(|| scene.asked.load(Ordering::SeqCst) == 1).await;
}
