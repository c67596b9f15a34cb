//! What time it is for approvals and leases.

use jiff::Timestamp;
use std::sync::Arc;
use tokio::time::Instant;

/// A clock that is never set back: whoever turns the machine's clock back makes no lease longer, and a machine that
/// slept has slept. Of both clocks it has the one that is further on.
#[derive(Clone)]
pub(crate) struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Default for Clock {
    fn default() -> Self {
        let (wall, steady) = (Timestamp::now(), Instant::now());
        Self(Arc::new(move || {
            let passed = jiff::SignedDuration::try_from(steady.elapsed()).unwrap_or(jiff::SignedDuration::MAX);
            wall.checked_add(passed).unwrap_or(Timestamp::MAX).max(Timestamp::now())
        }))
    }
}

impl Clock {
    /// One that stands where a test has put it.
    #[cfg(test)]
    pub(crate) fn of(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.0)()
    }
}
