//! What sessions and principals have used of their tiers: rates, budgets, and how often a session has repeated itself.
//!
//! It belongs to an authorization and not to a session that lives: a session that is ended, forgotten or met by another
//! hub after a restart goes on counting where it was. Memory decides; what changed is written to the store each second,
//! off the way of calls, and at once where a person has to approve calls. So a hub that is killed loses at most a
//! second of counting, and never an approved call.

mod account;
mod budget;
pub(crate) mod keeping;
mod rate;
mod refusal;
mod repeats;
mod saved;

pub(crate) use account::{Key, Share, Whose, looks_for_repeats};
pub(crate) use refusal::Refusal;
pub(crate) use repeats::{Asked, Repeat};
pub(crate) use saved::Saved;

use crate::api::{Caller, SessionId};
use crate::store::{Store, StoreError};
use account::{Account, Moment};
use jiff::Timestamp;
use manifest::{Tier, TierRules};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;

/// Sessions and principals, by tier, that are remembered. Bounds what the hub holds and reads when it starts; whoever
/// comes on top is refused, since nobody could say what they have used.
pub(crate) const MOST: usize = 1 << 16;

/// All that is remembered.
pub(crate) struct Usage {
    /// From here on time is counted.
    began: Instant,
    accounts: Mutex<BTreeMap<Key, Arc<Account>>>,
    /// One at a time writes to the store, so that an older state never follows a newer one.
    storing: tokio::sync::Mutex<()>,
    /// Why the store does not have what it should.
    unstored: Mutex<Option<String>>,
}

/// What a call took.
pub(crate) struct Spent {
    /// In its runner, by the hub's clock, microseconds.
    pub(crate) wall_us: u64,
    /// What it asked and what came of it; none if it does not count as a repetition.
    pub(crate) repeat: Option<Repeat>,
}

/// A session that waits for an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Paused {
    pub(crate) session: SessionId,
    pub(crate) tier: Tier,
    /// After so many identical calls.
    pub(crate) calls: u32,
}

impl Usage {
    /// As the store has it.
    ///
    /// # Errors
    /// When it cannot be read: a hub that does not know what was used would give it all back.
    pub(crate) async fn load(store: &Store) -> Result<Self, StoreError> {
        let usage = Self::new();
        let moment = usage.moment();
        for saved in store.usage().await? {
            let (key, account) = Account::restored(saved, moment);
            usage.lock().insert(key, Arc::new(account));
        }
        Ok(usage)
    }

    pub(crate) fn new() -> Self {
        Self {
            began: Instant::now(),
            accounts: Mutex::default(),
            storing: tokio::sync::Mutex::default(),
            unstored: Mutex::default(),
        }
    }

    /// Whether its session may go on in this tier at all; nothing is counted.
    pub(crate) fn allows(&self, caller: &Caller, rules: &TierRules) -> Result<(), Refusal> {
        let key = Key { whose: Whose::Session(caller.session.clone()), tier: rules.tier };
        let account = self.lock().get(&key).cloned();
        account.map_or(Ok(()), |account| account.lock().allows(&caller.session, rules))
    }

    /// Lets a call through and counts it, for its session and for its principal, or for neither.
    pub(crate) fn pass(&self, caller: &Caller, rules: &TierRules) -> Result<Share, Refusal> {
        self.pass_at(caller, rules, self.moment())
    }

    fn pass_at(&self, caller: &Caller, rules: &TierRules, moment: Moment) -> Result<Share, Refusal> {
        let of_session = self.account(Whose::Session(caller.session.clone()), rules.tier, moment)?;
        let of_principal = self.account(Whose::Principal(caller.principal.clone()), rules.tier, moment)?;
        // Always in this order, so that no two wait for each other.
        let mut session = of_session.lock();
        session.allows(&caller.session, rules)?;
        session.call(Refusal::SESSION_RATE, rules.calls_per_hour, moment)?;
        if let Err(refusal) = of_principal.lock().call(Refusal::PRINCIPAL_RATE, rules.principal_calls_per_hour, moment)
        {
            session.take_back();
            return Err(refusal);
        }
        drop(session);
        Ok(Share(of_session))
    }

    /// Counts bytes of a call's requests before they pass.
    pub(crate) fn egress(share: &Share, rules: &TierRules, bytes: u64) -> Result<(), Refusal> {
        share.0.lock().egress(&rules.budget, bytes)
    }

    /// Adds what a call took. If it is the one after which its session waits for an operator: after how many.
    pub(crate) fn spend(&self, share: &Share, rules: &TierRules, spent: Spent) -> Option<u32> {
        share.0.lock().spend(rules, spent)
    }

    /// Sessions that wait for an operator.
    pub(crate) fn paused(&self) -> Vec<Paused> {
        let paused = |(key, account): (&Key, &Arc<Account>)| {
            let Whose::Session(session) = &key.whose else { return None };
            let calls = account.lock().paused()?;
            Some(Paused { session: session.clone(), tier: key.tier, calls })
        };
        self.lock().iter().filter_map(paused).collect()
    }

    /// What a start found, or a write left behind.
    pub(crate) fn problem(&self) -> Option<String> {
        self.unstored.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn account(&self, whose: Whose, tier: Tier, moment: Moment) -> Result<Arc<Account>, Refusal> {
        let mut accounts = self.lock();
        let key = Key { whose, tier };
        if let Some(account) = accounts.get(&key) {
            return Ok(account.clone());
        }
        if accounts.len() >= MOST {
            return Err(Refusal::Full);
        }
        let account = Arc::new(Account::new(moment));
        accounts.insert(key, account.clone());
        Ok(account)
    }

    fn moment(&self) -> Moment {
        Moment { since: self.began.elapsed(), unix_ms: Timestamp::now().as_millisecond() }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, Arc<Account>>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
