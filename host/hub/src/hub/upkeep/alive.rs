//! Whether the upkeep runs. Sessions whose token was revoked, runners that nobody uses and containers past their
//! lifetime end by nothing else, so a hub whose upkeep has died takes no calls; it is started again.

use super::{EVERY, Inner, run};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::task::AbortHandle;
use tokio::time::{Duration, Instant, sleep};

/// A turn that takes this long is a problem to tell of: something that it waits for hangs.
const LATE: Duration = Duration::from_secs(60);

/// The state of the upkeep.
#[derive(Default)]
pub(crate) struct Alive {
    /// True while its task is there; not even a panic leaves it so.
    running: Arc<AtomicBool>,
    turned: Mutex<Option<Instant>>,
    task: Mutex<Option<AbortHandle>>,
}

/// Held by the task.
pub(super) struct Guard(Arc<AtomicBool>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

/// Starts it, and starts it again whenever it dies, until the hub is gone or stops.
pub(crate) fn begin(hub: &Arc<Inner>) {
    let first = hub.upkeep.guard();
    let hub = Arc::downgrade(hub);
    tokio::spawn(async move {
        let mut guard = Some(first);
        loop {
            let Some(inner) = hub.upgrade() else { return };
            let alive = guard.take().unwrap_or_else(|| inner.upkeep.guard());
            let task = tokio::spawn(run(hub.clone(), alive));
            *lock(&inner.upkeep.task) = Some(task.abort_handle());
            drop(inner);
            let died = task.await;
            let Some(inner) = hub.upgrade() else { return };
            if inner.stop.is_cancelled() {
                return;
            }
            let why = died.err().map_or_else(|| "it ended".to_owned(), |error| error.to_string());
            tracing::error!(why, "broken: the hub's upkeep has died; calls are denied until it runs again");
            drop(inner);
            sleep(EVERY).await;
        }
    });
}

impl Alive {
    fn guard(&self) -> Guard {
        self.running.store(true, Ordering::SeqCst);
        Guard(self.running.clone())
    }

    /// Whether calls may be taken.
    pub(crate) fn runs(&self) -> bool {
        self.running.load(Ordering::SeqCst)
    }

    /// A turn is done.
    pub(super) fn turned(&self) {
        *lock(&self.turned) = Some(Instant::now());
    }

    /// How long ago the last turn was done, in seconds.
    pub(super) fn ago_s(&self) -> Option<u64> {
        lock(&self.turned).map(|since| since.elapsed().as_secs())
    }

    pub(super) fn problem(&self) -> Option<String> {
        if !self.runs() {
            return Some(
                "the hub's upkeep does not run, so that calls are denied: it is started again; if this stays, restart \
                 the hub"
                    .to_owned(),
            );
        }
        let since = lock(&self.turned).map(|since| since.elapsed()).filter(|since| *since > LATE)?;
        Some(format!(
            "the hub's upkeep has not come round for {} s: revoked tokens keep their sessions' runners meanwhile",
            since.as_secs()
        ))
    }

    /// As if it ran.
    #[cfg(test)]
    pub(crate) fn already() -> Self {
        let alive = Self::default();
        alive.running.store(true, Ordering::SeqCst);
        alive
    }

    /// Ends its task, as a fault in it would.
    #[cfg(test)]
    pub(crate) fn die(&self) {
        lock(&self.task).take().into_iter().for_each(|task| task.abort());
    }
}

fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}
