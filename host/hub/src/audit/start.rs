//! How a hub takes up its log: where the last head left it, with what a killed hub left open closed by a record.

use super::chain::{Chain, Counted, Tip};
use super::head::{Head, Secret};
use super::hex::Hex;
use super::key_file::{self, KeyFile, KeyState, Vouched};
use super::lines::{Ending, LINE_BYTES, Lines, Links, hash};
use super::log::body;
use super::record::Entry;
use super::room::LEAST_FREE_BYTES;
use super::verify::Torn;
use crate::api::StartError;
use crate::data::ours::{self, NotOurs};
use crate::data::{self, DataDir};
use crate::failpoint::failpoint;
use rustix::fs::OFlags;
use sha2::{Digest as _, Sha256};
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Seek, SeekFrom};
use std::iter::once;
use std::os::unix::fs::{FileExt, FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;
use uuid::Uuid;

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

/// A log that can be written.
pub(super) struct Started {
    pub(super) chain: Chain,
    pub(super) key: KeyFile,
    pub(super) state: KeyState,
    /// The last head, if it is not in the log yet.
    pub(super) pending: Option<Head>,
}

/// What was found behind the last head.
struct Found {
    tip: Tip,
    /// Whether the last head itself is there.
    published: bool,
    /// Whether the last record lacks its line feed.
    unfed: bool,
    /// What is behind the last whole record.
    torn: Vec<u8>,
}

pub(super) fn start(place: &Place, hub: &str) -> Result<Started, StartError> {
    let fail = |what| move |source| StartError::Data { path: place.log.clone(), what, source };
    let file = open(&place.log).map_err(fail("open"))?;
    let length = file.metadata().map_err(fail("read"))?.len();
    let (key, state) = match place.key.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => (make(place, length)?, None),
        _ => KeyFile::open(&place.key).map(|(key, state)| (key, Some(state)))?,
    };
    let state = match state {
        Some(state) => state,
        None => key_file::read(&place.key)?,
    };
    publish(place, &state)?;
    failpoint!("start.key_ready");
    let Found { tip, published, unfed, torn } = find(place, &file, &state, length)?;
    let vouched = state.last.as_ref().map_or(0, |last| last.head.upto.saturating_add(1));
    let mut chain = Chain::at(file, tip, vouched);
    if tip == Tip::EMPTY {
        begin(place, &mut chain, &state, hub, &torn)?;
    } else if unfed || !torn.is_empty() {
        close(place, &mut chain, &torn)?;
    }
    let pending = state.last.as_ref().filter(|_| !published).map(|last| last.head.clone());
    Ok(Started { chain, key, state, pending })
}

/// The first line.
fn begin(place: &Place, chain: &mut Chain, state: &KeyState, hub: &str, torn: &[u8]) -> Result<(), StartError> {
    let fail = |source| StartError::Data { path: place.log.clone(), what: "begin", source };
    if torn.contains(&b'\n') {
        let what = "it does not begin as a log does: move it elsewhere to begin another one".to_owned();
        return Err(StartError::Damaged { path: place.log.clone(), what });
    }
    // Nothing was promised of the first line before it was whole.
    chain.file.set_len(0).map_err(fail)?;
    let begun = Entry::LogBegun { hub: hub.to_owned(), log: state.log, version: 1, key: state.first };
    append(place, chain, b"", begun)?;
    failpoint!("start.begun");
    chain.file.sync_data().map_err(fail)
}

/// Ends the line that a killed hub had begun, and says what of it is no record, so that nobody takes it for one that
/// was changed.
fn close(place: &Place, chain: &mut Chain, torn: &[u8]) -> Result<(), StartError> {
    let (closing, bytes): (&[u8], &[u8]) = match torn.strip_suffix(b"\n") {
        Some(bytes) => (b"", bytes),
        None => (b"\n", torn),
    };
    let entry = Entry::LogTorn { bytes: bytes.len() as u64, sha256: Hex(Sha256::digest(bytes).into()) };
    chain.tip.end = chain.tip.end.saturating_add(torn.len() as u64);
    append(place, chain, closing, entry)?;
    failpoint!("start.closed");
    Ok(())
}

/// Nothing is waited for: a FIFO in its place would hold every call. A link is followed, so that the log can have a
/// file system of its own.
fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().create(true).append(true).read(true).mode(0o600).custom_flags(flags).open(path)?;
    let kind = file.metadata()?.file_type();
    if kind.is_fifo() {
        // Nobody keeps what is written, and when nobody reads it every call waits.
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is a FIFO: put a file in its place"));
    }
    if !kind.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no file: put one in its place"));
    }
    Ok(file)
}

/// A key for a log that has nothing in it. A log without its key was begun by somebody else, or lost it.
fn make(place: &Place, length: u64) -> Result<KeyFile, StartError> {
    if length > 0 {
        let what = format!(
            "it has records and {} is missing: put that back, or move this log elsewhere to begin another one",
            place.key.display()
        );
        return Err(StartError::Damaged { path: place.log.clone(), what });
    }
    let fail = |what| move |source| StartError::Data { path: place.key.clone(), what, source };
    let secret = Secret::random().map_err(io::Error::from).map_err(fail("make"))?;
    failpoint!("start.empty");
    let state = KeyState { log: Uuid::new_v4(), first: secret.public(), step: 0, secret, last: None };
    KeyFile::create(&place.key, &state).map_err(fail("make"))
}

/// Keeps the first public key where everybody who verifies looks for it.
fn publish(place: &Place, state: &KeyState) -> Result<(), StartError> {
    let text = format!("{}\n", state.first);
    let damaged = |what: String| StartError::Damaged { path: place.public.clone(), what };
    match ours::read(&place.public, 1024) {
        Ok(found) if found == text.as_bytes() => Ok(()),
        Ok(_) => Err(damaged("it is not the first key of this log: put that one back, or remove the file".to_owned())),
        Err(NotOurs::Missing) => data::write_atomic(&place.public, text.as_bytes(), 0o644)
            .map_err(|source| StartError::Data { path: place.public.clone(), what: "write", source }),
        Err(error) => Err(damaged(format!("it {error}"))),
    }
}

/// Follows the chain from the last head to the end. All before was verified when it was signed.
fn find(place: &Place, file: &File, state: &KeyState, length: u64) -> Result<Found, StartError> {
    let fail = |source| StartError::Data { path: place.log.clone(), what: "read", source };
    let damaged = |what: String| {
        let remedy = "`safeclaw audit verify` says more; to begin another log, move audit.jsonl, audit.key and \
                      audit.pub elsewhere";
        StartError::Damaged { path: place.log.clone(), what: format!("{what}. {remedy}") }
    };
    let mut found = Found { tip: Tip::EMPTY, published: false, unfed: false, torn: Vec::new() };
    if let Some(Vouched { head, start, end }) = &state.last {
        let vouched = record_at(file, *start, *end, length).map_err(fail)?;
        if vouched.is_none_or(|line| hash(&line) != head.hash) {
            return Err(damaged(format!(
                "its key vouches for record {}, which is not where it was: the log was cut back or changed",
                head.upto
            )));
        }
        found.tip = Tip { seq: head.upto.saturating_add(1), hash: head.hash, start: *start, end: *end };
    }
    let mut reader = BufReader::new(file.try_clone().map_err(fail)?);
    reader.seek(SeekFrom::Start(found.tip.end)).map_err(fail)?;
    let mut lines = Lines::from(reader, 1, found.tip.end);
    while let Some(line) = lines.read().map_err(fail)? {
        let links = Links::of(line.bytes);
        let follows = links.as_ref().is_some_and(|links| {
            let continues = links.seq == found.tip.seq && links.prev == found.tip.hash;
            continues && (found.torn.is_empty() || closes(&found.torn, line.bytes))
        });
        if follows && line.ending != Ending::TooLong {
            // Without its line feed it is whole all the same, and can have been answered.
            found.unfed = line.ending == Ending::Torn;
            found.published |= is_head(state, line.bytes);
            found.torn.clear();
            let (hash, seq) = (hash(line.bytes), found.tip.seq.saturating_add(1));
            found.tip = Tip { seq, hash, start: line.start, end: line.end };
            continue;
        }
        let written = line.ending == Ending::Whole && links.is_some();
        if written || line.ending == Ending::TooLong || found.torn.len() > LINE_BYTES {
            let last = found.tip.seq.saturating_sub(1);
            return Err(damaged(format!("what follows record {last} does not continue it")));
        }
        found.torn.extend_from_slice(line.bytes);
        if line.ending == Ending::Whole {
            found.torn.push(b'\n');
        }
    }
    Ok(found)
}

/// Whether this record says of these bytes that they were torn.
fn closes(torn: &[u8], line: &[u8]) -> bool {
    let bytes = torn.strip_suffix(b"\n").unwrap_or(torn);
    let said: Option<Torn> = serde_json::from_slice(line).ok();
    said.is_some_and(|said| said.closes(bytes.len() as u64, Sha256::new_with_prefix(bytes)))
}

fn is_head(state: &KeyState, line: &[u8]) -> bool {
    let head: Option<Head> = serde_json::from_slice(line).ok();
    head.is_some() && head.as_ref() == state.last.as_ref().map(|last| &last.head)
}

/// The bytes of a whole line, without its line feed.
fn record_at(file: &File, start: u64, end: u64, length: u64) -> io::Result<Option<Vec<u8>>> {
    let bytes = usize::try_from(end.saturating_sub(start)).unwrap_or(usize::MAX);
    if end > length || bytes > LINE_BYTES + 1 {
        return Ok(None);
    }
    let mut line = vec![0; bytes];
    file.read_exact_at(&mut line, start)?;
    Ok((line.pop() == Some(b'\n')).then_some(line))
}

fn append(place: &Place, chain: &mut Chain, closing: &[u8], entry: Entry) -> Result<(), StartError> {
    let fail = |source| StartError::Data { path: place.log.clone(), what: "write", source };
    let body = body(entry).map_err(|error| fail(io::Error::other(error)))?;
    chain.append_after(closing, once(body.as_slice()), Counted::Record).map_err(fail)
}
