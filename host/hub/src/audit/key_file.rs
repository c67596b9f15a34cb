//! The key's file: the secret of the next head, and the head that was signed last. Two slots of fixed size, written in
//! place: a full disk does not stop it, and the old secret is overwritten where it lies instead of being left in blocks
//! that a rename would free.
//!
//! The order is: the log is synced up to the record; then the new slot is written, with the next secret *and* the
//! signed head in it; then the old slot is overwritten; then the head goes into the log. A hub that is killed, or a
//! machine that loses its power, between any two of these finds either the old secret, with which it signs again, or
//! the new one together with the head, which it then puts into the log. With the head first instead, a kill would
//! leave the old secret beside a head that it signed, and whoever takes the hub then could sign another in its place.

use super::head::{Head, Secret};
use super::hex::PublicKey;
use crate::api::StartError;
use crate::data::{Draft, ours};
use crate::failpoint::failpoint;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use uuid::Uuid;

const SLOT_BYTES: usize = 4096;
/// Hexadecimal digits of the sha-256 in front of a slot's text.
const SUM_DIGITS: usize = 64;

/// What the file says.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyState {
    pub(super) log: Uuid,
    /// The public key of step 0.
    pub(super) first: PublicKey,
    /// The step whose secret this is: that of the next head.
    pub(super) step: u64,
    pub(super) secret: Secret,
    /// The head of the step before, if there was one.
    pub(super) last: Option<Vouched>,
}

/// A head, and where in the log the record is that it ends with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Vouched {
    pub(super) head: Head,
    /// The record's first byte.
    pub(super) start: u64,
    /// The byte after its line feed.
    pub(super) end: u64,
}

/// The open file.
pub(super) struct KeyFile {
    file: File,
}

impl KeyState {
    /// The state after a head that ends with the record there.
    pub(super) fn after(&self, vouched: Vouched) -> Self {
        let (secret, step) = (self.secret.next(), self.step.saturating_add(1));
        Self { log: self.log, first: self.first, step, secret, last: Some(vouched) }
    }

    /// Whether the parts fit each other: a file that was put together from two is none.
    pub(super) fn is_sound(&self) -> bool {
        let public = self.secret.public();
        match &self.last {
            None => self.step == 0 && public == self.first,
            Some(Vouched { head, start, end }) => {
                head.step.checked_add(1) == Some(self.step)
                    && head.next == public
                    && head.log == self.log
                    && start < end
            }
        }
    }
}

impl KeyFile {
    /// Makes the file whole or not at all.
    pub(super) fn create(path: &Path, state: &KeyState) -> io::Result<Self> {
        let mut draft = Draft::beside(path)?;
        draft.file.write_all(&slot(state)?)?;
        draft.file.write_all(&[0; SLOT_BYTES])?;
        failpoint!("key.drafted");
        draft.keep(path, 0o600)?;
        failpoint!("key.created");
        Ok(Self { file: OpenOptions::new().read(true).write(true).open(path)? })
    }

    /// Opens it for the hub that goes on with it. A slot that a killed hub had yet to overwrite is overwritten now.
    pub(super) fn open(path: &Path) -> Result<(Self, KeyState), StartError> {
        let state = read(path)?;
        let fail = |what| move |source| StartError::Data { path: path.to_owned(), what, source };
        let file = OpenOptions::new().read(true).write(true).open(path).map_err(fail("open"))?;
        let opened = Self { file };
        opened.forget(state.step.wrapping_add(1)).map_err(fail("write"))?;
        Ok((opened, state))
    }

    /// Puts the next state in force and makes the one before unreadable; both survive a power loss, in this order.
    pub(super) fn advance(&self, state: &KeyState) -> io::Result<()> {
        let slot = slot(state)?;
        failpoint!("key.half", {
            let half = slot.get(..SLOT_BYTES / 16).unwrap_or_default();
            drop(self.file.write_all_at(half, offset(state.step)))
        });
        self.file.write_all_at(&slot, offset(state.step))?;
        failpoint!("key.written");
        self.file.sync_data()?;
        failpoint!("key.synced");
        self.forget(state.step.wrapping_add(1))?;
        failpoint!("key.forgotten");
        Ok(())
    }

    fn forget(&self, step: u64) -> io::Result<()> {
        self.file.write_all_at(&[0; SLOT_BYTES], offset(step))?;
        self.file.sync_data()
    }
}

/// The newest state in the file. A hub may be writing it meanwhile.
pub(super) fn read(path: &Path) -> Result<KeyState, StartError> {
    let damaged = |what: String| StartError::Damaged { path: path.to_owned(), what };
    let bytes = ours::read(path, 2 * SLOT_BYTES as u64).map_err(|error| damaged(format!("it {error}")))?;
    newest(&bytes).ok_or_else(|| {
        let remedy = "`safeclaw audit verify` says how far the log can be believed without it; to begin another \
                      log, move audit.jsonl, audit.key and audit.pub elsewhere";
        damaged(format!("no secret of the audit log's heads can be read from it: {remedy}"))
    })
}

/// The newest state in these bytes, if any is whole.
pub(super) fn newest(bytes: &[u8]) -> Option<KeyState> {
    let slots = bytes.chunks(SLOT_BYTES).filter_map(parse);
    slots.filter(KeyState::is_sound).max_by_key(|state| state.step)
}

fn offset(step: u64) -> u64 {
    (step % 2) * SLOT_BYTES as u64
}

pub(super) fn slot(state: &KeyState) -> io::Result<Vec<u8>> {
    let text = serde_json::to_vec(state)?;
    let mut slot = hex::encode(Sha256::digest(&text)).into_bytes();
    slot.extend_from_slice(&text);
    if slot.len() >= SLOT_BYTES {
        return Err(io::Error::other("the state of the audit log's key does not fit into its slot"));
    }
    slot.resize(SLOT_BYTES, 0);
    Ok(slot)
}

fn parse(slot: &[u8]) -> Option<KeyState> {
    let (sum, text) = slot.split_at_checked(SUM_DIGITS)?;
    let length = text.iter().position(|byte| *byte == 0)?;
    let text = text.get(..length)?;
    (hex::encode(Sha256::digest(text)).as_bytes() == sum).then(|| serde_json::from_slice(text).ok())?
}
