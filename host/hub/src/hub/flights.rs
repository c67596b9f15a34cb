//! Calls under way, so that a manifest that takes something from one of them can end it, and the red button all that
//! a person had to allow.

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
    /// A person had to allow it.
    elevated: AtomicBool,
    taken_back: AtomicBool,
    /// It has come to its end, and its answer, if any, has left.
    landed: CancellationToken,
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
        let call = Arc::new(Underway {
            profile,
            tool,
            cancel: cancel.clone(),
            withdrawn: AtomicBool::default(),
            elevated: AtomicBool::default(),
            taken_back: AtomicBool::default(),
            landed: CancellationToken::new(),
        });
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

    /// Ends those that the red button takes back. Each token is cancelled when its call has come to its end.
    pub(crate) fn take_back(&self, which: Which) -> Vec<CancellationToken> {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = all.values().filter(|call| which == Which::All || call.elevated.load(Ordering::SeqCst));
        taken
            .map(|call| {
                call.taken_back.store(true, Ordering::SeqCst);
                call.cancel.cancel();
                call.landed.clone()
            })
            .collect()
    }
}

/// What the red button takes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// What a person had to allow.
    Elevated,
    All,
}

impl Flight {
    pub(crate) fn cancel(&self) -> &CancellationToken {
        &self.call.cancel
    }

    /// Whether it was ended since a manifest took something from it.
    pub(crate) fn is_withdrawn(&self) -> bool {
        self.call.withdrawn.load(Ordering::Acquire)
    }

    /// A person had to allow it. Said before the epoch is looked at: whoever raises that then either finds this call
    /// among the elevated ones, or is seen by it.
    pub(crate) fn elevate(&self) {
        self.call.elevated.store(true, Ordering::SeqCst);
    }

    /// Whether the red button has ended it.
    pub(crate) fn is_taken_back(&self) -> bool {
        self.call.taken_back.load(Ordering::SeqCst)
    }

    /// Who cancelled it, for the audit log.
    pub(crate) fn why(&self) -> &'static str {
        if self.is_taken_back() {
            return "the red button took it back";
        }
        if self.is_withdrawn() { "a new manifest took something from it" } else { "its caller cancelled it" }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
        self.call.landed.cancel();
    }
}
