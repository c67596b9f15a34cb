//! How long the hub waits for a runner that met it and then says nothing, and how much it queues for one that
//! reads nothing. The clock only moves when everybody waits.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use super::testing::deaf;
use super::*;
use crate::testing::limits;
use manifest::ToolName;
use outlet::MOST_WAITING;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// From here on nothing is heard of it.
async fn silent() -> Runner {
    deaf(CancellationToken::new()).await
}

#[tokio::test(start_paused = true)]
async fn a_ticket_that_is_not_answered_is_not_waited_for() {
    let runner = silent().await;
    let began = Instant::now();
    let Err(end) = runner.assign(1, "jws".into()).await else { panic!("it never said ready") };
    assert!(matches!(end.why, Why::NotReady), "{end}");
    assert_eq!(began.elapsed().as_secs(), READY_TIMEOUT.as_secs());
    assert!(!runner.lives());
}

#[tokio::test(start_paused = true)]
async fn a_component_that_does_not_describe_itself_is_not_waited_for() {
    let runner = silent().await;
    let began = Instant::now();
    let Err(end) = runner.describe(&Digest::of(b"")).await else { panic!("it never answered") };
    assert!(matches!(end.why, Why::Deadline), "{end}");
    assert_eq!(began.elapsed().as_secs(), call::DESCRIBE_TIMEOUT.as_secs());
    assert!(!runner.lives());
}

/// Its pipe holds four kibibytes: one call's arguments fill it, and the pump waits with the next in its hand.
#[tokio::test(start_paused = true)]
async fn frames_for_a_runner_that_reads_nothing_are_so_many() {
    let runner = Arc::new(silent().await);
    let cancel = CancellationToken::new();
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..MOST_WAITING + 8 {
        let (runner, cancel) = (runner.clone(), cancel.clone());
        calls.spawn(async move {
            let (notes, _listener) = mpsc::channel(1);
            let tool = ToolName::try_from("read").unwrap();
            runner.call(&tool, "x".repeat(1 << 16), &limits(), notes, None, &cancel).await
        });
    }
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(runner.shared.outlet.waiting(), MOST_WAITING);
    // The hub is not held: whoever waits can still give up, all at once.
    let began = Instant::now();
    cancel.cancel();
    while let Some(ended) = calls.join_next().await {
        assert!(matches!(ended.unwrap(), Ended::Cancelled(..)));
    }
    assert_eq!(began.elapsed(), Duration::ZERO);
}
