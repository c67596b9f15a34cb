//! How long things take, as an agent sees it: a session whose runner has to be started, one whose runner
//! was parked, and a call. Medians of a few: two walls on a busy laptop, not a benchmark.

use crate::agent::Agent;
use crate::governor::Hub;
use serde::Serialize;
use serde_json::json;
use std::time::Instant;

/// Sessions of each kind.
const SESSIONS: usize = 5;
/// Calls.
const CALLS: usize = 50;

/// Milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Times {
    /// The first call of a session when no runner is parked.
    pub(crate) cold_session_ms: f64,
    /// The same when one is.
    pub(crate) warm_session_ms: f64,
    /// A call in a session that has its runner.
    pub(crate) call_ms: f64,
}

/// The first calls of some sessions, each alone.
pub(crate) async fn sessions(hub: &Hub, profile: &str) -> anyhow::Result<Vec<f64>> {
    let mut first_calls = Vec::new();
    for _ in 0..SESSIONS {
        hub.wait_until_parked().await?;
        let token = hub.token(profile).await?;
        let agent = Agent::connect(&hub.url, &token).await?;
        first_calls.push(call(&agent).await?);
        agent.leave().await;
        hub.end_sessions().await?;
    }
    Ok(first_calls)
}

/// Calls in a session that has its runner already.
pub(crate) async fn calls(agent: &Agent) -> anyhow::Result<Vec<f64>> {
    call(agent).await?;
    let mut times = Vec::new();
    for _ in 0..CALLS {
        times.push(call(agent).await?);
    }
    Ok(times)
}

async fn call(agent: &Agent) -> anyhow::Result<f64> {
    let began = Instant::now();
    let reply = agent.call("files_stat", &json!({ "path": "Cargo.toml" })).await?;
    if reply.is_error {
        anyhow::bail!("files_stat failed: {}", reply.text);
    }
    Ok(began.elapsed().as_secs_f64() * 1e3)
}

/// The middle one.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slow_call_does_not_move_the_median() {
        assert!((median(vec![1.0, 900.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!(median(Vec::new()).is_nan());
    }
}
