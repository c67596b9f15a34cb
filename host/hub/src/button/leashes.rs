//! Every runner that serves somebody, in one place: who presses the button does not look for them session by session,
//! where one that is just being started, or that a slow engine holds up, is not to be found.

use crate::runner::{Leash, Why};
use std::sync::{Mutex, MutexGuard, PoisonError};

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

    fn lock(&self) -> MutexGuard<'_, Vec<Leash>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
