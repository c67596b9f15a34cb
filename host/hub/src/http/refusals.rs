//! Who was turned away at a door, in the audit log: so many lines a minute, the rest as a number. Whoever knocks
//! a million times must not fill the disk, since a full disk denies everybody.

use crate::Hub;
use crate::audit::{Audit, Entry};
use crate::clean;
use crate::session::Denials;
use std::sync::Arc;

/// The longest reason that is written down, in bytes.
const REASON_BYTES: usize = 256;

/// One door's refusals. Clones count together.
#[derive(Clone)]
pub(crate) struct Refusals(Arc<Inner>);

struct Inner {
    door: &'static str,
    audit: Option<Audit>,
    denials: Denials,
}

impl std::fmt::Debug for Refusals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Refusals({})", self.0.door)
    }
}

impl Refusals {
    /// Of a door of this hub.
    pub(crate) fn of(hub: &Hub, door: &'static str) -> Self {
        Self(Arc::new(Inner { door, audit: Some(hub.audit().clone()), denials: Denials::default() }))
    }

    /// Of a door without an audit log behind it: they are in the hub's own log alone.
    pub(crate) fn unrecorded(door: &'static str) -> Self {
        Self(Arc::new(Inner { door, audit: None, denials: Denials::default() }))
    }

    /// Counts one, and writes it down if there is room for it. Nobody waits for that: it was refused already.
    pub(crate) fn add(&self, reason: impl AsRef<str>) {
        let Some(unwritten) = self.0.denials.add() else { return };
        let (door, reason) = (self.0.door, clean::line(reason.as_ref(), REASON_BYTES));
        tracing::info!(door, unwritten, "refused: {reason}");
        let Some(audit) = self.0.audit.clone() else { return };
        tokio::spawn(async move {
            if let Err(error) = audit.write(Entry::Refused { door, reason, unwritten }).await {
                tracing::error!(%error, door, "refused, but not recorded");
            }
        });
    }

    /// How many there were.
    #[cfg(test)]
    pub(crate) fn count(&self) -> u64 {
        self.0.denials.count.load(std::sync::atomic::Ordering::Relaxed)
    }
}
