//! The runner's words for an end, and the audit log's, and the agent's.

use crate::answer::{self, Unfit};
use crate::api::CallOutcome;
use crate::{audit, bounds, clean};
use manifest::{ContainerSize, Limits};
use protocol::{Limit, Outcome};
use std::error::Error;
use uuid::Uuid;

/// Longest reason of a runner that refuses a call, such as what in the arguments does not fit the schema.
const REASON_BYTES: usize = 1024;

/// What a runner's end of a call is to the agent.
///
/// # Errors
/// An end that no runner of ours passes on.
pub(super) fn from_runner(id: Uuid, outcome: Outcome, limits: &Limits) -> Result<CallOutcome, &'static str> {
    Ok(match outcome {
        Outcome::Answer(answer) => match answer::fit(answer, limits.result_bytes) {
            Ok(answer) => CallOutcome::Answer(answer),
            Err(Unfit::Size) => limit("result_bytes", limits.result_bytes.into()),
            Err(Unfit::Depth) => limit("result_depth", bounds::DEPTH as u64),
            Err(Unfit::Values) => limit("result_values", bounds::VALUES as u64),
            Err(Unfit::NotJson) => return Err("it passed on structured content that is not JSON"),
        },
        Outcome::Denied(reason) => {
            CallOutcome::Denied { reason: clean::bounded(&reason, REASON_BYTES), approvable: false }
        }
        Outcome::Limit(which, value) => limit(word(which), value),
        Outcome::Broken(chain) => {
            tracing::error!(call = %id, chain = clean::bounded(&chain, clean::NOTE_BYTES), "broken");
            CallOutcome::Broken { id }
        }
        Outcome::Cancelled => CallOutcome::Cancelled,
    })
}

/// A call that a fault of ours, or of the engine, ended: the log has the chain.
pub(super) fn broken(id: Uuid, error: &(dyn Error + 'static)) -> CallOutcome {
    tracing::error!(call = %id, error, "broken");
    CallOutcome::Broken { id }
}

/// A bound that was hit.
pub(super) fn limit(name: &str, value: u64) -> CallOutcome {
    CallOutcome::Limit { limit: name.into(), value, text: format!("the call hit its limit {name} = {value}") }
}

/// A bound's name in the manifest, where it has one.
fn word(limit: Limit) -> &'static str {
    match limit {
        Limit::Memory => "memory_bytes",
        Limit::Cpu => "cpu_ms",
        Limit::Deadline => "deadline_ms",
        Limit::Arguments => "arguments_bytes",
        Limit::Result => "result_bytes",
        Limit::Handles => "handles",
        Limit::Stack => "stack_bytes",
        Limit::HostCall => "host_call_bytes",
        Limit::Concurrency => "concurrent_calls",
    }
}

/// What the audit log says of an end.
pub(super) fn audited(outcome: &CallOutcome) -> audit::Outcome {
    match outcome {
        CallOutcome::Answer(answer) if answer.is_error => audit::Outcome::Failed,
        CallOutcome::Answer(_) => audit::Outcome::Answered,
        CallOutcome::UnknownTool | CallOutcome::Denied { .. } => audit::Outcome::Denied,
        CallOutcome::Limit { limit, value, .. } => audit::Outcome::Limit { limit: limit.clone(), value: *value },
        CallOutcome::Broken { .. } => audit::Outcome::Broken,
        CallOutcome::Cancelled => audit::Outcome::Cancelled,
    }
}

/// The memory of a container of this size.
pub(super) fn container_memory_bytes(size: ContainerSize) -> u64 {
    container::posture::Resources::of(size.into()).memory_bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_of_a_denial_is_cut_and_clean() {
        let limits = crate::testing::limits();
        let reason = format!("\u{1b}[2J{}", "x".repeat(1 << 20));
        let denied = from_runner(Uuid::nil(), Outcome::Denied(reason), &limits);
        let expected = format!("\\u{{1b}}[2J{}…", "x".repeat(REASON_BYTES - 9 - 3));
        assert_eq!(denied, Ok(CallOutcome::Denied { reason: expected, approvable: false }));
    }
}
