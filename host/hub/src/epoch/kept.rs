//! What the epoch's file holds: the epoch, whether an operator has stopped everything, and what the audit log has not
//! been told of it yet.

use super::file::TEXT_BYTES;
use crate::audit::Decided;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Decisions that wait for a log that cannot be written; older ones are counted.
const MOST_UNTOLD: usize = 6;

/// One state of the epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kept {
    /// Of two slots the one with the higher number is in force.
    pub(super) sequence: u64,
    pub(super) epoch: u64,
    pub(super) panic: bool,
    /// Oldest first.
    pub(super) untold: Vec<Decided>,
    /// Decisions that were too many to keep.
    pub(super) forgotten: u64,
}

impl Kept {
    pub(super) fn at(epoch: u64) -> Self {
        Self { sequence: 0, epoch, panic: false, untold: Vec::new(), forgotten: 0 }
    }

    /// Keeps it for the log. A button that is pressed over and over does not outgrow its slot.
    pub(super) fn wait(&mut self, decided: Decided) {
        self.untold.push(decided);
        while self.untold.len() > MOST_UNTOLD || (!self.untold.is_empty() && self.bytes() > TEXT_BYTES) {
            self.untold.remove(0);
            self.forgotten = self.forgotten.saturating_add(1);
        }
    }

    /// The log has it.
    pub(super) fn told(&mut self, decision: Uuid) {
        self.untold.retain(|decided| decided.decision != decision);
    }

    fn bytes(&self) -> usize {
        // Numbers grow by a few digits.
        serde_json::to_vec(self).map_or(usize::MAX, |text| text.len().saturating_add(64))
    }
}
