//! Containers that should not be: those of a dead hub of the same id, those that the engine made when nobody
//! waited for them any more, and those that it did not remove when it was told.

use super::EngineLauncher;
use crate::launcher::{LauncherError, Leftovers};
use crate::message::{ContainerName, EventKind, Listed};
use futures_util::{StreamExt as _, stream};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};

/// Removed at once.
const AT_ONCE: usize = 4;
/// The same when a hub has gone: nobody is kept waiting for the engine.
const ALL_AT_ONCE: usize = 16;
/// Between two looks.
const STEP: Duration = Duration::from_millis(20);

impl EngineLauncher {
    pub(in crate::launcher) async fn remove_leftovers(
        self: &Arc<Self>,
        patience: Duration,
    ) -> Result<Leftovers, LauncherError> {
        let deadline = Instant::now() + patience;
        let listed = self.list().await?;
        self.forget_lingering(&listed);
        let end = |name: ContainerName| async move {
            if self.under_way.ends(&name) {
                return (name.clone(), Err(LauncherError::Lingers(name)));
            }
            match timeout_at(deadline, self.kill(&name)).await {
                Ok(ended) => (name, ended),
                Err(_) => (name.clone(), Err(LauncherError::Lingers(name))),
            }
        };
        let mut ends = stream::iter(self.leftovers(listed)).map(end).buffer_unordered(AT_ONCE);
        let mut leftovers = Leftovers::default();
        while let Some((name, ended)) = ends.next().await {
            match ended {
                Ok(()) => leftovers.removed.push(name),
                Err(error) => leftovers.left.push((name, error)),
            }
        }
        Ok(leftovers)
    }

    /// Ends everything that was made here: what stands, what is being made, what is being ended.
    pub(in crate::launcher) async fn end_all(self: &Arc<Self>, patience: Duration) -> usize {
        let deadline = Instant::now() + patience;
        loop {
            let names: Vec<_> = self.wards.lock().keys().cloned().collect();
            let end = |name: ContainerName| async move {
                if let Err(error) = self.kill(&name).await {
                    tracing::warn!(container = %name, %error, "a container may be left over");
                }
            };
            let ends = stream::iter(names).map(end).buffer_unordered(ALL_AT_ONCE).collect::<Vec<()>>();
            let over = timeout_at(deadline, ends).await.is_err();
            let left = self.wards.lock().len() + self.under_way.count();
            if left == 0 || over || Instant::now() > deadline {
                return left;
            }
            sleep(STEP).await;
        }
    }

    /// Those that this launcher does not know, and those that it has tried to remove.
    fn leftovers(&self, listed: Vec<Listed>) -> Vec<ContainerName> {
        // In this order: what was being made is known, or was given up, by the time that it no longer is.
        let making = self.under_way.made();
        let known = self.wards.lock();
        let unowned = |name: &ContainerName| known.get(name).is_none_or(|ward| ward.more.lingers);
        listed
            .into_iter()
            .map(|listed| listed.container)
            .filter(|name| !making.contains(name) && unowned(name))
            .collect()
    }

    /// What it could not remove and the engine no longer has, is gone.
    fn forget_lingering(&self, listed: &[Listed]) {
        let there: BTreeSet<_> = listed.iter().map(|listed| &listed.container).collect();
        let lingering: Vec<_> =
            self.wards.lock().iter().filter(|(_, ward)| ward.more.lingers).map(|(name, _)| name.clone()).collect();
        for name in lingering.iter().filter(|name| !there.contains(name)) {
            self.wards.happened(name, EventKind::Removed);
        }
    }
}

/// What the engine has been asked for and has not yet answered: such a container is no leftover, or is being
/// removed already.
#[derive(Debug, Default)]
pub(super) struct UnderWay(Arc<Mutex<Books>>);

#[derive(Debug, Default)]
struct Books {
    making: BTreeSet<ContainerName>,
    /// How many are at it: a caller and the launcher itself may both be.
    ending: BTreeMap<ContainerName, usize>,
}

/// It is under way until this is dropped.
#[derive(Debug)]
pub(super) struct Entry {
    books: Arc<Mutex<Books>>,
    name: ContainerName,
    what: What,
}

#[derive(Debug, Clone, Copy)]
enum What {
    Making,
    Ending,
}

impl UnderWay {
    pub(super) fn make(&self, name: &ContainerName) -> Entry {
        lock(&self.0).making.insert(name.clone());
        Entry { books: Arc::clone(&self.0), name: name.clone(), what: What::Making }
    }

    pub(super) fn end(&self, name: &ContainerName) -> Entry {
        *lock(&self.0).ending.entry(name.clone()).or_default() += 1;
        Entry { books: Arc::clone(&self.0), name: name.clone(), what: What::Ending }
    }

    fn made(&self) -> BTreeSet<ContainerName> {
        lock(&self.0).making.clone()
    }

    /// How many are.
    fn count(&self) -> usize {
        let books = lock(&self.0);
        books.making.len() + books.ending.len()
    }

    fn ends(&self, name: &ContainerName) -> bool {
        lock(&self.0).ending.contains_key(name)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut books = lock(&self.books);
        match self.what {
            What::Making => drop(books.making.remove(&self.name)),
            What::Ending => {
                let at_it = books.ending.get(&self.name).copied().unwrap_or_default();
                if at_it > 1 {
                    books.ending.insert(self.name.clone(), at_it - 1);
                } else {
                    books.ending.remove(&self.name);
                }
            }
        }
    }
}

fn lock(books: &Mutex<Books>) -> MutexGuard<'_, Books> {
    // Nothing that can panic runs under this lock.
    books.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_ends_of_one_container_are_over_when_both_are() {
        let under_way = UnderWay::default();
        let name = ContainerName("one".into());
        let making = under_way.make(&name);
        assert!(under_way.made().contains(&name));
        drop(making);
        assert!(under_way.made().is_empty());

        let (first, second) = (under_way.end(&name), under_way.end(&name));
        drop(first);
        assert!(under_way.ends(&name));
        drop(second);
        assert!(!under_way.ends(&name));
    }
}
