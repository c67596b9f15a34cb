//! Who is calling: a token of this hub, or one of an issuer that the operator trusts.
//!
//! The MCP endpoint is an OAuth 2.1 resource server. A token is looked at in this order, each step before the next
//! one costs anything: its length, its header, the issuer it names, a signature by a key of that issuer and of that
//! key's algorithm, for whom and when it is good, what the operator says that its claims are worth. Nothing in it is
//! ever followed: no `jku`, no `x5u`, no `jwk`.

mod book;
mod config;
mod fetch;
mod header;
mod issuer;
mod jwks;
mod keys;
mod metadata;
mod refused;
mod scopes;
mod throttle;
mod verifiers;

pub use config::{BadIdentity, Config};
pub(crate) use header::Header;
pub use metadata::Protected;
pub(crate) use metadata::{Challenge, WELL_KNOWN, WELL_KNOWN_MCP};
pub use refused::{MAX_TOKEN_BYTES, Refused};
pub use scopes::{BadScope, Scopes};
#[cfg(test)]
pub(crate) use throttle::FAILURES;
pub(crate) use throttle::Throttle;

use crate::api::{Caller, SessionId};
use crate::store::Location;
use crate::tokens::{TokenError, Tokens};
use book::{Book, Entry};
use issuer::Issuer;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use tokio_util::sync::CancellationToken;

/// Tokens that were let in and are known again by their digest, so that a signature is checked once and not with
/// each call. Only tokens that were good get in, so a stranger cannot fill it. Room for all of the hub's own that may
/// be in force at once, and for issuers' beside them: with less, thousands of sessions that call in turn have every
/// signature checked every time.
const MOST_KNOWN: usize = 16_384;

/// Everybody who may call.
pub(crate) struct Identity {
    tokens: Tokens,
    issuers: Vec<Arc<Issuer>>,
    /// Callers of issuers; those of our own tokens are in the store.
    book: Book,
    known: Mutex<HashMap<[u8; 32], Known>>,
    resource: Option<String>,
}

/// A token that was good once. Whether it still is, is asked each time.
#[derive(Clone)]
enum Known {
    /// One of ours: the session is its `jti`.
    Own(SessionId),
    /// An issuer's.
    Theirs(Entry),
}

impl Identity {
    /// Opens the store and takes the issuers of the configuration. Their keys are fetched by [`Self::keep_keys`], and
    /// when a token asks for one.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) fn open(data: &Path, store: Location, config: Config) -> Result<Self, TokenError> {
        let (resource, issuers) = config.into_parts();
        let issuers = issuers.into_iter().map(|issuer| Arc::new(Issuer::new(issuer))).collect();
        let tokens = Tokens::open(data, store)?;
        Ok(Self { tokens, issuers, book: Book::default(), known: Mutex::default(), resource })
    }

    /// The caller behind a token that was let in before and still is in force: no signature is checked, and so a
    /// door may ask this for whomever it would refuse to ask for more.
    pub(crate) fn known(&self, token: &str, now: Timestamp) -> Option<Caller> {
        if token.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&digest(token)).cloned()?;
        match known {
            Known::Own(session) => self.tokens.caller(&session, now),
            // Entered again: of two tokens of its session the one that was in the book may have fallen.
            Known::Theirs(entry) => (self.stands(&entry, now) && self.enter(&entry, now)).then_some(entry.caller),
        }
    }

    /// The caller behind a token of this hub's own.
    pub(crate) fn own(&self, token: &str, now: Timestamp) -> Result<Caller, Refused> {
        if let Some(caller) = self.known(token, now) {
            return Ok(caller);
        }
        let caller = self.tokens.authenticate(token, now)?;
        self.remember(token, Known::Own(caller.session.clone()), now);
        Ok(caller)
    }

    /// The caller behind any token that is taken here. May wait for an issuer's keys.
    pub(crate) async fn admit(&self, token: &str, now: Timestamp) -> Result<Caller, Refused> {
        if let Some(caller) = self.known(token, now) {
            return Ok(caller);
        }
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Refused::TooLong);
        }
        let header = Header::of(token)?;
        if self.tokens.are_of(&header) {
            return self.own(token, now);
        }
        let named = issuer::named(token)?;
        let place = self.issuers.iter().position(|issuer| issuer.is(&named)).ok_or(Refused::Issuer)?;
        let issuer = self.issuers.get(place).ok_or(Refused::Issuer)?;
        let audience = self.resource.as_deref().ok_or(Refused::Audience)?;
        let vouched = issuer.check(token, &header, audience).await?;
        let entry = Entry { caller: vouched.caller, expires: vouched.expires, issuer: place, kid: vouched.kid };
        if !self.enter(&entry, now) {
            return Err(Refused::Many);
        }
        self.remember(token, Known::Theirs(entry.clone()), now);
        Ok(entry.caller)
    }

    /// The caller of a session, if it may still call.
    pub(crate) fn caller(&self, session: &SessionId, now: Timestamp) -> Option<Caller> {
        self.tokens.caller(session, now).or_else(|| {
            let entry = self.book.find(session)?;
            self.stands(&entry, now).then_some(entry.caller)
        })
    }

    /// The sessions whose callers may still call.
    pub(crate) fn sessions(&self, now: Timestamp) -> BTreeSet<SessionId> {
        let mut sessions = self.tokens.sessions(now);
        let entries = self.book.entries().into_iter().filter(|entry| self.stands(entry, now));
        sessions.extend(entries.map(|entry| entry.caller.session));
        sessions
    }

    /// What a client is told of how to get a token.
    pub(crate) fn protected(&self) -> Protected {
        let issuers = self.issuers.iter().map(|issuer| issuer.url().to_owned()).collect();
        Protected { resource: self.resource.clone(), issuers }
    }

    /// What is wrong, each with its remedy.
    pub(crate) fn problems(&self) -> Vec<String> {
        self.tokens.problem().into_iter().chain(self.issuers.iter().filter_map(|issuer| issuer.problem())).collect()
    }

    /// Keeps the issuers' keys fresh until `stop`.
    pub(crate) fn keep_keys(&self, stop: &CancellationToken) {
        for issuer in &self.issuers {
            let (issuer, stop) = (issuer.clone(), stop.clone());
            tokio::spawn(async move {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = issuer.keep_keys() => {}
                }
            });
        }
    }

    /// Fetches all keys now.
    #[cfg(test)]
    pub(crate) async fn refresh(&self) {
        for issuer in &self.issuers {
            issuer.refresh().await;
        }
    }

    /// Whether an issuer's word still holds: its time has not come, and its key is still the issuer's.
    fn stands(&self, entry: &Entry, now: Timestamp) -> bool {
        now < entry.expires && self.issuers.get(entry.issuer).is_some_and(|issuer| issuer.has(&entry.kid))
    }

    fn enter(&self, entry: &Entry, now: Timestamp) -> bool {
        self.book.enter(entry, |known| self.stands(known, now))
    }

    fn remember(&self, token: &str, known: Known, now: Timestamp) {
        let mut all = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST_KNOWN {
            all.retain(|_, known| match known {
                Known::Own(session) => self.tokens.caller(session, now).is_some(),
                Known::Theirs(entry) => now < entry.expires,
            });
        }
        if all.len() >= MOST_KNOWN {
            // Each of them is checked once more when it comes again.
            all.clear();
        }
        all.insert(digest(token), known);
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
