//! Which signatures came before: a signed request is good for one use.
//!
//! A nonce is kept for as long as its signature could be used again. What outlives the process is one number, the
//! latest time of all signatures that were accepted: a hub that starts takes only later ones. So a request that was
//! caught is worth nothing after a restart either, and no table of nonces has to be believed by the next run.

use super::signature::{FRESH_S, Signed};
use crate::data::{self, ours};
use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// Nonces that are kept. Each was signed with the secret, so a stranger cannot fill the table; a service that
/// does is refused until the oldest have gone.
pub(super) const MOST: usize = 10_000;
/// The file's text is a number of at most so many characters.
const MARK_BYTES: u64 = 20;

/// Why a signature that matches is not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum NonceError {
    #[error("this request was made before: each needs a nonce of its own")]
    Replay,
    #[error("the signature is not later than the last one that was taken before the hub started; sign again")]
    BeforeStart,
    #[error("{MOST} signed requests came within ten minutes, which is the most")]
    Full,
    #[error("not done, since it cannot be recorded that the signature was used")]
    Unrecorded(#[source] io::Error),
}

/// The nonces of this run.
pub(super) struct Nonces {
    seen: Mutex<Seen>,
    mark: tokio::sync::Mutex<Mark>,
}

struct Seen {
    created: HashMap<String, i64>,
    /// What is not later than this is refused: nobody knows any more whether it came before.
    floor: i64,
}

/// The file that keeps the latest time.
pub(super) struct Mark {
    path: PathBuf,
    latest: i64,
}

impl Mark {
    /// Reads it; there is none before the first signed request.
    pub(super) fn read(path: PathBuf) -> io::Result<Self> {
        let text = match ours::read(&path, MARK_BYTES) {
            Ok(text) => text,
            Err(ours::NotOurs::Missing) => return Ok(Self { path, latest: 0 }),
            Err(error) => return Err(io::Error::other(error.to_string())),
        };
        let number = std::str::from_utf8(&text).ok().and_then(|text| text.trim_end().parse().ok());
        let latest = number.ok_or_else(|| io::Error::other("it should hold a number of seconds"))?;
        Ok(Self { path, latest })
    }
}

impl Nonces {
    pub(super) fn after(mark: Mark) -> Self {
        let seen = Seen { created: HashMap::new(), floor: mark.latest };
        Self { seen: Mutex::new(seen), mark: tokio::sync::Mutex::new(mark) }
    }

    /// Uses a signature up. When this returns it can be used no second time, not even after a power loss.
    /// `now` is Unix time in seconds.
    pub(super) async fn take(&self, signed: &Signed, now: i64) -> Result<(), NonceError> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).take(signed, now)?;
        let mut mark = self.mark.lock().await;
        if signed.created <= mark.latest {
            return Ok(());
        }
        let (path, created) = (mark.path.clone(), signed.created);
        let write = move || data::write_atomic(&path, format!("{created}\n").as_bytes(), 0o600);
        let written = tokio::task::spawn_blocking(write).await.unwrap_or_else(|lost| Err(io::Error::other(lost)));
        written.map_err(NonceError::Unrecorded)?;
        mark.latest = created;
        Ok(())
    }
}

impl Seen {
    fn take(&mut self, signed: &Signed, now: i64) -> Result<(), NonceError> {
        if signed.created <= self.floor {
            return Err(NonceError::BeforeStart);
        }
        if self.created.contains_key(&signed.nonce) {
            return Err(NonceError::Replay);
        }
        if self.created.len() >= MOST {
            self.forget(now);
        }
        if self.created.len() >= MOST {
            return Err(NonceError::Full);
        }
        self.created.insert(signed.nonce.clone(), signed.created);
        Ok(())
    }

    /// Forgets those whose time alone refuses them now. Should the clock be set back, the floor does it.
    fn forget(&mut self, now: i64) {
        let gone = |created: i64| created.saturating_add(FRESH_S) < now;
        let latest = self.created.values().copied().filter(|created| gone(*created)).max();
        self.floor = self.floor.max(latest.unwrap_or(self.floor));
        self.created.retain(|_, created| !gone(*created));
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn signed(nonce: &str, created: i64) -> Signed {
        Signed { created, nonce: nonce.to_owned(), digest: Vec::new() }
    }

    fn nonces(dir: &tempfile::TempDir) -> Nonces {
        Nonces::after(Mark::read(dir.path().join("service.mark")).unwrap())
    }

    #[tokio::test]
    async fn a_nonce_is_good_once_also_when_it_comes_twice_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let nonces = nonces(&dir);
        let request = signed("a", NOW);
        let (first, second) = tokio::join!(nonces.take(&request, NOW), nonces.take(&request, NOW));
        assert!(first.is_ok() != second.is_ok());
        assert!(matches!(nonces.take(&signed("a", NOW + 1), NOW).await, Err(NonceError::Replay)));
        nonces.take(&signed("b", NOW), NOW).await.unwrap();
    }

    #[tokio::test]
    async fn after_a_restart_only_later_signatures_are_taken() {
        let dir = tempfile::tempdir().unwrap();
        let first = nonces(&dir);
        // As from a service whose clock is ahead.
        first.take(&signed("a", NOW + 200), NOW).await.unwrap();
        first.take(&signed("b", NOW), NOW).await.unwrap();
        drop(first);
        let second = nonces(&dir);
        for request in [signed("a", NOW + 200), signed("b", NOW), signed("c", NOW + 200)] {
            assert!(matches!(second.take(&request, NOW).await, Err(NonceError::BeforeStart)));
        }
        second.take(&signed("c", NOW + 201), NOW).await.unwrap();
    }

    #[tokio::test]
    async fn a_full_table_refuses_until_the_oldest_have_gone() {
        let dir = tempfile::tempdir().unwrap();
        let nonces = nonces(&dir);
        for n in 0..MOST {
            nonces.take(&signed(&n.to_string(), NOW), NOW).await.unwrap();
        }
        assert!(matches!(nonces.take(&signed("more", NOW), NOW).await, Err(NonceError::Full)));
        assert!(matches!(nonces.take(&signed("more", NOW + 300), NOW + 300).await, Err(NonceError::Full)));
        let later = NOW + 301;
        nonces.take(&signed("more", later), later).await.unwrap();
        assert_eq!(nonces.seen.lock().unwrap().created.len(), 1);
        // The clock is set back: what was forgotten is not new again.
        assert!(matches!(nonces.take(&signed("7", NOW), NOW).await, Err(NonceError::BeforeStart)));
    }

    #[tokio::test]
    async fn what_cannot_be_recorded_is_not_done() {
        let dir = tempfile::tempdir().unwrap();
        let nonces = nonces(&dir);
        std::fs::remove_dir(dir.path()).unwrap();
        assert!(matches!(nonces.take(&signed("a", NOW), NOW).await, Err(NonceError::Unrecorded(_))));
    }

    #[test]
    fn a_damaged_mark_is_no_mark() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("service.mark");
        for text in ["", "soon", "1.5", "999999999999999999999999"] {
            data::write_atomic(&path, text.as_bytes(), 0o600).unwrap();
            assert!(Mark::read(path.clone()).is_err(), "{text:?}");
        }
        data::write_atomic(&path, b"1800000000\n", 0o600).unwrap();
        assert_eq!(Mark::read(path).unwrap().latest, NOW);
    }
}
