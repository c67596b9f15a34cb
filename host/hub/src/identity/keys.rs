//! An issuer's keys as they were last fetched: fresh enough to be believed, or nobody of that issuer comes in.

use super::Refused;
use super::fetch::{FetchError, Source};
use super::jwks::{self, Key};
use arc_swap::ArcSwapOption;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How often they are fetched anew, so that a key that was withdrawn is not believed for longer.
pub(super) const FRESH: Duration = Duration::from_secs(300);
/// After a failure, the next try.
const RETRY: Duration = Duration::from_secs(30);
/// How long keys are believed while the issuer cannot be asked.
pub(super) const STALE: Duration = Duration::from_secs(3600);
/// Tokens of unknown keys make the hub ask the issuer at most once in this time: whoever sends them must not have
/// us hammer it.
pub(super) const ASK_AGAIN: Duration = Duration::from_secs(10);

/// The keys of one issuer.
pub(super) struct Keys {
    source: Source,
    /// The issuer's name, for the log.
    name: String,
    known: ArcSwapOption<Fetched>,
    /// Held by whoever fetches; the others wait for what comes of it.
    turn: tokio::sync::Mutex<Option<Instant>>,
    trouble: Mutex<Option<String>>,
}

struct Fetched {
    keys: BTreeMap<String, Key>,
    at: Instant,
}

impl Keys {
    pub(super) fn new(name: String, source: Source) -> Self {
        Self {
            source,
            name,
            known: ArcSwapOption::empty(),
            turn: tokio::sync::Mutex::default(),
            trouble: Mutex::default(),
        }
    }

    /// A key, if it was the issuer's when the keys were last fetched, and that is not too long ago.
    pub(super) fn find(&self, kid: &str) -> Option<Key> {
        let known = self.known.load();
        let fetched = known.as_ref().filter(|fetched| fetched.at.elapsed() < STALE)?;
        fetched.keys.get(kid).cloned()
    }

    /// A key; if it is not known, the issuer is asked, unless it was a moment ago.
    pub(super) async fn find_or_ask(&self, kid: &str) -> Result<Key, Refused> {
        if let Some(key) = self.find(kid) {
            return Ok(key);
        }
        let mut asked = self.turn.lock().await;
        // Whoever had the turn before may have found it.
        if let Some(key) = self.find(kid) {
            return Ok(key);
        }
        if asked.is_none_or(|asked| asked.elapsed() >= ASK_AGAIN) {
            *asked = Some(Instant::now());
            self.ask().await;
        }
        drop(asked);
        self.find(kid).ok_or_else(|| if self.is_stale() { Refused::Stale(self.name.clone()) } else { Refused::Key })
    }

    /// Fetches them again and again, for ever.
    pub(super) async fn keep(&self) {
        loop {
            let well = self.refresh().await;
            sleep(if well { FRESH } else { RETRY }).await;
        }
    }

    /// Fetches them now, however short a time ago it was; says whether that went well.
    pub(super) async fn refresh(&self) -> bool {
        let mut asked = self.turn.lock().await;
        *asked = Some(Instant::now());
        self.ask().await
    }

    /// What is wrong, for the operator.
    pub(super) fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn is_stale(&self) -> bool {
        self.known.load().as_ref().is_none_or(|fetched| fetched.at.elapsed() >= STALE)
    }

    /// Replaces all keys by what the issuer says now; keeps them as they are where it cannot be asked.
    async fn ask(&self) -> bool {
        let fetched = match self.source.fetch().await {
            Ok(document) => jwks::read(&document).map_err(FetchError::from),
            Err(error) => Err(error),
        };
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        match fetched {
            Ok(keys) => {
                self.known.store(Some(Fetched { keys, at: Instant::now() }.into()));
                *trouble = None;
                true
            }
            Err(error) => {
                let why = crate::registry::chain(&error);
                tracing::warn!(issuer = %self.name, error = %why, "the issuer's keys could not be fetched");
                *trouble = Some(format!(
                    "the keys of issuer `{}` could not be fetched ({}); those that are known are believed for an hour after they were",
                    self.name,
                    crate::clean::line(&why, crate::clean::LINE_BYTES),
                ));
                false
            }
        }
    }
}
