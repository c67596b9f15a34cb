//! Secrets on their way to where they must not be. Every value that a session has used is looked for, in the
//! spellings that programs write without meaning to hide anything, in whatever comes back to the guest and whatever
//! leaves it.
//!
//! A guest that wants to hide a value can: it encrypts it, or puts other bytes between its halves. What keeps the
//! value from a guest is that it never has it; this search is for servers that repeat what they were sent.

mod automaton;
mod formats;
mod searcher;
mod spellings;

pub use searcher::Searcher;

use crate::credentials::Secret;
use automaton::Automaton;
use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

/// What happens to an exchange in which a credential's value is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnLeak {
    /// It ends.
    #[default]
    Block,
    /// It goes on, with `*` in place of each byte of the value: lengths stay what they were announced to be.
    Remove,
}

/// What was found, without its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The credential, or the name of a format of tokens.
    pub of: String,
    /// Where: `answer body`, `request header`, …
    pub place: &'static str,
    /// `removed`, `ended` or `warned`.
    pub done: &'static str,
}

/// A value was found that ends the exchange it is found in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the value of the credential `{}` was found in the {}", .0.of, .0.place)]
pub struct Leak(pub Found);

/// The values that a session has used. A clone is the same set.
#[derive(Clone)]
pub struct Seen {
    now: Arc<RwLock<Arc<Automaton>>>,
}

impl Default for Seen {
    fn default() -> Self {
        Self { now: Arc::new(RwLock::new(automaton::of_formats())) }
    }
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.now().secrets().iter().map(|secret| secret.name())).finish()
    }
}

impl Seen {
    /// From here on this value is looked for, by streams that have begun as well. A value that another one has
    /// replaced stays: servers may still repeat it.
    pub fn used(&self, secret: &Arc<Secret>) {
        if self.now().knows(secret) {
            return;
        }
        let mut now = self.now.write().unwrap_or_else(PoisonError::into_inner);
        if !now.knows(secret) {
            *now = Arc::new(now.with(secret.clone()));
        }
    }

    /// No credential was used yet: only formats of tokens are looked for, and nothing is held back for long.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.now().secrets().is_empty()
    }

    /// For one stream. `place` is said of what is found.
    #[must_use]
    pub fn searcher(&self, place: &'static str) -> Searcher {
        Searcher::new(self.clone(), place)
    }

    /// A text that is there as a whole: a result, a line of a log, a header, a URL.
    ///
    /// # Errors
    /// A value that ends the exchange.
    pub fn text<'a>(&self, place: &'static str, text: &'a str) -> Result<(Cow<'a, str>, Vec<Found>), Leak> {
        let mut searcher = self.searcher(place);
        let mut clean = Vec::from(searcher.push(text.as_bytes())?);
        clean.extend_from_slice(&searcher.finish()?);
        let found = searcher.found();
        if clean == text.as_bytes() {
            return Ok((Cow::Borrowed(text), found));
        }
        // A value is text, and begins and ends where characters do; what is not text now was none before.
        Ok((Cow::Owned(String::from_utf8_lossy(&clean).into_owned()), found))
    }

    /// The same for what is written down, where nothing can be ended any more.
    #[must_use]
    pub fn clean(&self, text: &str) -> String {
        match self.text("record", text) {
            Ok((clean, _)) => clean.into_owned(),
            Err(leak) => format!("withheld: it has the value of the credential `{}`", leak.0.of),
        }
    }

    fn now(&self) -> Arc<Automaton> {
        self.now.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests;
