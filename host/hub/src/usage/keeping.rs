//! From memory to the store.

use super::account::{Account, Moment};
use super::{Key, Saved, Usage, Whose};
use crate::api::SessionId;
use crate::audit::Decision;
use crate::failpoint::failpoint;
use crate::store::{Store, StoreError};
use manifest::Tier;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// What a session has used is kept for so long after its last call, if its authorization is not in force: an issuer's
/// is not known to a hub that has just started, until its holder comes again.
const KEEP: Duration = Duration::from_secs(24 * 3600);

/// What a session is to the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Its authorization is in force.
    InForce,
    /// It is of this process and ends with it: there is nothing to find again.
    Local,
    /// Its authorization is not known, or not any more.
    Unknown,
}

impl Usage {
    /// Writes what has changed since the last time, and forgets what nobody can come back to.
    pub(crate) async fn keep(
        &self,
        store: &Store,
        standing: impl Fn(&SessionId) -> Standing,
    ) -> Result<(), StoreError> {
        let _one_at_a_time = self.storing.lock().await;
        let (changed, forgotten) = self.due(&standing, self.moment());
        failpoint!("usage.taken");
        let kept = if changed.is_empty() && forgotten.is_empty() {
            Ok(())
        } else {
            store.keep_usage(&changed, &forgotten).await
        };
        failpoint!("usage.kept");
        let mut accounts = self.lock();
        match &kept {
            // Unless a call came meanwhile: the next writing then puts it back.
            Ok(()) => forgotten.iter().for_each(|key| {
                let unused = |account: &Arc<Account>| Arc::strong_count(account) == 1 && !account.lock().changed;
                if accounts.get(key).is_some_and(unused) {
                    accounts.remove(key);
                }
            }),
            Err(_) => changed.iter().filter_map(|saved| accounts.get(&saved.key)).for_each(|account| {
                account.lock().changed = true;
            }),
        }
        drop(accounts);
        let problem = kept.as_ref().err().map(|error| {
            format!(
                "what sessions have used is not stored, and a restart would give it back: {}",
                crate::registry::chain(error)
            )
        });
        *self.unstored.lock().unwrap_or_else(PoisonError::into_inner) = problem;
        kept
    }

    /// Lets a session go on in every tier in which it was paused, on an operator's word: in the store first, with what
    /// the audit log has to say of it. Which tiers those are; none if it was paused in none.
    pub(crate) async fn resume(&self, store: &Store, session: &SessionId, by: &str) -> Result<Vec<Tier>, StoreError> {
        let _one_at_a_time = self.storing.lock().await;
        let tiers: Vec<Tier> =
            self.paused().into_iter().filter(|paused| paused.session == *session).map(|paused| paused.tier).collect();
        if tiers.is_empty() {
            return Ok(tiers);
        }
        let decision = Decision::SessionResumed { session: session.0.clone(), tiers: tiers.clone(), by: by.to_owned() };
        store.resume_usage(session, decision).await?;
        failpoint!("usage.resumed");
        for tier in &tiers {
            let key = Key { whose: Whose::Session(session.clone()), tier: *tier };
            let account = self.lock().get(&key).cloned();
            if let Some(account) = account {
                account.lock().resume();
            }
        }
        Ok(tiers)
    }

    pub(super) fn due(&self, standing: &impl Fn(&SessionId) -> Standing, moment: Moment) -> (Vec<Saved>, Vec<Key>) {
        let of = |whose: &Whose| match whose {
            Whose::Session(session) => standing(session),
            Whose::Principal(_) => Standing::InForce,
        };
        let (mut changed, mut forgotten) = (Vec::new(), Vec::new());
        // Not under the lock of all: calls go on meanwhile.
        let all: Vec<_> = self.lock().iter().map(|(key, account)| (key.clone(), account.clone())).collect();
        for (key, account) in all {
            let mut used = account.lock();
            // A call that runs, or one that has just come, holds it besides the table and this list.
            let idle = Arc::strong_count(&account) == 2;
            if idle && used.is_forgotten(&key.whose, of(&key.whose) != Standing::Unknown, moment, KEEP) {
                used.changed = false;
                forgotten.push(key);
            } else if std::mem::take(&mut used.changed) && of(&key.whose) != Standing::Local {
                changed.push(used.saved(key, moment));
            }
        }
        (changed, forgotten)
    }
}
