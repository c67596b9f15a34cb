//! The tokens that a running hub takes: reloaded when the file changes.

use super::file::{Entry, Stamp, path, read, stamp};
use super::{TokenError, session_of};
use crate::api::{Caller, SessionId};
use arc_swap::ArcSwap;
use jiff::Timestamp;
use manifest::Digest;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use subtle::{ConditionallySelectable as _, ConstantTimeEq as _};

/// The token file as it was last read.
pub(crate) struct Tokens {
    path: PathBuf,
    current: ArcSwap<Vec<Known>>,
    read_at: Mutex<Stamp>,
}

/// A token that is taken, and the session that it names.
struct Known {
    entry: Entry,
    session: SessionId,
}

impl Tokens {
    /// Reads the file. One that is not there lets nobody in.
    pub(crate) fn load(data: &Path) -> Result<Self, TokenError> {
        let path = path(data);
        let (file, stamp) = read(&path)?;
        let tokens = Self { path, current: ArcSwap::default(), read_at: Mutex::new(stamp) };
        tokens.take(file.token);
        Ok(tokens)
    }

    /// The caller behind a token. Compares with every digest in the same time, found or not.
    pub(crate) fn authenticate(&self, bearer: &str, now: Timestamp) -> Option<Caller> {
        self.reload();
        let digest = Digest::of(bearer.as_bytes());
        let entries = self.current.load();
        let mut found = u32::MAX;
        for (place, known) in (0_u32..).zip(entries.iter()) {
            found.conditional_assign(&place, known.entry.sha256.as_str().as_bytes().ct_eq(digest.as_str().as_bytes()));
        }
        entries.get(usize::try_from(found).ok()?)?.caller(now)
    }

    /// The caller of a session, as the file says it now, if its token is still in force.
    pub(crate) fn caller(&self, session: &SessionId, now: Timestamp) -> Option<Caller> {
        self.reload();
        let entries = self.current.load();
        // Digests that begin alike name one session.
        entries.iter().filter(|known| known.session == *session).find_map(|known| known.caller(now))
    }

    /// The sessions whose tokens are in force.
    pub(crate) fn sessions(&self, now: Timestamp) -> BTreeSet<SessionId> {
        self.reload();
        let entries = self.current.load();
        entries.iter().filter(|known| known.lives(now)).map(|known| known.session.clone()).collect()
    }

    /// Reads the file again if it is another one. A file that cannot be read lets nobody in.
    fn reload(&self) {
        let mut read_at = self.read_at.lock().unwrap_or_else(PoisonError::into_inner);
        if stamp(&self.path) == *read_at {
            return;
        }
        match read(&self.path) {
            Ok((file, stamp)) => {
                *read_at = stamp;
                self.take(file.token);
            }
            Err(error) => {
                *read_at = stamp(&self.path);
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "no token is taken until the file is right again"
                );
                self.take(Vec::new());
            }
        }
    }

    fn take(&self, entries: Vec<Entry>) {
        let known = entries.into_iter().map(|entry| Known { session: session_of(&entry.sha256), entry });
        self.current.store(Arc::new(known.collect()));
    }
}

impl Known {
    fn lives(&self, now: Timestamp) -> bool {
        self.entry.expires.is_none_or(|end| now < end)
    }

    fn caller(&self, now: Timestamp) -> Option<Caller> {
        let Entry { principal, profile, .. } = &self.entry;
        let caller =
            || Caller { session: self.session.clone(), principal: principal.clone(), profile: profile.clone() };
        self.lives(now).then(caller)
    }
}
