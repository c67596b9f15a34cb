//! What was asked and what was done, in a file that only grows, and that shows whether it only grew.
//!
//! A call is written down before its frame is sent, so that nothing runs unrecorded even when the hub dies a
//! moment later; where that cannot be written, nothing runs. Every line has the hash of the line before it, and heads
//! signed with keys that are gone say what stood there: `docs/audit.md` has the format, and what each promise rests
//! on. Arguments get in here as keyed digests, or in clear where the manifest says so; of guest text only what names
//! the reason why a component was refused, cleaned and cut.

mod arguments;
mod chain;
mod copies;
mod head;
mod hex;
mod key_file;
pub mod lines;
mod log;
mod neighbours;
mod place;
mod record;
mod room;
mod shared;
mod signer;
mod start;
#[cfg(test)]
mod tests;
pub mod verify;

pub use copies::{BadHeadCopies, HeadCopies};
pub use head::Head;
pub use hex::{BadHex, Hex, LineHash, PublicKey, Signature};
pub use place::Place;

pub(crate) use arguments::in_clear;
pub(crate) use log::Audit;
pub(crate) use neighbours::warnings;
pub(crate) use record::{
    Decided, Decision, Denied, Egress, EgressEnd, Entry, Executed, Leaked, Measured, Outcome, OutcomeUnknown, Reported,
    Requested, Usage,
};
pub(crate) use shared::AuditError;
