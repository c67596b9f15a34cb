//! Verifying a log: from its first line to its last, with a public key and without a hub. It holds the hashes of what
//! no head vouches for yet, and nothing else of what it has read.

mod fault;
mod files;

pub use fault::{Fault, What};
pub use files::{Expected, ExpectedError, VerifyError, directory, files, public};

use super::chain::BEFORE_THE_FIRST;
use super::head::Head;
use super::hex::{Hex, LineHash, PublicKey};
use super::key_file::KeyState;
use super::lines::{Ending, Line, Lines, Links, hash};
use super::log::MOST_UNSIGNED;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeSet, VecDeque};
use std::io::{self, BufRead};
use uuid::Uuid;

/// Faults that are told. One change can break what follows it in many places.
const FAULTS: usize = 20;
/// Hashes that wait for a head; a hub waits before it has so many.
#[expect(clippy::cast_possible_truncation, reason = "a constant that is known to fit")]
const WAITING: usize = 2 * MOST_UNSIGNED as usize;

/// What a log is held against.
#[derive(Clone, Default)]
pub(super) struct Against {
    /// The first public key; without it, the one that the log itself names.
    pub(super) key: Option<PublicKey>,
    /// The hub's key file, as it was before the log was read.
    pub(super) state: Option<KeyState>,
    /// Heads and records that somebody kept elsewhere.
    pub(super) expected: BTreeSet<Expected>,
}

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

/// The first record, as far as it is needed.
#[derive(Deserialize)]
struct Begun {
    hub: String,
    log: Uuid,
    version: u32,
    key: PublicKey,
}

/// What a start says of the bytes before its record.
#[derive(Deserialize)]
pub(super) struct Torn {
    bytes: u64,
    sha256: Hex<32>,
}

impl Torn {
    /// Whether it is these bytes that it says it of.
    pub(super) fn closes(&self, bytes: u64, hasher: Sha256) -> bool {
        self.bytes == bytes && hasher.finalize().as_slice() == self.sha256.0
    }
}

/// A record that no head has vouched for yet.
#[derive(Clone, Copy)]
struct Waits {
    seq: u64,
    hash: LineHash,
    end: u64,
}

/// Lines that are no records, until one says what they were.
struct Gap {
    line: u64,
    bytes: u64,
    hasher: Sha256,
    /// The last line feed, which is the closing one if a record follows.
    feed: bool,
}

struct Verifier<'a> {
    against: &'a Against,
    report: Report,
    /// The next record's number, and what it must repeat.
    seq: u64,
    last: LineHash,
    /// The next head's step and key.
    step: u64,
    key: Option<PublicKey>,
    waiting: VecDeque<Waits>,
    gap: Option<Gap>,
    /// The last head that was believed.
    believed: Option<Head>,
    /// What is yet to come of what somebody kept.
    expected: BTreeSet<Expected>,
}

/// Reads a log to its end.
pub(super) fn verify(log: impl BufRead, against: &Against) -> io::Result<Report> {
    let mut verifier = Verifier::new(against);
    let mut lines = Lines::from(log, 1, 0);
    while let Some(line) = lines.read()? {
        verifier.line(&line);
    }
    Ok(verifier.finish())
}

impl<'a> Verifier<'a> {
    fn new(against: &'a Against) -> Self {
        let report = Report {
            log: None,
            hub: None,
            key: against.key,
            key_is_its_own_word: against.key.is_none(),
            with_key_file: against.state.is_some(),
            lines: 0,
            records: 0,
            vouched: None,
            unsigned: 0,
            torn: 0,
            torn_tail_bytes: 0,
            head_in_key_file: false,
            faults: Vec::new(),
            more_faults: 0,
        };
        Self {
            against,
            report,
            seq: 0,
            last: BEFORE_THE_FIRST,
            step: 0,
            key: against.key,
            waiting: VecDeque::new(),
            gap: None,
            believed: None,
            expected: against.expected.clone(),
        }
    }

    fn line(&mut self, line: &Line<'_>) {
        self.report.lines += 1;
        match line.ending {
            Ending::Torn => return self.report.torn_tail_bytes = line.end.saturating_sub(line.start),
            Ending::TooLong => return self.fault(line.number, What::TooLong),
            Ending::Whole => {}
        }
        let Some(links) = Links::of(line.bytes) else { return self.no_record(line) };
        let found = hash(line.bytes);
        self.links(line, &links);
        match links.event.as_ref() {
            "log_begun" => self.begun(line),
            "log_torn" => self.torn(line),
            "head" => self.head(line),
            _ => self.close_gap(),
        }
        self.expect(line.number, links.seq, found);
        self.report.records += 1;
        self.seq = links.seq.saturating_add(1);
        self.last = found;
        if self.waiting.len() == WAITING {
            self.fault(line.number, What::NoHead);
            self.waiting.clear();
        }
        self.waiting.push_back(Waits { seq: links.seq, hash: found, end: line.end });
    }

    /// It follows what was before it, or one of the two is wrong.
    fn links(&mut self, line: &Line<'_>, links: &Links<'_>) {
        let expected = self.seq;
        let what = match links.seq {
            seq if seq == expected && links.prev == self.last => return,
            seq if seq == expected => What::Changed { before: line.number.saturating_sub(1) },
            seq if seq > expected => What::Removed { count: seq - expected, from: expected },
            seq => What::OutOfOrder { seq, expected },
        };
        self.fault(line.number, what);
    }

    fn begun(&mut self, line: &Line<'_>) {
        self.close_gap();
        let Ok(begun) = serde_json::from_slice::<Begun>(line.bytes) else {
            return self.fault(line.number, What::NotAsWritten);
        };
        if self.report.log.is_some() || line.number != 1 {
            return self.fault(line.number, What::AnotherLog);
        }
        if begun.version != 1 {
            return self.fault(line.number, What::Version(begun.version));
        }
        match self.key {
            Some(key) if key != begun.key => self.fault(line.number, What::AnotherKey),
            Some(_) => {}
            None => {
                self.key = Some(begun.key);
                self.report.key = Some(begun.key);
            }
        }
        self.report.log = Some(begun.log);
        self.report.hub = Some(begun.hub);
    }

    fn no_record(&mut self, line: &Line<'_>) {
        let gap =
            self.gap.get_or_insert_with(|| Gap { line: line.number, bytes: 0, hasher: Sha256::new(), feed: false });
        if gap.feed {
            gap.bytes += 1;
            gap.hasher.update(b"\n");
        }
        gap.bytes += line.bytes.len() as u64;
        gap.hasher.update(line.bytes);
        gap.feed = true;
    }

    fn torn(&mut self, line: &Line<'_>) {
        let Ok(torn) = serde_json::from_slice::<Torn>(line.bytes) else {
            self.close_gap();
            return self.fault(line.number, What::NotAsWritten);
        };
        match self.gap.take() {
            Some(gap) if torn.closes(gap.bytes, gap.hasher.clone()) => self.report.torn += 1,
            // The line before had only its line feed to come: nothing was lost.
            None if torn.bytes == 0 => self.report.torn += 1,
            Some(gap) => self.fault(gap.line, What::NoRecord),
            None => self.fault(line.number, What::TornAndGone { bytes: torn.bytes }),
        }
    }

    fn close_gap(&mut self) {
        if let Some(gap) = self.gap.take() {
            self.fault(gap.line, What::NoRecord);
        }
    }

    fn head(&mut self, line: &Line<'_>) {
        self.close_gap();
        let Ok(head) = serde_json::from_slice::<Head>(line.bytes) else {
            return self.fault(line.number, What::NotAsWritten);
        };
        if let Err(what) = self.vouch(&head, Some(line.number)) {
            self.fault(line.number, what);
        }
    }

    /// Believes a head, if it is the next one.
    fn vouch(&mut self, head: &Head, line: Option<u64>) -> Result<(), What> {
        if Some(head.log) != self.report.log {
            return Err(What::AnotherLog);
        }
        if head.step != self.step {
            return Err(What::Step { step: head.step, expected: self.step });
        }
        if !self.key.is_some_and(|key| head.is_signed_by(&key)) {
            return Err(What::Forged { step: head.step });
        }
        // The key was there to sign it, whatever it signed: the next head has the next key.
        self.step = self.step.saturating_add(1);
        self.key = Some(head.next);
        self.believed = Some(head.clone());
        while self.waiting.front().is_some_and(|waits| waits.seq < head.upto) {
            self.waiting.pop_front();
        }
        let found = self.waiting.front().filter(|waits| waits.seq == head.upto && waits.hash == head.hash).copied();
        let Some(found) = found else { return Err(What::OtherRecords { upto: head.upto }) };
        if self.report.faults.is_empty() {
            let (step, seq, hash, end) = (head.step, head.upto, head.hash, found.end);
            self.report.vouched = Some(Vouched { step, seq, hash, line, end });
        }
        Ok(())
    }

    /// Holds a record against what somebody kept of it.
    fn expect(&mut self, line: u64, seq: u64, found: LineHash) {
        while let Some(expected) = self.expected.first().filter(|expected| expected.seq == seq).copied() {
            self.expected.remove(&expected);
            if expected.hash != found {
                self.fault(line, What::NotAsExpected { seq });
            }
        }
    }

    fn finish(mut self) -> Report {
        match self.gap.take() {
            // A hub that was killed while it closed what another one had left.
            Some(gap) if self.report.torn_tail_bytes > 0 => self.report.torn_tail_bytes += gap.bytes + 1,
            Some(gap) => self.fault(gap.line, What::NoRecord),
            None => {}
        }
        let end = self.report.lines;
        if self.report.log.is_none() && self.report.faults.is_empty() {
            self.fault(end.max(1), What::NoBeginning);
        }
        for expected in std::mem::take(&mut self.expected) {
            self.fault(end, What::CutOff { seq: expected.seq });
        }
        if let Some(state) = &self.against.state {
            self.key_file(state, end);
        }
        let signed = self.report.vouched.map_or(0, |vouched| vouched.seq.saturating_add(1));
        self.report.unsigned = self.seq.saturating_sub(signed);
        self.report
    }

    /// The key file holds the last head: a log that ends before it was cut.
    fn key_file(&mut self, state: &KeyState, end: u64) {
        if Some(state.log) != self.report.log || self.report.key != Some(state.first) {
            return self.fault(end, What::KeyOfAnother);
        }
        match &state.last {
            Some(last) if last.head.step > self.step => {
                return self.fault(end, What::CutOff { seq: last.head.upto });
            }
            // The hub was killed, or is at it, between its key and its log.
            Some(last) if last.head.step == self.step => match self.vouch(&last.head, None) {
                Ok(()) => self.report.head_in_key_file = true,
                Err(What::OtherRecords { upto }) => return self.fault(end, What::CutOff { seq: upto }),
                Err(what) => return self.fault(end, what),
            },
            Some(last) if last.head.step + 1 == self.step && self.believed.as_ref() != Some(&last.head) => {
                return self.fault(end, What::KeyOfAnother);
            }
            // It was read before the log, and a hub that is at work can only have gone on.
            Some(_) | None => {}
        }
        // Its secret is the one that the last head names the key of, or one on the way there.
        let mut secret = state.secret.clone();
        (state.step..self.step).for_each(|_| secret = secret.next());
        if Some(secret.public()) != self.key {
            self.fault(end, What::KeyOfAnother);
        }
    }

    fn fault(&mut self, line: u64, what: What) {
        let report = &mut self.report;
        if report.faults.len() < FAULTS {
            report.faults.push(Fault { line, what });
        } else {
            report.more_faults += 1;
        }
    }
}
