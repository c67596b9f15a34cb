//! Secrets that the hub adds to requests, and which requests. Declared by the operator in the hub's configuration; a
//! manifest names one and never has it, and a guest sees neither.

mod rule;
mod secret;
mod value;
mod view;

pub use rule::{Add, NotGranted, Rule, TokenFormat};
pub use secret::Secret;
pub use value::{BadValue, MAX_VALUE_BYTES, MIN_VALUE_BYTES, Value};
pub use view::{CredentialView, ReadBy};

use crate::config::{Config, Environment, SourceError};
use crate::leaks::Seen;
use jiff::Timestamp;
use manifest::http::{Method, Target};
use manifest::{CredentialName, Tier};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// The credentials in force. A clone is the same store. Replaced one by one and each as one value: a request has the
/// old one or the new one, and keeps what it has.
#[derive(Clone, Default)]
pub struct Store {
    held: Arc<RwLock<BTreeMap<CredentialName, Arc<Held>>>>,
    /// Every value in force: for what is written down, whoever used which.
    now: Arc<RwLock<Seen>>,
}

/// One of them; what `uses` counts outlives its value.
struct Held {
    rule: Arc<Rule>,
    secret: Arc<Secret>,
    loaded: Timestamp,
    uses: Arc<AtomicU64>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.read().keys()).finish()
    }
}

/// A value that a credential can have, and does not have yet: between the two it is written down.
#[derive(Debug)]
pub struct Fresh {
    name: CredentialName,
    secret: Arc<Secret>,
}

/// Why a credential was not replaced; the one in force stays.
#[derive(Debug, thiserror::Error)]
pub enum NotReplaced {
    /// There is none of this name.
    #[error("no credential `{0}` is declared; `safeclaw credentials list` shows those that are")]
    Unknown(CredentialName),
    /// The process that serves cannot read its source.
    #[error(
        "the source of `{0}` cannot be read by a hub that runs: \
         say `safeclaw credentials reload {0} --egress FILE`, or `safeclaw credentials set {0}`"
    )]
    NotByTheHub(CredentialName),
    /// Its source did not give it.
    #[error("`{name}` was not read again, and what was in force stays")]
    Source {
        /// The credential.
        name: CredentialName,
        /// Why.
        #[source]
        source: SourceError,
    },
    /// It is no value for this credential.
    #[error("this is no value for `{name}`, and what was in force stays")]
    Value {
        /// The credential.
        name: CredentialName,
        /// Why.
        #[source]
        source: BadValue,
    },
}

impl Store {
    /// Without any.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// Reads every source that is declared. One that cannot be read is a hub that does not start: its tools would
    /// fail later, and nobody would know why.
    ///
    /// # Errors
    /// A line for each credential that cannot be had.
    pub fn load(config: &Config, environment: &Environment) -> Result<Self, Vec<String>> {
        let (mut held, mut faults) = (BTreeMap::new(), Vec::new());
        let now = Seen::default();
        for (name, rule) in config.credentials() {
            let read = rule.source.read(environment).map_err(|error| crate::chain(&error));
            let secret = read.and_then(|value| Secret::new(name, rule, value).map_err(|error| crate::chain(&error)));
            match secret {
                Ok(secret) => {
                    let (rule, secret, loaded) = (rule.clone(), Arc::new(secret), Timestamp::now());
                    now.used(&secret);
                    held.insert(name.clone(), Arc::new(Held { rule, secret, loaded, uses: Arc::default() }));
                }
                Err(fault) => faults.push(format!("[credentials.{name}]: {fault}")),
            }
        }
        if faults.is_empty() {
            Ok(Self { held: Arc::new(RwLock::new(held)), now: Arc::new(RwLock::new(now)) })
        } else {
            Err(faults)
        }
    }

    /// What is added to this request, if it may have it. Counted as a use.
    ///
    /// # Errors
    /// Its words are for the operator.
    pub fn grant(
        &self,
        name: &CredentialName,
        tier: Tier,
        method: Method,
        target: &Target,
    ) -> Result<Arc<Secret>, NotGranted> {
        let held = self.held(name).ok_or_else(|| NotGranted::Unknown(name.clone()))?;
        held.rule.allows(name, tier, method, target)?;
        held.uses.fetch_add(1, Ordering::Relaxed);
        Ok(held.secret.clone())
    }

    /// A text without the value of any credential, for what is written down: servers and guests have a say in it.
    #[must_use]
    pub fn clean(&self, text: &str) -> String {
        let now = self.now.read().unwrap_or_else(PoisonError::into_inner).clone();
        now.clean(text)
    }

    /// The one in force, to be looked for; none if it is declared no more.
    pub(crate) fn secret(&self, name: &CredentialName) -> Option<Arc<Secret>> {
        self.held(name).map(|held| held.secret.clone())
    }

    /// Every credential, without its value.
    #[must_use]
    pub fn list(&self) -> Vec<CredentialView> {
        let held = self.read();
        held.iter()
            .map(|(name, held)| CredentialView::of(name, &held.rule, held.loaded, held.uses.load(Ordering::Relaxed)))
            .collect()
    }

    /// Reads a source again that the process which serves can read: a file, or a credential of systemd's. It is in force
    /// with [`Store::put`].
    ///
    /// # Errors
    /// What is in force stays.
    pub fn read_again(&self, name: &CredentialName) -> Result<Fresh, NotReplaced> {
        let held = self.held(name).ok_or_else(|| NotReplaced::Unknown(name.clone()))?;
        if held.rule.source.read_by() != ReadBy::Hub {
            return Err(NotReplaced::NotByTheHub(name.clone()));
        }
        let failed = |source| NotReplaced::Source { name: name.clone(), source };
        let value = held.rule.source.read(&Environment::default()).map_err(failed)?;
        self.fresh(name, value)
    }

    /// Looks at another value for a credential. It is in force with [`Store::put`].
    ///
    /// # Errors
    /// What is in force stays.
    pub fn fresh(&self, name: &CredentialName, value: Value) -> Result<Fresh, NotReplaced> {
        let held = self.held(name).ok_or_else(|| NotReplaced::Unknown(name.clone()))?;
        let bad = |source| NotReplaced::Value { name: name.clone(), source };
        let secret = Secret::new(name, &held.rule, value).map_err(bad)?;
        Ok(Fresh { name: name.clone(), secret: Arc::new(secret) })
    }

    /// Puts another value in force. Requests that have the old one keep it.
    pub fn put(&self, fresh: Fresh) {
        let Fresh { name, secret } = fresh;
        let mut all = self.held.write().unwrap_or_else(PoisonError::into_inner);
        let Some(old) = all.get(&name) else { return };
        // The same value again is the same secret: sessions that look for it need no second one.
        let secret = if old.secret.is(&secret) { old.secret.clone() } else { secret };
        let (rule, uses) = (old.rule.clone(), old.uses.clone());
        all.insert(name, Arc::new(Held { rule, secret, loaded: Timestamp::now(), uses }));
        let now = Seen::default();
        all.values().for_each(|held| now.used(&held.secret));
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = now;
    }

    fn held(&self, name: &CredentialName) -> Option<Arc<Held>> {
        self.read().get(name).cloned()
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, BTreeMap<CredentialName, Arc<Held>>> {
        self.held.read().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
