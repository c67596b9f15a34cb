//! Every runner that serves somebody, in one place: who presses the button does not look for them session by session,
//! where one that is just being started, or that a slow engine holds up, is not to be found.

use crate::runner::{Leash, Why};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// The holds on all runners in use.
#[derive(Default)]
pub(crate) struct Leashes(Mutex<Vec<Leash>>);

impl Leashes {
    /// A runner is about to be given a ticket.
    pub(crate) fn enter(&self, leash: Leash) {
        let mut all = self.lock();
        all.retain(|leash| !leash.is_over());
        all.push(leash);
    }

    /// Cuts off those; none of them is sent anything or listened to any more.
    pub(crate) fn cut(&self, which: impl Fn(&Leash) -> bool, why: &Why) -> Vec<Leash> {
        let mut all = self.lock();
        all.retain(|leash| !leash.is_over());
        let cut: Vec<_> = all.iter().filter(|leash| which(leash)).cloned().collect();
        drop(all);
        cut.iter().for_each(|leash| leash.cut(why));
        cut
    }

    /// Kills those whose container has lived for longer than this, whatever they do.
    pub(crate) fn expire(&self, now: Instant, lifetime: Duration) {
        let old: Vec<_> = self.lock().iter().filter(|leash| leash.age(now) > lifetime).cloned().collect();
        old.iter().for_each(|leash| leash.kill(Why::Lifetime));
    }

    /// How many owe the answer to a ping.
    pub(crate) fn silent(&self) -> usize {
        let all = self.lock().clone();
        all.iter().filter(|leash| leash.is_silent()).count()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Leash>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
