//! What the handles of the log and its threads have in common: the chain under its lock, and every reason why nothing
//! may be begun.

use super::chain::{Chain, Counted};
use super::copies::Copies;
use super::place::{Place, Settings};
use super::record::{Entry, Record};
use super::room::{Room, is_want_of_room};
use super::signer::Ask;
use crate::metrics::AuditMetrics;
use jiff::Timestamp;
use std::io;
use std::iter::once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Records that no head vouches for. A signer that hangs is a disk that hangs, and bounds what one that lies about
/// being dead could hide; verifying holds the hashes of twice as many.
pub(super) const MOST_UNSIGNED: u64 = 1 << 18;

/// Why a record is not in the log. What it would have recorded must then not happen.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum AuditError {
    #[error("the audit log cannot be written: {0}")]
    Write(String),
    #[error(
        "the disk of the audit log has {free_bytes} bytes free, and calls go on at {least_free_bytes}: make room on \
         the file system of the data directory"
    )]
    Full { free_bytes: u64, least_free_bytes: u64 },
    #[error("no head of the audit log can be signed: {0}")]
    Unsigned(String),
}

/// What the log's threads share with whoever writes.
pub(super) struct Shared {
    pub(super) place: Place,
    pub(super) chain: Mutex<Chain>,
    pub(super) room: Room,
    pub(super) copies: Option<Copies>,
    pub(super) settings: Settings,
    /// Why no head could be signed.
    pub(super) unsigned: Mutex<Option<String>>,
    /// The signer has been told that it is time.
    pub(super) due: AtomicBool,
    /// Who else fills the disk.
    pub(super) neighbours: Mutex<Vec<String>>,
    pub(super) metrics: Arc<AuditMetrics>,
}

impl Shared {
    pub(super) fn chain(&self) -> MutexGuard<'_, Chain> {
        self.chain.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why nothing may be begun, if so.
    pub(super) fn refusal(&self) -> Option<AuditError> {
        let unsigned = || {
            let why = self.unsigned.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
            Some(AuditError::Unsigned(why))
        };
        self.room.refusal().or_else(unsigned)
    }

    /// One record. On a disk that is full, only what ends something, into what the reserve had taken.
    pub(super) fn append(&self, chain: &mut Chain, body: &[u8], ends: bool) -> Result<(), AuditError> {
        if !ends && chain.tip.seq.saturating_sub(chain.vouched) > MOST_UNSIGNED {
            return Err(AuditError::Unsigned(format!("{MOST_UNSIGNED} records wait for one")));
        }
        let mut result = self.append_all(chain, once(body));
        if result.as_ref().is_err_and(is_want_of_room) {
            self.room.release();
            if !ends {
                return Err(self.room.full());
            }
            result = self.append_all(chain, once(body));
        }
        result.map_err(|error| failed(&error))
    }

    /// Records in one write: all or none.
    pub(super) fn append_all<'a>(&self, chain: &mut Chain, bodies: impl Iterator<Item = &'a [u8]>) -> io::Result<()> {
        let before = chain.tip;
        chain.append(bodies, Counted::Record)?;
        let (records, bytes) = (chain.tip.seq.saturating_sub(before.seq), chain.tip.end.saturating_sub(before.end));
        self.metrics.wrote(records, bytes);
        Ok(())
    }

    /// Tells the signer when enough is unsigned, once.
    pub(super) fn wake(&self, chain: &Chain, signer: &Sender<Ask>) {
        if chain.unsigned >= self.settings.records_a_head && !self.due.swap(true, Ordering::AcqRel) {
            // A signer that is gone says so elsewhere.
            drop(signer.send(Ask::Due));
        }
    }
}

/// A record as the chain takes it.
pub(super) fn body(entry: Entry) -> Result<Vec<u8>, AuditError> {
    let record = Record { time: Timestamp::now(), entry };
    serde_json::to_vec(&record).map_err(|error| AuditError::Write(error.to_string()))
}

pub(super) fn failed(error: &io::Error) -> AuditError {
    tracing::error!(%error, "calls are denied until the audit log can be written");
    AuditError::Write(error.to_string())
}
