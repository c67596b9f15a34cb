//! A hold on a runner that somebody else owns: by it the red button ends what it has never called itself.

use super::{RunnerEnd, Shared, Why};
use container::ContainerName;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;

/// The hold. It does not keep the runner alive.
#[derive(Clone)]
pub(crate) struct Leash {
    container: ContainerName,
    shared: Arc<Shared>,
}

impl Leash {
    pub(super) fn of(container: ContainerName, shared: &Arc<Shared>) -> Self {
        Self { container, shared: shared.clone() }
    }

    pub(crate) fn container(&self) -> &ContainerName {
        &self.container
    }

    /// From here on a call that a person has to allow may be made of it.
    pub(crate) fn elevate(&self) {
        self.shared.elevated.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_elevated(&self) -> bool {
        self.shared.elevated.load(Ordering::SeqCst)
    }

    /// Ends the conversation at once and has the container killed. When this returns, no frame is sent to it any
    /// more and no word of it is an answer to anybody, whatever the engine does.
    pub(crate) fn cut(&self, why: &Why) {
        self.shared.kill(why.clone());
        self.shared.outlet.close();
        let end = RunnerEnd { why: self.shared.why.get().cloned().unwrap_or_default(), ..RunnerEnd::default() };
        let mut talk = self.shared.talk();
        // One that has ended already knows better what became of it.
        if talk.ended().is_none() {
            talk.finish(end);
        }
    }

    /// Has it killed as its owner would; calls in it are lost.
    pub(crate) fn kill(&self, why: Why) {
        self.shared.kill(why);
    }

    /// How long ago it was started.
    pub(crate) fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.shared.since)
    }

    /// Whether it owes the answer to a ping.
    pub(crate) fn is_silent(&self) -> bool {
        self.shared.talk().owes_pong()
    }

    /// Whether nothing can be asked of it any more, since it has ended or will.
    pub(crate) fn is_over(&self) -> bool {
        self.shared.ended.is_cancelled()
    }

    /// Waits until it was reaped; whether somebody has confirmed that its container is gone.
    pub(crate) async fn gone(&self) -> bool {
        self.shared.ended.cancelled().await;
        self.is_gone()
    }

    /// Whether somebody has confirmed that its container is gone.
    pub(crate) fn is_gone(&self) -> bool {
        self.is_over() && self.shared.talk().ended().is_some_and(|end| !end.fate.left)
    }
}

impl fmt::Debug for Leash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Leash").field(&self.container).finish()
    }
}
