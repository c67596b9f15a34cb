//! Sessions in which something was read from outside. What was read may be speaking through the agent from then on, so
//! a manifest can put tiers behind an approval for the rest of such a session.
//!
//! It outlives this process: an agent's context does too, and a restart must not launder it. Nor may one make the hub
//! forget which secrets were used for a session: a server that it asks later may still repeat them.

use crate::api::SessionId;
use crate::store::{Store, StoreError};
use jiff::Timestamp;
use manifest::CredentialName;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// One whose authorization is not known is remembered so long: an issuer's is not, until its holder comes again.
const KEEP: jiff::SignedDuration = jiff::SignedDuration::from_hours(30 * 24);

/// Who has read from outside, and since when.
#[derive(Debug, Default)]
pub(crate) struct Outside {
    marked: Mutex<BTreeMap<SessionId, Marked>>,
    /// Whoever stores one: another request of the session waits until it is durable for both.
    storing: tokio::sync::Mutex<()>,
}

/// One of them.
#[derive(Debug)]
struct Marked {
    since: Timestamp,
    /// Whether the store has it.
    stored: bool,
    /// Secrets that were added to its requests, or are about to be; and whether the store has that.
    used: BTreeMap<CredentialName, bool>,
}

impl Marked {
    fn is_stored(&self, credential: Option<&CredentialName>) -> bool {
        self.stored && credential.is_none_or(|name| self.used.get(name) == Some(&true))
    }
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
        for (session, since, used) in store.outside().await? {
            if known(&session) || now.duration_since(since) < KEEP {
                let used = used.into_iter().map(|name| (name, true)).collect();
                kept.insert(session, Marked { since, stored: true, used });
            } else {
                old.push(session);
            }
        }
        store.forget_outside(&old).await?;
        Ok(Self { marked: Mutex::new(kept), storing: tokio::sync::Mutex::default() })
    }

    /// Since when, if at all.
    pub(crate) fn since(&self, session: &SessionId) -> Option<Timestamp> {
        self.lock().get(session).map(|marked| marked.since)
    }

    /// Which secrets were used for it.
    pub(crate) fn used(&self, session: &SessionId) -> Vec<CredentialName> {
        self.lock().get(session).map(|marked| marked.used.keys().cloned().collect()).unwrap_or_default()
    }

    /// From here on it has, and with this credential, if with any. Durable when this returns; `local` sessions end with
    /// this process.
    pub(crate) async fn mark(
        &self,
        store: &Store,
        session: &SessionId,
        credential: Option<&CredentialName>,
        local: bool,
    ) -> Result<(), NotMarked> {
        // Before it is stored: a call that comes meanwhile is behind the gate already, and searched.
        if self.remember(session, credential, local)? {
            return Ok(());
        }
        let _turn = self.storing.lock().await;
        let since = match self.lock().get(session) {
            Some(marked) if marked.is_stored(credential) => return Ok(()),
            Some(marked) => marked.since,
            None => Timestamp::now(),
        };
        // One that cannot be stored stays marked here. The next request tries again; none leaves before it is stored.
        store.add_outside(session, since, credential).await?;
        if let Some(marked) = self.lock().get_mut(session) {
            marked.stored = true;
            marked.used.extend(credential.map(|name| (name.clone(), true)));
        }
        Ok(())
    }

    /// In memory; says whether the store has it too, or need not.
    fn remember(
        &self,
        session: &SessionId,
        credential: Option<&CredentialName>,
        local: bool,
    ) -> Result<bool, NotMarked> {
        let mut all = self.lock();
        if !all.contains_key(session) && all.len() >= Self::MOST {
            return Err(NotMarked::Full);
        }
        let new = || Marked { since: Timestamp::now(), stored: local, used: BTreeMap::new() };
        let marked = all.entry(session.clone()).or_insert_with(new);
        if let Some(name) = credential {
            marked.used.entry(name.clone()).or_insert(local);
        }
        Ok(marked.is_stored(credential))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<SessionId, Marked>> {
        self.marked.lock().unwrap_or_else(PoisonError::into_inner)
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
        let mark = async |name: &str, used: Option<&str>, local| {
            let used = used.map(|used| CredentialName::try_from(used).unwrap());
            outside.mark(&store, &session(name), used.as_ref(), local).await.unwrap();
        };
        mark("a", None, false).await;
        mark("a", Some("github"), false).await;
        mark("a", Some("github"), false).await;
        mark("a", Some("other"), false).await;
        mark("local", Some("github"), true).await;
        assert_eq!(outside.used(&session("local")).len(), 1);
        let old = Timestamp::now() - KEEP - jiff::SignedDuration::from_secs(1);
        store.add_outside(&session("old"), old, None).await.unwrap();
        store.add_outside(&session("old-but-known"), old, None).await.unwrap();
        let known = |one: &SessionId| one.0 == "old-but-known";
        let again = Outside::load(&store, known).await.unwrap();
        assert!(again.since(&session("a")).is_some() && again.since(&session("old-but-known")).is_some());
        let used: Vec<String> = again.used(&session("a")).iter().map(ToString::to_string).collect();
        assert_eq!(used, ["github", "other"], "what it used is looked for after a restart as well");
        assert_eq!(again.used(&session("old-but-known")), []);
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
        for _ in 0..2 {
            assert!(matches!(outside.mark(&store, &session("a"), None, false).await, Err(NotMarked::Store(_))));
        }
        assert!(outside.since(&session("a")).is_some(), "it is behind the gate, and asks for nothing");
    }
}
