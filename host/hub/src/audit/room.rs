//! Room for the log. Whoever fills its disk must not be able to act unrecorded, and must not make the hub forget what
//! it has begun: calls are denied while there is still room, and a reserve is kept for the ends of those that run.

use super::AuditError;
use crate::failpoint::failpoint;
use rustix::fs::{FallocateFlags, fallocate, fstatvfs};
use rustix::io::Errno;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// The reserve: the ends of some thousand calls.
pub(super) const RESERVE_BYTES: u64 = 1 << 20;
/// With less than this free, nothing new is begun.
pub(super) const LEAST_FREE_BYTES: u64 = 64 << 20;

const ENOUGH: u8 = 0;
const LOW: u8 = 1;
const FULL: u8 = 2;

/// What is known of the disk.
pub(super) struct Room {
    /// The log, to ask its file system.
    log: File,
    reserve: File,
    state: AtomicU8,
    free_bytes: AtomicU64,
    least_free_bytes: u64,
}

/// What has become of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nothing new is begun from here on.
    Full { free_bytes: u64 },
    /// There is room again, and a reserve.
    Writable { free_bytes: u64 },
}

impl Room {
    /// Makes the reserve, if it is not there yet.
    pub(super) fn open(reserve: &Path, log: File, least_free_bytes: u64) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(reserve)?;
        let room = Self {
            log,
            reserve: file,
            state: AtomicU8::new(ENOUGH),
            free_bytes: AtomicU64::new(u64::MAX),
            least_free_bytes,
        };
        // One that a killed hub gave up comes back as soon as there is room.
        if room.fill().is_err() {
            room.state.store(FULL, Ordering::Release);
        }
        room.look();
        Ok(room)
    }

    /// Why nothing may be begun, if so.
    pub(super) fn refusal(&self) -> Option<AuditError> {
        (self.state.load(Ordering::Acquire) != ENOUGH).then(|| self.full())
    }

    /// In words.
    pub(super) fn full(&self) -> AuditError {
        AuditError::Full { free_bytes: self.free_bytes.load(Ordering::Relaxed), least_free_bytes: self.wanted() }
    }

    /// Gives the reserve up: what it took is free for the ends of what runs.
    pub(super) fn release(&self) {
        self.state.store(FULL, Ordering::Release);
        if let Err(error) = self.reserve.set_len(0) {
            tracing::error!(%error, "the reserve of the audit log cannot be released");
        }
        failpoint!("room.released");
    }

    /// Asks the file system how much is free. Says so when that changes what may be begun.
    pub(super) fn look(&self) -> Option<Turn> {
        let free_bytes = match fstatvfs(&self.log) {
            Ok(found) => found.f_bavail.saturating_mul(found.f_frsize),
            Err(error) => {
                tracing::warn!(%error, "the free space for the audit log is unknown");
                return None;
            }
        };
        self.seen(free_bytes)
    }

    pub(super) fn seen(&self, free_bytes: u64) -> Option<Turn> {
        self.free_bytes.store(free_bytes, Ordering::Relaxed);
        match self.state.load(Ordering::Acquire) {
            ENOUGH if free_bytes < self.least_free_bytes => {
                self.state.store(LOW, Ordering::Release);
                Some(Turn::Full { free_bytes })
            }
            // More than the least, so that it does not turn back at once.
            LOW | FULL if free_bytes >= self.wanted() && self.fill().is_ok() => {
                failpoint!("room.filled");
                self.state.store(ENOUGH, Ordering::Release);
                Some(Turn::Writable { free_bytes })
            }
            _ => None,
        }
    }

    fn wanted(&self) -> u64 {
        self.least_free_bytes.saturating_add(RESERVE_BYTES)
    }

    /// Blocks that are ours, not a length: a hole in a file is no reserve.
    fn fill(&self) -> io::Result<()> {
        match fallocate(&self.reserve, FallocateFlags::empty(), 0, RESERVE_BYTES) {
            Err(Errno::OPNOTSUPP) => {
                (&self.reserve).write_all(&vec![0; usize::try_from(RESERVE_BYTES).unwrap_or_default()])
            }
            other => other.map_err(io::Error::from),
        }
    }
}

/// Whether a write failed for want of room.
pub(super) fn is_want_of_room(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::NOSPC | Errno::DQUOT))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn it_turns_once_each_way_and_the_reserve_has_blocks_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("reserve");
        let room = Room::open(&path, File::open(dir.path()).unwrap(), 1000).unwrap();
        let blocks = || path.metadata().unwrap().blocks() * 512;
        assert!(blocks() >= RESERVE_BYTES, "{}", blocks());
        assert!(room.refusal().is_none());
        assert_eq!(room.seen(1000), None);
        assert_eq!(room.seen(999), Some(Turn::Full { free_bytes: 999 }));
        assert_eq!(room.seen(998), None);
        let said = room.refusal().unwrap().to_string();
        assert!(said.contains("998 bytes free") && said.contains("1049576"), "{said}");
        assert_eq!(room.seen(1000 + RESERVE_BYTES - 1), None);
        assert_eq!(room.seen(1000 + RESERVE_BYTES), Some(Turn::Writable { free_bytes: 1000 + RESERVE_BYTES }));
        assert!(room.refusal().is_none());
        room.release();
        assert_eq!(blocks(), 0);
        assert!(room.refusal().is_some());
        assert_eq!(room.seen(u64::MAX), Some(Turn::Writable { free_bytes: u64::MAX }));
        assert!(blocks() >= RESERVE_BYTES);
    }
}
