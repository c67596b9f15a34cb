//! What can be wrong with a log, in a sentence for the operator.

use serde::Serialize;
use std::fmt;

/// What is wrong, and at which line it shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// From 1; what is missing at the end shows at the last line.
    pub line: u64,
    /// What.
    pub what: What,
}

/// A kind of fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum What {
    /// A record does not hold the hash of the line before it.
    Changed {
        /// That line.
        before: u64,
    },
    /// Numbers are missing.
    Removed {
        /// How many.
        count: u64,
        /// The first that is missing.
        from: u64,
    },
    /// A number comes again, or too early.
    OutOfOrder {
        /// The number.
        seq: u64,
        /// The one that would follow.
        expected: u64,
    },
    /// A line is no record, and no start has said that it was torn.
    NoRecord,
    /// A start closed a torn line that is not there.
    TornAndGone {
        /// How long it was.
        bytes: u64,
    },
    /// A line is longer than any that a hub writes.
    TooLong,
    /// A record of the chain itself lacks what it must have.
    NotAsWritten,
    /// There is no first record.
    NoBeginning,
    /// The format is of another version.
    Version(u32),
    /// A record or head of another log.
    AnotherLog,
    /// The log names another first key than the one it is held against.
    AnotherKey,
    /// The key file is that of another log.
    KeyOfAnother,
    /// A head that is not the next one.
    Step {
        /// The head's number.
        step: u64,
        /// That of the next one.
        expected: u64,
    },
    /// A head that the key of its step did not sign.
    Forged {
        /// The head's number.
        step: u64,
    },
    /// A head that was signed for other records.
    OtherRecords {
        /// The last of them.
        upto: u64,
    },
    /// More records without a head than any hub writes.
    NoHead,
    /// A record that is not the one that was expected.
    NotAsExpected {
        /// Its number.
        seq: u64,
    },
    /// A record that must be there is not.
    CutOff {
        /// Its number.
        seq: u64,
    },
    /// The key file is older than the log.
    OldKey,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed { before } => {
                write!(f, "it does not continue line {before}: one of the two was changed, or put there")
            }
            Self::Removed { count: 1, from } => write!(f, "record {from}, which was before it, was removed"),
            Self::Removed { count, from } => {
                write!(f, "{count} records from {from} on, which were before it, were removed")
            }
            Self::OutOfOrder { seq, expected } => {
                write!(f, "it is record {seq} where {expected} must follow: it was put there, repeated or moved")
            }
            Self::NoRecord => f.write_str("it is no record: it was changed or put there (a start would have closed what a killed hub left)"),
            Self::TornAndGone { bytes } => {
                write!(f, "a start closed a torn line of {bytes} bytes before it, which is not there any more")
            }
            Self::TooLong => f.write_str("it is longer than 64 KiB, which no record is: it was put there"),
            Self::NotAsWritten => f.write_str("no hub writes such a record: it was changed or put there"),
            Self::NoBeginning => f.write_str("the log has no first record: it is empty, or no log of this format"),
            Self::Version(version) => {
                write!(f, "the log has format {version}, and this program knows 1: use a newer safeclaw")
            }
            Self::AnotherLog => f.write_str("it belongs to another log: two logs were spliced"),
            Self::AnotherKey => f.write_str(
                "the log names another first key than the one it is held against: it is another log, or was written anew",
            ),
            Self::KeyOfAnother => f.write_str("the hub's key file belongs to another log: one of the two was replaced"),
            Self::Step { step, expected } => {
                write!(f, "it is head {step} where {expected} must follow: heads were removed, repeated or moved")
            }
            Self::Forged { step } => write!(f, "head {step} was not signed by the key of its step: it was forged"),
            Self::OtherRecords { upto } => {
                write!(f, "this head was signed for another record {upto}: what is before it was changed")
            }
            Self::NoHead => f.write_str("more records without a head than a hub writes: heads were removed"),
            Self::NotAsExpected { seq } => write!(f, "record {seq} is not the one that was expected: the log was written anew"),
            Self::CutOff { seq } => write!(f, "the log ends here, and record {seq} must be in it: it was cut off"),
            Self::OldKey => f.write_str(
                "the hub's key file is older than the log: somebody put an earlier one there, and can sign with it",
            ),
        }
    }
}
