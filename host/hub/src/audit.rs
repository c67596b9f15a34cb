//! What was asked and what was done, in a file that only grows.
//!
//! A call is written down before its frame is sent, so that nothing runs unrecorded even when the hub dies a
//! moment later; where that cannot be written, nothing runs. No argument ever gets in here, and of guest text only what
//! names the reason why a component was refused, cleaned and cut.

mod log;
mod record;

pub(crate) use log::{Audit, AuditError};
pub(crate) use record::{Decided, Decision, Denied, Entry, Executed, Outcome, OutcomeUnknown, Requested};
