//! A session that does the same again and again and is told the same: it has stopped thinking, or somebody wants it to.
//!
//! Two calls are identical if they name the same tool with the same bytes of arguments and end in the same: an answer
//! with the same content, or the same limit. What a tool writes into its answers, such as the time, makes them differ,
//! and so does another call of the tier in between.

use crate::api::CallOutcome;
use manifest::{LoopAfter, ToolName};
use sha2::{Digest as _, Sha256};

/// What a call asks for.
pub(crate) struct Asked(Sha256);

impl Asked {
    pub(crate) fn of(tool: &ToolName, arguments: &str) -> Self {
        let mut hash = Sha256::new();
        part(&mut hash, tool.as_str().as_bytes());
        part(&mut hash, arguments.as_bytes());
        Self(hash)
    }

    /// With what came of it. None for what says nothing: nothing ran, or nobody waited for its end.
    pub(crate) fn ended(self, outcome: &CallOutcome) -> Option<Repeat> {
        let Self(mut hash) = self;
        match outcome {
            CallOutcome::Answer(answer) => {
                part(&mut hash, b"answer");
                part(&mut hash, &serde_json::to_vec(answer).ok()?);
            }
            CallOutcome::Limit { limit, value, .. } => {
                part(&mut hash, b"limit");
                part(&mut hash, limit.as_bytes());
                part(&mut hash, &value.to_be_bytes());
            }
            // Its id is another one each time.
            CallOutcome::Broken { .. } => part(&mut hash, b"broken"),
            CallOutcome::UnknownTool | CallOutcome::Denied { .. } | CallOutcome::Cancelled => return None,
        }
        Some(Repeat(hash.finalize().into()))
    }
}

/// With its length, so that no two texts are one.
fn part(hash: &mut Sha256, bytes: &[u8]) {
    hash.update((bytes.len() as u64).to_be_bytes());
    hash.update(bytes);
}

/// A call and its end, as a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Repeat(pub(super) [u8; 32]);

/// How often the last call of a session in a tier has come in a row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) last: Option<Repeat>,
    pub(super) calls: u32,
    /// Since so many calls came in a row the session waits for an operator.
    pub(super) paused: Option<u32>,
}

impl Row {
    /// Adds a call. If the session waits for an operator from here on: after how many calls.
    pub(super) fn add(&mut self, call: Repeat, after: LoopAfter) -> Option<u32> {
        self.calls = if self.last == Some(call) { self.calls.saturating_add(1) } else { 1 };
        self.last = Some(call);
        match after {
            LoopAfter::Calls(most) if self.calls >= most && self.paused.is_none() => {
                self.paused = Some(self.calls);
                self.paused
            }
            LoopAfter::Calls(_) | LoopAfter::Never => None,
        }
    }
}
