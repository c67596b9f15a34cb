//! How much of a face one principal may take: requests and conversations at once. Without it one token that
//! opens every connection and keeps it shuts everybody else out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Everyone's places at one face; all principals have equally many.
#[derive(Debug)]
pub(crate) struct Shares {
    each: usize,
    taken: Mutex<HashMap<String, Arc<Semaphore>>>,
}

impl Shares {
    pub(crate) fn new(each: usize) -> Self {
        Self { each, taken: Mutex::default() }
    }

    /// A place, free again when the permit is dropped; `None` when this principal has taken all of its own.
    pub(crate) fn take(&self, principal: &str) -> Option<OwnedSemaphorePermit> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        // Principals come and go; one that has nothing open is not remembered.
        if !taken.contains_key(principal) {
            taken.retain(|_, places| places.available_permits() < self.each);
        }
        let places = taken.entry(principal.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(self.each)));
        places.clone().try_acquire_owned().ok()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn one_takes_its_own_places_and_nobody_elses() {
        let shares = Shares::new(2);
        let (first, _second) = (shares.take("a").unwrap(), shares.take("a").unwrap());
        assert!(shares.take("a").is_none());
        assert!(shares.take("b").is_some());
        drop(first);
        assert!(shares.take("a").is_some());
    }

    #[test]
    fn who_has_nothing_open_is_forgotten_and_who_has_is_not() {
        let shares = Shares::new(1);
        let _kept = shares.take("a").unwrap();
        for n in 0..100 {
            drop(shares.take(&format!("visitor-{n}")).unwrap());
        }
        assert!(shares.taken.lock().unwrap().len() <= 2);
        assert!(shares.take("a").is_none());
    }
}
