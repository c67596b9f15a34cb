//! How long one container serves a session.

use super::*;
use std::time::Duration;

/// Lets this much time pass for whoever measures it.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

#[tokio::test]
async fn after_a_day_a_session_gets_another_runner() {
    let bench = bench(|_| answer("read")).await;
    let caller = bench.caller("everyone");
    for (hours, starts) in [(0, 1), (23, 1), (2, 2), (23, 2)] {
        pass(Duration::from_secs(hours * 3600)).await;
        assert!(matches!(bench.call(&caller, "read", "{}").await, CallOutcome::Answer(_)));
        assert_eq!(bench.starts(), starts, "{hours} hours later");
    }
}
