//! How much at once: one session's share of one tier. How often is told by `crate::usage`.

use crate::force::InForce;
use manifest::{Digest, Tier, TierRules};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The bound on calls at once, by its name in the manifest.
pub(crate) const CONCURRENT_CALLS: &str = "concurrent_calls";

/// A tier's places for one session.
pub(crate) struct Gate {
    places: Arc<Semaphore>,
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
    /// The gate before a tier. Under another manifest than before, a tier with as many places keeps its gate, and the
    /// calls that run go on taking theirs.
    pub(super) fn of(&mut self, force: &InForce, tier: Tier) -> Option<Arc<Gate>> {
        if self.under.as_ref() != Some(&force.digest) {
            let gate = |(tier, rules): (&Tier, &TierRules)| {
                let same = self.all.get(tier).filter(|gate| gate.concurrent_calls == rules.concurrent_calls);
                (*tier, same.cloned().unwrap_or_else(|| Arc::new(Gate::new(rules))))
            };
            self.all = force.manifest.tiers.iter().map(gate).collect();
            self.under = Some(force.digest.clone());
        }
        self.all.get(&tier).cloned()
    }
}

/// There is no place free of so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full {
    pub(crate) most: u32,
}

impl Gate {
    pub(crate) fn new(rules: &TierRules) -> Self {
        let places = usize::try_from(rules.concurrent_calls).unwrap_or(Semaphore::MAX_PERMITS);
        Self { places: Arc::new(Semaphore::new(places)), concurrent_calls: rules.concurrent_calls }
    }

    /// A place for one call; it is free again when the permit is dropped.
    pub(crate) fn pass(&self) -> Result<OwnedSemaphorePermit, Full> {
        self.places.clone().try_acquire_owned().map_err(|_| Full { most: self.concurrent_calls })
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

    fn gate(concurrent_calls: u32) -> Gate {
        let manifest = crate::testing::manifest([]);
        let rules = manifest.tiers.get(&Tier::User).unwrap().clone();
        Gate::new(&TierRules { concurrent_calls, ..rules })
    }

    #[test]
    fn so_many_at_once() {
        let gate = gate(2);
        let (one, _other) = (gate.pass().unwrap(), gate.pass().unwrap());
        for _ in 0..10 {
            assert_eq!(gate.pass().unwrap_err(), Full { most: 2 });
        }
        drop(one);
        drop(gate.pass().unwrap());
    }

    #[test]
    fn none_is_none() {
        assert_eq!(gate(0).pass().unwrap_err(), Full { most: 0 });
    }
}
