//! The files of a log, and when it does what.

use super::room::LEAST_FREE_BYTES;
use crate::data::DataDir;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A head vouches for about so many records: what one takes over a busy hub can still change.
const RECORDS_A_HEAD: u64 = 512;
/// A record is unsigned for about so long.
const HEAD_WITHIN: Duration = Duration::from_secs(1);

/// The files of a log.
#[derive(Debug, Clone)]
pub struct Place {
    /// The records.
    pub log: PathBuf,
    /// The secret of the next head; the hub's alone.
    pub key: PathBuf,
    /// The first public key, for whoever verifies.
    pub public: PathBuf,
    /// What is given up when the disk is full.
    pub reserve: PathBuf,
    /// The key of the arguments' digests; the hub's alone.
    pub arguments: PathBuf,
}

/// When heads are signed, and when the disk counts as full.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settings {
    pub(super) records_a_head: u64,
    pub(super) head_within: Duration,
    pub(super) least_free_bytes: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { records_a_head: RECORDS_A_HEAD, head_within: HEAD_WITHIN, least_free_bytes: LEAST_FREE_BYTES }
    }
}

impl Place {
    /// In the data directory of a hub.
    #[must_use]
    pub fn in_directory(data: &Path) -> Self {
        let file = |name: &str| data.join(name);
        Self {
            log: file("audit.jsonl"),
            key: file("audit.key"),
            public: file("audit.pub"),
            reserve: file("audit.reserve"),
            arguments: file("arguments.key"),
        }
    }

    pub(crate) fn of(data: &DataDir) -> Self {
        Self::in_directory(data.root())
    }
}
