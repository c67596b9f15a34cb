//! What the end of a call may claim. A runner in hostile hands owns its calls and may answer them as it likes;
//! what cannot be true all the same shows whose hands it is in.

use crate::answer;
use manifest::{Limits, bounds};
use protocol::{Limit, MAX_FRAME_BYTES, Outcome, Usage};
use std::time::Duration;

/// What a runner may add of its own to a tool's bytes: why arguments do not fit a schema, above all.
const OWN_WORDS_BYTES: usize = 16 << 10;
/// The largest of the engine's own bounds, on a stack or on one host call, with room to spare: the hub does not
/// know them exactly, and no larger one was ever set.
const ENGINE_BOUND: u64 = 2 * bounds::MAX_PAYLOAD_BYTES;

/// Checks an end against the limits that the ticket has for the tool.
///
/// # Errors
/// What no runner of ours says.
pub(super) fn check(outcome: &Outcome, limits: &Limits) -> Result<(), String> {
    match outcome {
        Outcome::Answer(answer) => {
            let (bytes, most) = (answer::bytes(answer), usize::try_from(limits.result_bytes).unwrap_or(usize::MAX));
            if bytes > most.saturating_add(OWN_WORDS_BYTES) {
                return Err(format!("a result of {bytes} bytes, where `result_bytes` is {most}"));
            }
            Ok(())
        }
        Outcome::Limit(which, value) if !possible(*which, *value, limits) => {
            Err(format!("a limit that its ticket does not have: {which:?} = {value}"))
        }
        Outcome::Limit(..) | Outcome::Denied(_) | Outcome::Broken(_) | Outcome::Cancelled => Ok(()),
    }
}

fn possible(which: Limit, value: u64, limits: &Limits) -> bool {
    match which {
        Limit::Memory => value == limits.memory_bytes,
        Limit::Cpu => value == u64::from(limits.cpu_ms),
        Limit::Deadline => value == u64::from(limits.deadline_ms),
        Limit::Arguments => value == u64::from(limits.arguments_bytes),
        Limit::Result => value == u64::from(limits.result_bytes) || value == MAX_FRAME_BYTES as u64,
        // Of several bounds on what is open, the one that was hit: none is above the ticket's.
        Limit::Handles => value <= u64::from(limits.handles),
        Limit::Stack | Limit::HostCall => value <= ENGINE_BOUND,
        Limit::Concurrency => value <= bounds::MAX_CONCURRENT_CALLS,
    }
}

/// The figures of a call, none larger than it can be: they are for display, and a display must not be absurd.
pub(super) fn plausible(usage: Usage, waited: Duration, limits: &Limits) -> Usage {
    let waited_us = u64::try_from(waited.as_micros()).unwrap_or(u64::MAX);
    let wall_us = usage.wall_us.min(waited_us);
    Usage {
        wall_us,
        // A guest has one thread.
        cpu_us: usage.cpu_us.min(wall_us),
        peak_memory_bytes: usage.peak_memory_bytes.min(limits.memory_bytes),
        log_dropped_bytes: usage.log_dropped_bytes,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::testing::limits;
    use protocol::{Answer, Content};

    #[test]
    fn only_the_tickets_own_limits_can_be_hit() {
        let limits = limits();
        for (which, value) in [
            (Limit::Memory, limits.memory_bytes),
            (Limit::Cpu, limits.cpu_ms.into()),
            (Limit::Deadline, limits.deadline_ms.into()),
            (Limit::Arguments, limits.arguments_bytes.into()),
            (Limit::Result, limits.result_bytes.into()),
        ] {
            check(&Outcome::Limit(which, value), &limits).unwrap();
            for lie in [0, value - 1, value + 1, u64::MAX] {
                let said = check(&Outcome::Limit(which, lie), &limits).unwrap_err();
                assert!(said.contains(&lie.to_string()), "{said}");
            }
        }
        for which in [Limit::Handles, Limit::Stack, Limit::HostCall, Limit::Concurrency] {
            check(&Outcome::Limit(which, 1), &limits).unwrap();
            check(&Outcome::Limit(which, u64::MAX), &limits).unwrap_err();
        }
    }

    #[test]
    fn a_result_may_be_a_runners_own_sentence_and_not_a_megabyte() {
        let answer = |bytes| {
            let content = vec![Content::Text("x".repeat(bytes))];
            Outcome::Answer(Answer { content, structured: None, is_error: false })
        };
        let most = usize::try_from(limits().result_bytes).unwrap();
        check(&answer(most + OWN_WORDS_BYTES), &limits()).unwrap();
        check(&answer(most + OWN_WORDS_BYTES + 1), &limits()).unwrap_err();
    }

    #[test]
    fn figures_are_cut_to_what_can_be() {
        let absurd = Usage { wall_us: u64::MAX, cpu_us: u64::MAX, peak_memory_bytes: u64::MAX, log_dropped_bytes: 7 };
        let usage = plausible(absurd, Duration::from_micros(5), &limits());
        assert_eq!(usage, Usage { wall_us: 5, cpu_us: 5, peak_memory_bytes: 64 << 20, log_dropped_bytes: 7 });
        let honest = Usage { wall_us: 4, cpu_us: 3, peak_memory_bytes: 2, log_dropped_bytes: 1 };
        assert_eq!(plausible(honest, Duration::from_micros(5), &limits()), honest);
    }
}
