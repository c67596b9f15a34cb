//! Load: so many connections, each calling again as soon as it was answered, for so long or so often.

use super::client::{Connection, Peer, Prepared};
use anyhow::ensure;
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// When a run is over.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Length {
    For(Duration),
    Calls(u64),
}

/// What a run showed.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Figures {
    pub(crate) calls: u64,
    pub(crate) per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
}

impl Figures {
    /// From the time of each call.
    pub(crate) fn of(mut times: Vec<Duration>, took: Duration) -> anyhow::Result<Self> {
        ensure!(!times.is_empty(), "not one call was answered");
        times.sort_unstable();
        let at = |share: f64| {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in the list")]
            let place = (times.len() as f64 * share) as usize;
            times.get(place.min(times.len() - 1)).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
        };
        let (p50_ms, p99_ms) = (at(0.5), at(0.99));
        Ok(Self { calls: times.len() as u64, per_second: times.len() as f64 / took.as_secs_f64(), p50_ms, p99_ms })
    }
}

/// Runs it over HTTP.
pub(crate) async fn http(
    peer: &Peer,
    prepared: &Prepared,
    connections: usize,
    length: Length,
) -> anyhow::Result<Figures> {
    let mut open = Vec::new();
    for _ in 0..connections {
        let mut connection = Connection::open(peer).await?;
        // Neither a new connection nor a runner that has to start is what is measured here.
        connection.call(prepared).await?;
        open.push(connection);
    }
    let left = Arc::new(AtomicU64::new(match length {
        Length::For(_) => u64::MAX,
        Length::Calls(calls) => calls,
    }));
    let started = Instant::now();
    let until = match length {
        Length::For(time) => Some(started + time),
        Length::Calls(_) => None,
    };
    let mut tasks = JoinSet::new();
    for mut connection in open {
        let (prepared, left) = (prepared.clone(), left.clone());
        tasks.spawn(async move {
            let mut times = Vec::new();
            while until.is_none_or(|until| Instant::now() < until) && take_one(&left) {
                let asked = Instant::now();
                connection.call(&prepared).await?;
                times.push(asked.elapsed());
            }
            anyhow::Ok(times)
        });
    }
    let mut times = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        times.append(&mut ended??);
    }
    Figures::of(times, started.elapsed())
}

fn take_one(left: &AtomicU64) -> bool {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slow_call_moves_the_99th_of_a_hundred_and_not_the_median() -> anyhow::Result<()> {
        let mut times = vec![Duration::from_millis(1); 99];
        times.push(Duration::from_millis(500));
        let figures = Figures::of(times, Duration::from_secs(2))?;
        assert!((figures.p50_ms - 1.0).abs() < 1e-9 && (figures.p99_ms - 500.0).abs() < 1e-9, "{figures:?}");
        assert!((figures.per_second - 50.0).abs() < 1e-9);
        assert!(Figures::of(Vec::new(), Duration::from_secs(1)).is_err());
        Ok(())
    }

    #[test]
    fn so_many_calls_are_taken_and_no_more() {
        let left = AtomicU64::new(2);
        assert_eq!([take_one(&left), take_one(&left), take_one(&left)], [true, true, false]);
    }
}
