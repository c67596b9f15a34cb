//! Calls under way, so that a manifest that takes something from one of them can end it.

use manifest::ProfileName;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio_util::sync::CancellationToken;

/// All calls that have begun and not ended.
#[derive(Default)]
pub(crate) struct Flights {
    next: AtomicU64,
    all: Arc<Mutex<HashMap<u64, Arc<Underway>>>>,
}

struct Underway {
    profile: ProfileName,
    tool: String,
    cancel: CancellationToken,
    withdrawn: AtomicBool,
}

/// A call under way, until it is dropped.
pub(crate) struct Flight {
    number: u64,
    call: Arc<Underway>,
    all: Arc<Mutex<HashMap<u64, Arc<Underway>>>>,
}

impl Flights {
    /// A call begins.
    pub(crate) fn begin(&self, profile: &ProfileName, tool: &str, cancel: &CancellationToken) -> Flight {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (profile, tool) = (profile.clone(), tool.to_owned());
        let call = Arc::new(Underway { profile, tool, cancel: cancel.clone(), withdrawn: AtomicBool::new(false) });
        let all = self.all.clone();
        all.lock().unwrap_or_else(PoisonError::into_inner).insert(number, call.clone());
        Flight { number, call, all }
    }

    /// Ends every call that does not keep what it has; how many.
    pub(super) fn withdraw(&self, keeps: impl Fn(&ProfileName, &str) -> bool) -> usize {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let losing = all.values().filter(|call| !keeps(&call.profile, &call.tool));
        losing
            .map(|call| {
                // Before it wakes: it has to know whose doing it was.
                call.withdrawn.store(true, Ordering::Release);
                call.cancel.cancel();
            })
            .count()
    }
}

impl Flight {
    pub(crate) fn cancel(&self) -> &CancellationToken {
        &self.call.cancel
    }

    /// Whether it was ended since a manifest took something from it.
    pub(crate) fn is_withdrawn(&self) -> bool {
        self.call.withdrawn.load(Ordering::Acquire)
    }

    /// Who cancelled it, for the audit log.
    pub(crate) fn why(&self) -> &'static str {
        if self.is_withdrawn() { "a new manifest took something from it" } else { "its caller cancelled it" }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
    }
}
