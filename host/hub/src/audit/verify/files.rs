//! Where a log and what it is held against come from.

use super::super::head::Head;
use super::super::hex::{LineHash, PublicKey};
use super::super::key_file::{self, KeyState};
use super::super::start::Place;
use super::{Against, Fault, Report, What, verify};
use crate::api::StartError;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Read at once.
const BUFFER_BYTES: usize = 256 << 10;
/// The longest line of a file of heads.
const HEAD_BYTES: u64 = 4096;

/// Why a log could not be verified at all, which says nothing about it.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// A file cannot be read.
    #[error("{path} cannot be read")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The public key's file holds something else.
    #[error("{path} holds no public key: {source}")]
    Key {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: super::super::hex::BadHex,
    },
    /// The key file is there and says nothing.
    #[error("the hub's key file says nothing: leave it out by naming the log itself")]
    State(#[from] StartError),
}

/// A record that somebody knows from elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Expected {
    /// Its number.
    pub seq: u64,
    /// Its hash.
    pub hash: LineHash,
}

/// What is no head.
#[derive(Debug, thiserror::Error)]
pub enum ExpectedError {
    /// Neither form.
    #[error("write SEQ:HASH as `safeclaw audit verify` prints it, or the path of a file of copied heads")]
    Form,
    /// The file of heads.
    #[error("{0} is no file of copied heads: line {1} is none")]
    Line(PathBuf, usize),
    /// The file cannot be read.
    #[error("{0} cannot be read")]
    Read(PathBuf, #[source] io::Error),
}

impl FromStr for Expected {
    type Err = ExpectedError;

    fn from_str(text: &str) -> Result<Self, ExpectedError> {
        let (seq, hash) = text.split_once(':').ok_or(ExpectedError::Form)?;
        let seq = seq.parse().map_err(|_| ExpectedError::Form)?;
        let hash = hash.parse().map_err(|_| ExpectedError::Form)?;
        Ok(Self { seq, hash })
    }
}

impl Expected {
    /// `SEQ:HASH`, or every line of a file that `--audit-heads` wrote.
    ///
    /// # Errors
    /// See [`ExpectedError`].
    pub fn read(text: &str) -> Result<Vec<Self>, ExpectedError> {
        if let Ok(one) = text.parse() {
            return Ok(vec![one]);
        }
        let path = PathBuf::from(text);
        let fail = |error| ExpectedError::Read(path.clone(), error);
        let mut file = BufReader::new(File::open(&path).map_err(|_| ExpectedError::Form)?);
        let mut expected = Vec::new();
        loop {
            let mut line = String::new();
            if Read::by_ref(&mut file).take(HEAD_BYTES).read_line(&mut line).map_err(fail)? == 0 {
                return Ok(expected);
            }
            let wrong = |_| ExpectedError::Line(path.clone(), expected.len() + 1);
            let head: Head = serde_json::from_str(&line).map_err(wrong)?;
            expected.push(Self { seq: head.upto, hash: head.hash });
        }
    }
}

/// Verifies the log of a data directory, with its public key and, if it can be read, the hub's key file. The hub may
/// be at work.
///
/// # Errors
/// What kept it from being verified.
pub fn directory(data: &Path, expected: BTreeSet<Expected>) -> Result<Report, VerifyError> {
    let place = Place::in_directory(data);
    let key = if place.public.exists() { Some(public(&place.public)?) } else { None };
    let state = || -> Result<_, VerifyError> {
        if place.key.exists() { Ok(Some(key_file::read(&place.key)?)) } else { Ok(None) }
    };
    // Before the log, which only grows; and once more after it.
    let against = Against { key, state: state()?, expected };
    let log = BufReader::with_capacity(BUFFER_BYTES, opened(&place.log)?);
    let read = verify(log, &against);
    let mut report = read.map_err(|source| VerifyError::Read { path: place.log.clone(), source })?;
    if let Some(after) = state()? {
        report.hold_against(&after);
    }
    Ok(report)
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

/// Verifies files that are one log together, in their order; without a key, against the one that it names itself.
///
/// # Errors
/// What kept them from being verified.
pub fn files(logs: &[PathBuf], key: Option<PublicKey>, expected: BTreeSet<Expected>) -> Result<Report, VerifyError> {
    let mut all: Box<dyn Read> = Box::new(io::empty());
    for path in logs {
        all = Box::new(all.chain(opened(path)?));
    }
    let against = Against { key, state: None, expected };
    verify(BufReader::with_capacity(BUFFER_BYTES, all), &against).map_err(|source| {
        let path = logs.first().cloned().unwrap_or_default();
        VerifyError::Read { path, source }
    })
}

/// The public key in a file, as `audit.pub` has it.
///
/// # Errors
/// When it cannot be read, or is none.
pub fn public(path: &Path) -> Result<PublicKey, VerifyError> {
    let mut text = String::new();
    let read = opened(path)?.take(1024).read_to_string(&mut text);
    read.map_err(|source| VerifyError::Read { path: path.to_owned(), source })?;
    text.trim().parse().map_err(|source| VerifyError::Key { path: path.to_owned(), source })
}

fn opened(path: &Path) -> Result<File, VerifyError> {
    File::open(path).map_err(|source| VerifyError::Read { path: path.to_owned(), source })
}
