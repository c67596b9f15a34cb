//! Sessions in which something was read from outside. What was read may be speaking through the agent from then on, so
//! a manifest can put tiers behind an approval for the rest of such a session.
//!
//! It outlives this process: an agent's context does too, and a restart must not launder it.

use crate::api::SessionId;
use crate::store::{Store, StoreError};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// One whose authorization is not known is remembered so long: an issuer's is not, until its holder comes again.
const KEEP: jiff::SignedDuration = jiff::SignedDuration::from_hours(30 * 24);

/// Who has read from outside, and since when.
#[derive(Debug, Default)]
pub(crate) struct Outside {
    since: Mutex<BTreeMap<SessionId, Timestamp>>,
}

/// Nobody could remember it after a restart, so it does not happen.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotMarked {
    #[error("the store cannot remember that the session reads from outside")]
    Store(#[from] StoreError),
    #[error("{most} sessions have read from outside, which is the most that is remembered", most = Outside::MOST)]
    Full,
}

impl Outside {
    /// Sessions that are remembered. Who comes on top reads nothing from outside.
    pub(crate) const MOST: usize = 1 << 16;

    /// As the store has it. `known` says whether a session's authorization is in force.
    pub(crate) async fn load(store: &Store, known: impl Fn(&SessionId) -> bool) -> Result<Self, StoreError> {
        let now = Timestamp::now();
        let (mut kept, mut old) = (BTreeMap::new(), Vec::new());
        for (session, since) in store.outside().await? {
            if known(&session) || now.duration_since(since) < KEEP {
                kept.insert(session, since);
            } else {
                old.push(session);
            }
        }
        store.forget_outside(&old).await?;
        Ok(Self { since: Mutex::new(kept) })
    }

    /// Since when, if at all.
    pub(crate) fn since(&self, session: &SessionId) -> Option<Timestamp> {
        self.lock().get(session).copied()
    }

    /// From here on it has. Durable when this returns; `local` sessions end with this process.
    pub(crate) async fn mark(&self, store: &Store, session: &SessionId, local: bool) -> Result<(), NotMarked> {
        let now = Timestamp::now();
        {
            let mut since = self.lock();
            if since.contains_key(session) {
                return Ok(());
            }
            if since.len() >= Self::MOST {
                return Err(NotMarked::Full);
            }
            // Before it is stored: a call that comes meanwhile is behind the gate already.
            since.insert(session.clone(), now);
        }
        if local {
            return Ok(());
        }
        let stored = store.add_outside(session, now).await;
        if stored.is_err() {
            // The next request tries again; none leaves before it is stored.
            self.lock().remove(session);
        }
        Ok(stored?)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<SessionId, Timestamp>> {
        self.since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::store::Location;

    fn session(name: &str) -> SessionId {
        SessionId(name.to_owned())
    }

    async fn store(dir: &tempfile::TempDir) -> Store {
        Store::open(&Location::within(dir.path())).await.unwrap()
    }

    #[tokio::test]
    async fn a_restart_forgets_nothing_that_somebody_can_come_back_to() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(&dir).await;
        let outside = Outside::load(&store, |_| false).await.unwrap();
        assert_eq!(outside.since(&session("a")), None);
        outside.mark(&store, &session("a"), false).await.unwrap();
        outside.mark(&store, &session("a"), false).await.unwrap();
        outside.mark(&store, &session("local"), true).await.unwrap();
        let old = Timestamp::now() - KEEP - jiff::SignedDuration::from_secs(1);
        store.add_outside(&session("old"), old).await.unwrap();
        store.add_outside(&session("old-but-known"), old).await.unwrap();
        let known = |one: &SessionId| one.0 == "old-but-known";
        let again = Outside::load(&store, known).await.unwrap();
        assert!(again.since(&session("a")).is_some() && again.since(&session("old-but-known")).is_some());
        assert_eq!(again.since(&session("local")), None);
        assert_eq!(again.since(&session("old")), None);
        assert_eq!(store.outside().await.unwrap().len(), 2);
    }

    #[tokio::test]
    async fn what_cannot_be_stored_is_not_marked_and_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(&dir).await;
        let outside = Outside::load(&store, |_| true).await.unwrap();
        store.close().await;
        assert!(matches!(outside.mark(&store, &session("a"), false).await, Err(NotMarked::Store(_))));
        assert_eq!(outside.since(&session("a")), None);
    }
}
