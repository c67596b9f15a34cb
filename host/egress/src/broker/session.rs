//! What outlives a call: how often its session has asked, and which secrets were added for it.

use crate::leaks::Seen;
use crate::limits::Rates;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One session's.
#[derive(Default)]
pub(super) struct Session {
    pub(super) rates: Arc<Rates>,
    pub(super) seen: Seen,
    principal: String,
}

/// All that have asked for something and are not over.
#[derive(Default)]
pub(super) struct Sessions {
    all: Mutex<HashMap<String, Arc<Session>>>,
}

impl Sessions {
    pub(super) fn of(&self, session: &str, principal: &str) -> Arc<Session> {
        let new = || Arc::new(Session { principal: principal.to_owned(), ..Session::default() });
        self.lock().entry(session.to_owned()).or_insert_with(new).clone()
    }

    pub(super) fn seen(&self, session: &str) -> Option<Seen> {
        self.lock().get(session).map(|session| session.seen.clone())
    }

    /// Whose it was.
    pub(super) fn forget(&self, session: &str) -> Option<String> {
        self.lock().remove(session).map(|session| session.principal.clone())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Session>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
