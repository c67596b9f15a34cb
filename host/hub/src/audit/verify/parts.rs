//! The records that verifying reads more of than their links, and what it remembers of lines.

use super::super::hex::{Hex, LineHash, PublicKey};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// The first record, as far as it is needed.
#[derive(Deserialize)]
pub(super) struct Begun {
    pub(super) hub: String,
    pub(super) log: Uuid,
    pub(super) version: u32,
    pub(super) key: PublicKey,
}

/// What a start says of the bytes before its record.
#[derive(Deserialize)]
pub(in super::super) struct Torn {
    pub(super) bytes: u64,
    sha256: Hex<32>,
}

impl Torn {
    /// Whether it is these bytes that it says it of.
    pub(in super::super) fn closes(&self, bytes: u64, hasher: Sha256) -> bool {
        self.bytes == bytes && hasher.finalize().as_slice() == self.sha256.0
    }
}

/// A record that no head has vouched for yet.
#[derive(Clone, Copy)]
pub(super) struct Waits {
    pub(super) seq: u64,
    pub(super) hash: LineHash,
    pub(super) end: u64,
}

/// Lines that are no records, until one says what they were.
pub(super) struct Gap {
    pub(super) line: u64,
    pub(super) bytes: u64,
    pub(super) hasher: Sha256,
    /// The last line feed, which is the closing one if a record follows.
    pub(super) feed: bool,
}
