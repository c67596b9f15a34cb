//! What can be said of a log after all of it was read.

use super::super::hex::{LineHash, PublicKey};
use super::super::key_file::KeyState;
use super::fault::{Fault, What};
use serde::Serialize;
use uuid::Uuid;

/// What can be said of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The log's id.
    pub log: Option<Uuid>,
    /// The hub that began it.
    pub hub: Option<String>,
    /// The first public key that was used.
    pub key: Option<PublicKey>,
    /// Whether that key is only what the log says of itself.
    pub key_is_its_own_word: bool,
    /// Whether the hub's key file was there to show that nothing was cut off.
    pub with_key_file: bool,
    /// Lines.
    pub lines: u64,
    /// Records that continue each other.
    pub records: u64,
    /// The last head that can be vouched for.
    pub vouched: Option<Vouched>,
    /// Records after it, which whoever holds the hub could still change.
    pub unsigned: u64,
    /// Times that a hub died while it wrote, and the next start closed its line.
    pub torn: u64,
    /// Bytes after the last line feed: a hub died there and has not been started since, or is writing.
    pub torn_tail_bytes: u64,
    /// Whether the last head is in the hub's key file and not in the log yet.
    pub head_in_key_file: bool,
    /// What is wrong, by line.
    pub faults: Vec<Fault>,
    /// Faults that are not told.
    pub more_faults: u64,
}

/// What a head says, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Vouched {
    /// The head's number.
    pub step: u64,
    /// The record that it ends with.
    pub seq: u64,
    /// That record's hash.
    pub hash: LineHash,
    /// The line of the head, if it is in the log.
    pub line: Option<u64>,
    /// The end of the record that it ends with: the log was not changed before this byte.
    pub end: u64,
}

impl Report {
    /// The hub's key file as it is after the log was read: it goes first, so it is never behind.
    pub(in super::super) fn hold_against(&mut self, after: &KeyState) {
        let in_log = self.vouched.filter(|vouched| vouched.line.is_some());
        if in_log.is_some_and(|vouched| after.step <= vouched.step) {
            self.faults.push(Fault { line: self.lines, what: What::OldKey });
        }
    }
}
