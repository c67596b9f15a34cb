//! How often, and how many at once: of each place that a tool may ask, for each session.

use manifest::http::{HostPattern, HttpGrant, Method, PathPattern, Scheme};
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

const MINUTE: Duration = Duration::from_secs(60);

/// What is counted together: one grant of one tool. Numbers are no part of it, so that a manifest that changes them
/// goes on counting where the one before it was.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    tool: String,
    scheme: Scheme,
    host: HostPattern,
    port: u16,
    methods: BTreeSet<Method>,
    paths: BTreeSet<PathPattern>,
}

impl Place {
    /// The one of a grant.
    pub(crate) fn of(tool: &str, grant: &HttpGrant) -> Self {
        Self {
            tool: tool.to_owned(),
            scheme: grant.scheme,
            host: grant.host.clone(),
            port: grant.port,
            methods: grant.methods.clone(),
            paths: grant.paths.clone(),
        }
    }
}

/// Which limit is reached. Its words are for the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TooMany {
    /// Of the call.
    #[error("its call has made {0} requests under this grant, which is `per_call`")]
    PerCall(u32),
    /// In a minute.
    #[error("its session has made {0} requests under this grant in the last minute, which is `per_minute`")]
    PerMinute(u32),
    /// At once.
    #[error("its session has {0} requests under this grant under way, which is `concurrent`")]
    Concurrent(u32),
}

/// Of one call.
#[derive(Debug, Default)]
pub(crate) struct PerCall {
    made: Mutex<HashMap<Place, u32>>,
}

/// Of one session.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    windows: Mutex<HashMap<Place, Window>>,
}

#[derive(Debug, Default)]
struct Window {
    /// When those of the last minute began, oldest first; no more than `per_minute` of them.
    began: VecDeque<Instant>,
    running: u32,
}

/// A request under way; counted as one until it is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    rates: Arc<Rates>,
    place: Place,
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(window) = lock(&self.rates.windows).get_mut(&self.place) {
            window.running = window.running.saturating_sub(1);
        }
    }
}

impl Rates {
    /// Counts a request, or says why there cannot be one more. One that is refused counts nowhere.
    pub(crate) fn enter(
        self: &Arc<Self>,
        call: &PerCall,
        place: &Place,
        grant: &HttpGrant,
    ) -> Result<Running, TooMany> {
        let mut made = lock(&call.made);
        let made = made.entry(place.clone()).or_default();
        if *made >= grant.per_call {
            return Err(TooMany::PerCall(grant.per_call));
        }
        let mut windows = lock(&self.windows);
        let window = windows.entry(place.clone()).or_default();
        let now = Instant::now();
        while window.began.front().is_some_and(|began| now.duration_since(*began) >= MINUTE) {
            window.began.pop_front();
        }
        if window.running >= grant.concurrent {
            return Err(TooMany::Concurrent(grant.concurrent));
        }
        if window.began.len() >= grant.per_minute as usize {
            return Err(TooMany::PerMinute(grant.per_minute));
        }
        window.began.push_back(now);
        window.running += 1;
        *made += 1;
        Ok(Running { rates: self.clone(), place: place.clone() })
    }
}

fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
