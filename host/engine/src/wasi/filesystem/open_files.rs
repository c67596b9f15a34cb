//! How many files and directories the calls have open.
//!
//! The attack: a tool whose `handles` are many opens files until the process has no descriptor left, and
//! the calls beside it cannot open theirs; or several calls do so together. What counts is the open file and
//! not the guest's handle: a stream keeps its file open after the guest has dropped the descriptor.

use manifest::bounds::MAX_CONCURRENT_CALLS;
use std::fs::File;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

/// The most of one call.
const MAX_OPEN_FILES: usize = 200;

/// What each call can open, whatever the others hold.
const OWN: usize = 4;

/// `ulimit nofile` of a runner. Its own descriptors and the granted directories, …
const NOFILE: usize = 1024;
/// … for which this is left, …
const RUNNER: usize = 96;
/// … and what each call may have for itself, leave these to whoever asks first.
const SHARED: usize = NOFILE - RUNNER - OWN * MAX_CONCURRENT_CALLS as usize;

/// What all calls of an engine have open beyond their own share.
#[derive(Debug, Default)]
pub(crate) struct Shared(AtomicUsize);

impl Shared {
    fn take(&self) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| (taken < SHARED).then_some(taken + 1)).is_ok()
    }

    fn give_back(&self, count: usize) {
        self.0.fetch_sub(count, Ordering::Relaxed);
    }
}

/// What one call opened and has not closed.
#[derive(Debug)]
pub(crate) struct OpenFiles {
    files: Vec<Weak<File>>,
    most: usize,
    refused: Option<usize>,
    shared: Arc<Shared>,
    /// How many of the shared ones this call holds.
    taken: usize,
}

impl OpenFiles {
    pub(crate) fn new(handles: usize, shared: Arc<Shared>) -> Self {
        Self { files: Vec::new(), most: handles.min(MAX_OPEN_FILES), refused: None, shared, taken: 0 }
    }

    /// The bound that was hit, if it was.
    pub(crate) fn refused(&self) -> Option<usize> {
        self.refused
    }

    /// Whether one more may be opened; it then has its place.
    pub(super) fn has_room(&mut self) -> bool {
        if self.files.len() >= self.most.min(OWN) {
            self.closed();
        }
        let open = self.files.len();
        let beyond = open.saturating_add(1).saturating_sub(OWN);
        let room = open < self.most && (beyond <= self.taken || self.take());
        self.refused = (!room).then_some(open);
        room
    }

    pub(super) fn opened(&mut self, file: &Arc<File>) {
        self.files.push(Arc::downgrade(file));
    }

    /// Something may have been closed: what is over goes back to the others.
    pub(super) fn closed(&mut self) {
        self.files.retain(|file| file.strong_count() > 0);
        let over = self.taken.saturating_sub(self.files.len().saturating_sub(OWN));
        self.taken = self.taken.saturating_sub(over);
        self.shared.give_back(over);
    }

    fn take(&mut self) -> bool {
        let took = self.shared.take();
        self.taken = self.taken.saturating_add(usize::from(took));
        took
    }
}

impl Drop for OpenFiles {
    fn drop(&mut self) {
        self.shared.give_back(self.taken);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    /// Opens as many as it gets.
    fn hoard(call: &mut OpenFiles) -> Vec<Arc<File>> {
        let open = || Arc::new(File::open("/dev/null").unwrap());
        let mut held = Vec::new();
        while call.has_room() {
            held.push(open());
            call.opened(held.last().unwrap());
        }
        held
    }

    #[test]
    fn whoever_hoards_leaves_each_other_call_its_own() {
        let shared = Arc::<Shared>::default();
        let mut calls: Vec<_> = (0..MAX_CONCURRENT_CALLS).map(|_| OpenFiles::new(1000, Arc::clone(&shared))).collect();
        let held: Vec<_> = calls.iter_mut().map(hoard).collect();
        let counts: Vec<usize> = held.iter().map(Vec::len).collect();
        assert_eq!(counts.first(), Some(&MAX_OPEN_FILES));
        assert!(counts.iter().all(|count| *count >= OWN), "{counts:?}");
        assert_eq!(counts.iter().sum::<usize>(), NOFILE - RUNNER);
        assert_eq!(calls.last().unwrap().refused(), Some(OWN));
        drop(held);
        // Closed, but nobody has looked: the next one to open something looks at its own.
        let mut first = calls.swap_remove(0);
        drop(calls);
        assert_eq!(hoard(&mut first).len(), MAX_OPEN_FILES);
        drop(first);
        assert_eq!(shared.0.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_call_that_closes_what_it_opens_takes_nothing_from_others() {
        let shared = Arc::<Shared>::default();
        let mut call = OpenFiles::new(20, Arc::clone(&shared));
        for _ in 0..1000 {
            assert!(call.has_room());
            call.opened(&Arc::new(File::open("/dev/null").unwrap()));
        }
        assert_eq!(hoard(&mut call).len(), 20);
        assert_eq!(call.refused(), Some(20));
        call.closed();
        assert_eq!(shared.0.load(Ordering::Relaxed), 0);
    }
}
