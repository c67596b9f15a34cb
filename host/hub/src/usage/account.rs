//! One session's, or one principal's, share of one tier.

use super::budget::Total;
use super::rate::{HOUR, Rate};
use super::repeats::{Repeat, Row};
use super::{Refusal, Saved, Spent};
use crate::api::SessionId;
use manifest::{Budget, LoopAfter, Tier, TierRules};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Whose share.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Whose {
    /// Everything done under one authorization.
    Session(SessionId),
    /// All its sessions together.
    Principal(String),
}

/// Names an account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) whose: Whose,
    pub(crate) tier: Tier,
}

/// A time by the clock that never goes back, and by the one that a restart finds again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    /// Since counting began in this process.
    pub(super) since: Duration,
    pub(super) unix_ms: i64,
}

/// Held while a call runs: its account is not forgotten meanwhile.
#[derive(Clone)]
pub(crate) struct Share(pub(super) Arc<Account>);

/// What was used.
pub(super) struct Account(Mutex<Used>);

pub(super) struct Used {
    rate: Rate,
    total: Total,
    row: Row,
    /// When the last call was let through, Unix time.
    touched_ms: i64,
    /// The store does not have it yet.
    pub(super) changed: bool,
}

impl Account {
    pub(super) fn new(moment: Moment) -> Self {
        Self(Mutex::new(Used {
            rate: Rate::new([]),
            total: Total::default(),
            row: Row::default(),
            touched_ms: moment.unix_ms,
            changed: false,
        }))
    }

    /// As it was stored. A clock that was set back meanwhile lets nobody wait for more than an hour.
    pub(super) fn restored(saved: Saved, moment: Moment) -> (Key, Self) {
        let Saved { key, window, calls, wall_us, egress, last, repeats, paused, touched_ms } = saved;
        let again = |(free_ms, calls): (i64, u32)| {
            let left = u64::try_from(free_ms.saturating_sub(moment.unix_ms)).ok().filter(|left| *left > 0)?;
            Some((moment.since + Duration::from_millis(left).min(HOUR), calls))
        };
        let used = Used {
            rate: Rate::new(window.into_iter().filter_map(again)),
            total: Total { calls, wall_us, egress },
            row: Row { last: last.map(Repeat), calls: repeats, paused },
            touched_ms: touched_ms.min(moment.unix_ms),
            changed: false,
        };
        (key, Self(Mutex::new(used)))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Used> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Used {
    /// Whether the session may call at all.
    pub(super) fn allows(&self, session: &SessionId, rules: &TierRules) -> Result<(), Refusal> {
        if let Some(calls) = self.row.paused {
            return Err(Refusal::Paused { session: session.clone(), calls });
        }
        self.total.within(&rules.budget)
    }

    /// Counts a call, if its hour has room for it.
    pub(super) fn call(&mut self, limit: &'static str, most: u32, moment: Moment) -> Result<(), Refusal> {
        self.rate.call(most, moment.since).map_err(|wait| {
            let again_s = wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1);
            Refusal::Rate { limit, most, again_s }
        })?;
        self.total.calls = self.total.calls.saturating_add(1);
        self.touched_ms = moment.unix_ms;
        self.changed = true;
        Ok(())
    }

    /// It did not happen after all.
    pub(super) fn take_back(&mut self) {
        self.rate.take_back();
        self.total.calls = self.total.calls.saturating_sub(1);
    }

    pub(super) fn spend(&mut self, rules: &TierRules, spent: Spent) -> Option<u32> {
        self.total.wall_us = self.total.wall_us.saturating_add(spent.wall_us);
        self.changed = true;
        spent.repeat.and_then(|call| self.row.add(call, rules.loop_after))
    }

    /// Counts bytes that are about to pass, if the budget has room for them; what goes over it does not pass.
    pub(super) fn egress(&mut self, budget: &Budget, bytes: u64) -> Result<(), Refusal> {
        let total = self.total.egress.saturating_add(bytes);
        if let Some(most) = budget.egress_bytes.filter(|most| total > *most) {
            return Err(Refusal::Budget { limit: Refusal::BUDGET_EGRESS, most });
        }
        self.total.egress = total;
        self.changed = true;
        Ok(())
    }

    pub(super) fn paused(&self) -> Option<u32> {
        self.row.paused
    }

    pub(super) fn resume(&mut self) {
        self.row = Row::default();
        self.changed = true;
    }

    /// Whether the store, and everybody, can forget it: `alive` says whether its authorization is in force.
    pub(super) fn is_forgotten(&self, whose: &Whose, alive: bool, moment: Moment, keep: Duration) -> bool {
        match whose {
            Whose::Principal(_) => self.rate.left(moment.since).is_empty(),
            Whose::Session(_) => {
                let keep_ms = i64::try_from(keep.as_millis()).unwrap_or(i64::MAX);
                !alive && moment.unix_ms.saturating_sub(self.touched_ms) > keep_ms
            }
        }
    }

    /// As the store is to have it.
    pub(super) fn saved(&self, key: Key, moment: Moment) -> Saved {
        let free = |(left, calls): (Duration, u32)| {
            let left_ms = i64::try_from(left.as_nanos().div_ceil(1_000_000)).unwrap_or(i64::MAX);
            (moment.unix_ms.saturating_add(left_ms), calls)
        };
        Saved {
            key,
            window: self.rate.left(moment.since).into_iter().map(free).collect(),
            calls: self.total.calls,
            wall_us: self.total.wall_us,
            egress: self.total.egress,
            last: self.row.last.map(|Repeat(digest)| digest),
            repeats: self.row.calls,
            paused: self.row.paused,
            touched_ms: self.touched_ms,
        }
    }
}

/// Whether identical calls are looked for at all.
pub(crate) fn looks_for_repeats(rules: &TierRules) -> bool {
    rules.loop_after != LoopAfter::Never
}
