//! The file and the end of its chain: every line has a number and the hash of the line before it. Both are known only
//! to whoever holds the lock, so they are put in front of a record here, and nowhere else is anything appended.

use super::hex::{Hex, LineHash};
use super::lines::{LINE_BYTES, hash};
use crate::failpoint::failpoint;
use std::fs::File;
use std::io::{self, Write};

/// What the first record has in the place of the hash of the one before.
pub(super) const BEFORE_THE_FIRST: LineHash = Hex([0; 32]);

/// The log, open at its end.
pub(super) struct Chain {
    pub(super) file: File,
    pub(super) tip: Tip,
    /// How many records the last head in the log vouches for.
    pub(super) vouched: u64,
    /// Records since then that are no heads.
    pub(super) unsigned: u64,
    /// Half a line is in the file and cannot be taken out: what came behind it would be believed by nobody.
    broken: bool,
    buffer: Vec<u8>,
}

/// The last record, and where the next one goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tip {
    /// The number of the next record.
    pub(super) seq: u64,
    /// The last record's hash.
    pub(super) hash: LineHash,
    /// The last record's first byte.
    pub(super) start: u64,
    /// The end of the file.
    pub(super) end: u64,
}

impl Tip {
    /// Of an empty log.
    pub(super) const EMPTY: Self = Self { seq: 0, hash: BEFORE_THE_FIRST, start: 0, end: 0 };
}

/// A record and how it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counted {
    /// A head is to vouch for it.
    Record,
    /// It is a head: the next one vouches for it too, but it is no reason for one.
    Head,
}

impl Chain {
    pub(super) fn at(file: File, tip: Tip, vouched: u64) -> Self {
        let unsigned = tip.seq.saturating_sub(vouched);
        Self { file, tip, vouched, unsigned, broken: false, buffer: Vec::new() }
    }

    /// Appends records, JSON objects each, in one write: all or none.
    pub(super) fn append<'a>(&mut self, bodies: impl Iterator<Item = &'a [u8]>, counted: Counted) -> io::Result<()> {
        self.append_after(b"", bodies, counted)
    }

    /// The same, with bytes in front that end what a killed hub has begun.
    pub(super) fn append_after<'a>(
        &mut self,
        closing: &[u8],
        bodies: impl Iterator<Item = &'a [u8]>,
        counted: Counted,
    ) -> io::Result<()> {
        if self.broken {
            let words = "half a record is in the file and could not be taken out: start the hub again, which closes it";
            return Err(io::Error::other(words));
        }
        self.buffer.clear();
        self.buffer.extend_from_slice(closing);
        let (mut tip, mut records) = (self.tip, 0);
        for body in bodies {
            let from = self.buffer.len();
            let fields = body.strip_prefix(b"{").unwrap_or(body);
            write!(self.buffer, "{{\"seq\":{},\"prev\":\"", tip.seq)?;
            let mut digits = [0; 64];
            hex::encode_to_slice(tip.hash.0, &mut digits).map_err(io::Error::other)?;
            self.buffer.extend_from_slice(&digits);
            self.buffer.extend_from_slice(b"\",");
            self.buffer.extend_from_slice(fields);
            let line = self.buffer.get(from..).unwrap_or_default();
            if line.len() > LINE_BYTES {
                let words =
                    format!("a record of {} bytes is longer than the {LINE_BYTES} that a line may have", line.len());
                return Err(io::Error::new(io::ErrorKind::InvalidInput, words));
            }
            tip = Tip {
                seq: tip.seq.saturating_add(1),
                hash: hash(line),
                start: self.tip.end.saturating_add(from as u64),
                end: self.tip.end.saturating_add(self.buffer.len() as u64 + 1),
            };
            self.buffer.push(b'\n');
            records += 1;
        }
        failpoint!("append.begun");
        failpoint!("append.half", drop(self.file.write(self.buffer.get(..self.buffer.len() / 2).unwrap_or_default())));
        failpoint!("append.all_but_the_feed", {
            drop(self.file.write(self.buffer.get(..self.buffer.len().saturating_sub(1)).unwrap_or_default()))
        });
        self.write()?;
        failpoint!("append.written");
        self.tip = tip;
        if counted == Counted::Record {
            self.unsigned = self.unsigned.saturating_add(records);
        }
        Ok(())
    }

    /// A head up to here is on its way: what comes from now on is not in it.
    pub(super) fn vouch(&mut self) -> Tip {
        self.unsigned = 0;
        self.tip
    }

    /// All of it or nothing of it: half a line would swallow the next one.
    fn write(&mut self) -> io::Result<()> {
        match self.file.write(&self.buffer) {
            Ok(written) if written == self.buffer.len() => Ok(()),
            Ok(written) => self.finish(written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => self.finish(0),
            Err(error) => Err(error),
        }
    }

    /// The disk took a part of it: the rest, or away with the part.
    fn finish(&mut self, written: usize) -> io::Result<()> {
        let rest = self.buffer.get(written..).unwrap_or_default();
        if let Err(error) = self.file.write_all(rest) {
            self.broken = self.file.set_len(self.tip.end).is_err();
            return Err(error);
        }
        Ok(())
    }
}
