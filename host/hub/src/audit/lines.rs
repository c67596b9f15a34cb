//! The log as lines: one at a time, each bounded, with its place. A log may have gigabytes, and whoever reads it does
//! not know yet who wrote it.

use super::hex::LineHash;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;
use std::io::{self, BufRead};

/// The longest line that a hub writes, bytes without the line feed.
pub const LINE_BYTES: usize = 64 << 10;

/// A line, or the part of it that is looked at.
#[derive(Debug)]
pub struct Line<'a> {
    /// From 1.
    pub number: u64,
    /// Where its first byte is.
    pub start: u64,
    /// Where the line after it starts.
    pub end: u64,
    /// Without the line feed; of one that is too long, its first [`LINE_BYTES`].
    pub bytes: &'a [u8],
    /// How it ends.
    pub ending: Ending,
}

/// How a line ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// With a line feed.
    Whole,
    /// With the log.
    Torn,
    /// Beyond what is looked at.
    TooLong,
}

/// Reads lines one after the other.
#[derive(Debug)]
pub struct Lines<R> {
    from: R,
    buffer: Vec<u8>,
    number: u64,
    at: u64,
}

impl<R: BufRead> Lines<R> {
    /// Of a reader that stands at `start`, the beginning of line `number`.
    pub fn from(from: R, number: u64, start: u64) -> Self {
        Self { from, buffer: Vec::new(), number, at: start }
    }

    /// The next one; none at the end.
    ///
    /// # Errors
    /// Whatever the reader says.
    pub fn read(&mut self) -> io::Result<Option<Line<'_>>> {
        self.buffer.clear();
        let start = self.at;
        let mut ending = Ending::Torn;
        loop {
            let part = match self.from.fill_buf() {
                Ok(part) => part,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if part.is_empty() {
                break;
            }
            let feed = memchr::memchr(b'\n', part);
            let text = part.get(..feed.unwrap_or(part.len())).unwrap_or(part);
            let room = LINE_BYTES.saturating_sub(self.buffer.len());
            self.buffer.extend_from_slice(text.get(..room).unwrap_or(text));
            let too_long = text.len() > room;
            let taken = text.len() + usize::from(feed.is_some());
            self.from.consume(taken);
            self.at += taken as u64;
            if too_long {
                ending = Ending::TooLong;
            }
            if feed.is_some() {
                if ending == Ending::Torn {
                    ending = Ending::Whole;
                }
                break;
            }
        }
        if self.at == start {
            return Ok(None);
        }
        self.number += 1;
        Ok(Some(Line { number: self.number - 1, start, end: self.at, bytes: &self.buffer, ending }))
    }
}

/// What makes a line a record of the chain.
#[derive(Debug, Deserialize)]
pub struct Links<'a> {
    /// Its number, from 0.
    pub seq: u64,
    /// The hash of the record before it; of the first, zeros.
    pub prev: LineHash,
    /// What kind it is.
    #[serde(borrow)]
    pub event: Cow<'a, str>,
}

impl<'a> Links<'a> {
    /// None for a line that is no record.
    #[must_use]
    pub fn of(line: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }
}

/// The hash that the next record repeats.
#[must_use]
pub fn hash(line: &[u8]) -> LineHash {
    super::hex::Hex(Sha256::digest(line).into())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn all(text: &[u8], piece: usize) -> Vec<(u64, u64, u64, usize, Ending)> {
        let mut lines = Lines::from(io::BufReader::with_capacity(piece, text), 1, 0);
        let mut all = Vec::new();
        while let Some(line) = lines.read().unwrap() {
            all.push((line.number, line.start, line.end, line.bytes.len(), line.ending));
        }
        all
    }

    #[test]
    fn lines_have_places_and_are_never_longer_than_the_bound() {
        for piece in [1, 7, 8192] {
            assert_eq!(all(b"", piece), []);
            assert_eq!(
                all(b"ab\n\nc", piece),
                [(1, 0, 3, 2, Ending::Whole), (2, 3, 4, 0, Ending::Whole), (3, 4, 5, 1, Ending::Torn)]
            );
            let long = [vec![b'x'; LINE_BYTES], b"\n".to_vec(), vec![b'y'; LINE_BYTES * 3], b"\nz".to_vec()].concat();
            let (first, second) = (LINE_BYTES as u64 + 1, LINE_BYTES as u64 * 4 + 2);
            assert_eq!(
                all(&long, piece),
                [
                    (1, 0, first, LINE_BYTES, Ending::Whole),
                    (2, first, second, LINE_BYTES, Ending::TooLong),
                    (3, second, second + 1, 1, Ending::Torn)
                ]
            );
        }
    }
}
