//! The epoch's file: two slots of a page each, both there from the first start on. A write goes to the slot that is
//! not in force and needs no new room, so a disk that is full does not keep the button from being remembered; a write
//! that is cut short leaves the other slot whole, and says by its own state that there was one.

use super::kept::Kept;
use crate::data::{Draft, ours};
use crate::failpoint::failpoint;
use rustix::fs::OFlags;
use sha2::{Digest as _, Sha256};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

/// A slot is one page, so that a write of one touches nothing of the other.
const SLOT_BYTES: usize = 4096;
const SLOTS: usize = 2;
/// SHA-256 of the domain and of all that follows it.
const SUM_BYTES: usize = 32;
/// The length of the text, as 32 bits, little-endian.
const HEAD_BYTES: usize = SUM_BYTES + 4;
/// The longest text.
pub(super) const TEXT_BYTES: usize = SLOT_BYTES - HEAD_BYTES;

const DOMAIN: &[u8] = b"safeclaw epoch slot 1\0";

/// The open file, and which slot is in force.
pub(super) struct Slots {
    file: File,
    newest: usize,
    sequence: u64,
}

/// What a start finds.
pub(super) enum Found {
    /// Both slots are whole: this is the newer one.
    Whole(Kept),
    /// One slot is no slot: a write was cut short, or the disk lost it. This is the other one.
    Torn(Kept),
    /// Neither slot is one.
    Nothing,
    /// There is no such file yet.
    Missing,
}

/// Opens the file and reads it. What cannot be believed is nothing; only what cannot be opened is an error.
pub(super) fn open(path: &Path) -> io::Result<(Option<Slots>, Found)> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    match ours::open(path) {
        Ok(_) => {}
        Err(ours::NotOurs::Missing) => return Ok((None, Found::Missing)),
        Err(error) => return Err(io::Error::other(error.to_string())),
    }
    let mut file = OpenOptions::new().read(true).write(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    let found = file.metadata()?;
    // Looked at again, on the descriptor that is used.
    if !found.is_file() || found.uid() != rustix::process::geteuid().as_raw() || found.mode() & 0o077 != 0 {
        return Err(io::Error::other(format!("it is not this user's alone (mode {:o})", found.mode() & 0o7777)));
    }
    let mut bytes = Vec::new();
    Read::by_ref(&mut file).take((SLOT_BYTES * SLOTS) as u64).read_to_end(&mut bytes)?;
    // One that was cut short has no room of its own for the next write.
    bytes.resize(SLOT_BYTES * SLOTS, 0);
    let read: Vec<Option<Kept>> = bytes.chunks(SLOT_BYTES).map(decode).collect();
    let newest = match read.as_slice() {
        [Some(first), Some(second)] => usize::from(second.sequence > first.sequence),
        [None, Some(_)] => 1,
        _ => 0,
    };
    let kept = read.get(newest).cloned().flatten();
    let slots = Slots { file, newest, sequence: kept.as_ref().map_or(0, |kept| kept.sequence) };
    let found = match (kept, read.iter().all(Option::is_some)) {
        (Some(kept), true) => Found::Whole(kept),
        (Some(kept), false) => Found::Torn(kept),
        (None, _) => Found::Nothing,
    };
    Ok((Some(slots), found))
}

/// Makes the file, both slots of it.
pub(super) fn create(path: &Path, kept: &Kept) -> io::Result<Slots> {
    let mut draft = Draft::beside(path)?;
    let first = Kept { sequence: 1, ..kept.clone() };
    draft.file.write_all(&encode(&first)?)?;
    draft.file.write_all(&encode(&Kept { sequence: 0, ..first })?)?;
    draft.keep(path, 0o600)?;
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    Ok(Slots { file, newest: 0, sequence: 1 })
}

impl Slots {
    /// Writes the other slot; when this returns it survives a power loss.
    pub(super) fn write(&mut self, kept: &Kept) -> io::Result<()> {
        let sequence = self.sequence.saturating_add(1);
        let page = encode(&Kept { sequence, ..kept.clone() })?;
        let slot = (self.newest + 1) % SLOTS;
        let at = (slot * SLOT_BYTES) as u64;
        failpoint!("epoch.half", {
            drop(self.file.write_all_at(page.get(..HEAD_BYTES + 8).unwrap_or_default(), at));
        });
        self.file.write_all_at(&page, at)?;
        failpoint!("epoch.written");
        self.file.sync_data()?;
        failpoint!("epoch.synced");
        (self.newest, self.sequence) = (slot, sequence);
        Ok(())
    }

    /// Another file in the place of this one, such as one that takes nothing.
    #[cfg(test)]
    pub(super) fn divert(&mut self, to: File) -> File {
        std::mem::replace(&mut self.file, to)
    }
}

fn encode(kept: &Kept) -> io::Result<Vec<u8>> {
    let text = serde_json::to_vec(kept)?;
    let length = u32::try_from(text.len()).ok().filter(|_| text.len() <= TEXT_BYTES);
    let length = length.ok_or_else(|| io::Error::other("it is too long for its slot"))?.to_le_bytes();
    let mut page = sum(&length, &text).to_vec();
    page.extend(length);
    page.extend(text);
    page.resize(SLOT_BYTES, 0);
    Ok(page)
}

fn decode(page: &[u8]) -> Option<Kept> {
    let (wanted, rest) = page.split_first_chunk::<SUM_BYTES>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let text = rest.get(..usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    if sum(length, text) != *wanted {
        return None;
    }
    serde_json::from_slice(text).ok()
}

fn sum(length: &[u8; 4], text: &[u8]) -> [u8; SUM_BYTES] {
    Sha256::new().chain_update(DOMAIN).chain_update(length).chain_update(text).finalize().into()
}
