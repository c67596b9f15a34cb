//! How often and how much at once: one session's share of one tier.

use crate::force::InForce;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use manifest::{Digest, Tier, TierRules};
use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The bound on calls at once, by its name in the manifest.
pub(crate) const CONCURRENT_CALLS: &str = "concurrent_calls";

/// A tier's bounds on one session.
pub(crate) struct Gate {
    /// `None` for a tier that may be called never.
    rate: Option<DefaultDirectRateLimiter>,
    places: Arc<Semaphore>,
    calls_per_hour: u32,
    concurrent_calls: u32,
}

/// The gates of all tiers, as the manifest in force has them.
#[derive(Default)]
pub(crate) struct Gates {
    /// The manifest that they were made from.
    under: Option<Digest>,
    all: BTreeMap<Tier, Arc<Gate>>,
}

impl Gates {
    /// The gate before a tier. Under another manifest than before, a tier whose bounds are the same keeps its gate,
    /// and what was called through it goes on counting.
    pub(super) fn of(&mut self, force: &InForce, tier: Tier) -> Option<Arc<Gate>> {
        if self.under.as_ref() != Some(&force.digest) {
            let gate = |(tier, rules): (&Tier, &TierRules)| {
                let same = self.all.get(tier).filter(|gate| gate.is_of(rules));
                (*tier, same.cloned().unwrap_or_else(|| Arc::new(Gate::new(rules))))
            };
            self.all = force.manifest.tiers.iter().map(gate).collect();
            self.under = Some(force.digest.clone());
        }
        self.all.get(&tier).cloned()
    }
}

/// A bound that a call would break, and its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) limit: &'static str,
    pub(crate) value: u32,
}

impl Gate {
    pub(crate) fn new(rules: &TierRules) -> Self {
        Self {
            rate: NonZeroU32::new(rules.calls_per_hour).map(|calls| RateLimiter::direct(Quota::per_hour(calls))),
            places: Arc::new(Semaphore::new(usize::try_from(rules.concurrent_calls).unwrap_or(Semaphore::MAX_PERMITS))),
            calls_per_hour: rules.calls_per_hour,
            concurrent_calls: rules.concurrent_calls,
        }
    }

    fn is_of(&self, rules: &TierRules) -> bool {
        self.calls_per_hour == rules.calls_per_hour && self.concurrent_calls == rules.concurrent_calls
    }

    /// One call through; its place is free again when the permit is dropped. A call for which there is no place
    /// does not count against the rate.
    pub(crate) fn pass(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        let full = Refusal { limit: CONCURRENT_CALLS, value: self.concurrent_calls };
        let place = self.places.clone().try_acquire_owned().map_err(|_| full)?;
        match &self.rate {
            Some(rate) if rate.check().is_ok() => Ok(place),
            _ => Err(Refusal { limit: "calls_per_hour", value: self.calls_per_hour }),
        }
    }

    /// Places that are free.
    #[cfg(test)]
    pub(crate) fn free(&self) -> usize {
        self.places.available_permits()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn gate(calls_per_hour: u32, concurrent_calls: u32) -> Gate {
        let manifest = crate::testing::manifest([]);
        let rules = manifest.tiers.get(&Tier::User).unwrap().clone();
        Gate::new(&TierRules { calls_per_hour, concurrent_calls, ..rules })
    }

    #[test]
    fn so_many_an_hour_and_no_more() {
        let gate = gate(3, 1);
        for _ in 0..3 {
            drop(gate.pass().unwrap());
        }
        assert_eq!(gate.pass().unwrap_err(), Refusal { limit: "calls_per_hour", value: 3 });
    }

    #[test]
    fn so_many_at_once_and_a_refused_one_costs_nothing() {
        let gate = gate(3, 2);
        let (one, _other) = (gate.pass().unwrap(), gate.pass().unwrap());
        for _ in 0..10 {
            assert_eq!(gate.pass().unwrap_err(), Refusal { limit: "concurrent_calls", value: 2 });
        }
        drop(one);
        drop(gate.pass().unwrap());
        assert_eq!(gate.pass().unwrap_err().limit, "calls_per_hour");
    }

    #[test]
    fn none_is_none() {
        assert_eq!(gate(0, 1).pass().unwrap_err(), Refusal { limit: "calls_per_hour", value: 0 });
        assert_eq!(gate(1, 0).pass().unwrap_err(), Refusal { limit: "concurrent_calls", value: 0 });
    }
}
