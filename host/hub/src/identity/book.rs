//! The callers of issuers that are here: no store knows them, so a session is remembered as long as the token that
//! began it is good.

use crate::api::{Caller, SessionId};
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Sessions of issuers at once: what an issuer that signs for anybody can make the hub keep.
pub(super) const MOST: usize = 4_096;

/// A caller, and how long an issuer's word for it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) caller: Caller,
    /// The token's `exp` and its leeway.
    pub(super) expires: Timestamp,
    /// Which issuer, and which of its keys signed.
    pub(super) issuer: usize,
    pub(super) kid: String,
}

/// All of them.
#[derive(Default)]
pub(super) struct Book(Mutex<HashMap<SessionId, Entry>>);

impl Book {
    /// Takes one in. Of two tokens of one session the one that is good for longer counts, as long as it stands. False
    /// when the book is full of sessions that stand: who is in stays in.
    pub(super) fn enter(&self, entry: &Entry, stands: impl Fn(&Entry) -> bool) -> bool {
        let mut all = self.all();
        if !all.contains_key(&entry.caller.session) && all.len() >= MOST {
            all.retain(|_, known| stands(known));
            if all.len() >= MOST {
                return false;
            }
        }
        let known = all.entry(entry.caller.session.clone()).or_insert_with(|| entry.clone());
        if known.expires < entry.expires || !stands(known) {
            *known = entry.clone();
        }
        true
    }

    pub(super) fn find(&self, session: &SessionId) -> Option<Entry> {
        self.all().get(session).cloned()
    }

    pub(super) fn entries(&self) -> Vec<Entry> {
        self.all().values().cloned().collect()
    }

    fn all(&self) -> MutexGuard<'_, HashMap<SessionId, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::identity::Scopes;
    use manifest::ProfileName;

    fn entry(session: &str, expires: i64) -> Entry {
        let caller = Caller {
            session: SessionId(session.into()),
            principal: "corp/ada".into(),
            profile: ProfileName::try_from("reader").unwrap(),
            scopes: Scopes::all(),
        };
        Entry { caller, expires: Timestamp::from_second(expires).unwrap(), issuer: 0, kid: "k".into() }
    }

    fn session(name: &str) -> SessionId {
        SessionId(name.into())
    }

    #[test]
    fn a_full_book_keeps_who_is_in_and_takes_others_when_they_have_gone() {
        let book = Book::default();
        let at = |second: i64| move |known: &Entry| second < known.expires.as_second();
        for n in 0..MOST {
            assert!(book.enter(&entry(&n.to_string(), 200), at(100)));
        }
        assert!(!book.enter(&entry("another", 200), at(100)));
        assert!(book.enter(&entry("7", 300), at(100)));
        assert_eq!(book.find(&session("7")).unwrap().expires.as_second(), 300);
        // A shorter token of the same session takes nothing away from the longer one.
        assert!(book.enter(&entry("7", 150), at(100)));
        assert_eq!(book.find(&session("7")).unwrap().expires.as_second(), 300);
        assert!(book.enter(&entry("another", 400), at(200)));
        assert_eq!(book.entries().len(), 2);
    }

    #[test]
    fn a_session_whose_longer_token_fell_lives_on_by_its_shorter_one() {
        let book = Book::default();
        let withdrawn = |known: &Entry| known.kid != "old";
        let old = Entry { kid: "old".into(), ..entry("s", 300) };
        assert!(book.enter(&old, |_| true) && book.enter(&entry("s", 200), |_| true));
        assert_eq!(book.find(&session("s")).unwrap(), old);
        assert!(book.enter(&entry("s", 200), withdrawn));
        assert_eq!(book.find(&session("s")).unwrap(), entry("s", 200));
    }
}
