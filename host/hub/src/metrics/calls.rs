//! What became of calls.

use super::by::By;
use super::labels::{LimitOf, Outcome, Reason, TierOf};
use super::latency::Latency;
use crate::api::{CallEnd, CallOutcome};
use manifest::Tier;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::{Registry, Unit};

/// Calls, by how they ended.
#[derive(Default)]
pub(crate) struct CallMetrics {
    ended: By<(Outcome, TierOf), Counter>,
    duration: By<TierOf, Latency>,
    denials: By<Reason, Counter>,
    limits: By<LimitOf, Counter>,
}

/// What was seen of a call on its way.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seen {
    /// Its tool's tier, if the manifest has the tool.
    pub(crate) tier: Option<Tier>,
    /// Why it was stopped.
    pub(crate) denied: Option<Reason>,
}

impl CallMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("calls", "Calls that have ended, by outcome and tier", self.ended.family());
        let help = "Wall time of calls from the request to the answer, as the hub has it";
        registry.register_with_unit("call_duration", help, Unit::Seconds, self.duration.family());
        registry.register("denials", "Calls that were stopped, by reason", self.denials.family());
        registry.register("limits", "Calls that ended at a limit, by its name", self.limits.family());
    }

    /// A call has ended.
    pub(crate) fn ended(&self, seen: Seen, end: &CallEnd) {
        let tier = TierOf::from(seen.tier);
        self.ended.inc((outcome(&end.outcome), tier));
        if let Some(duration) = self.duration.of(tier) {
            duration.observe_us(end.wall_us);
        }
        if let CallOutcome::Limit { limit, .. } = &end.outcome {
            self.limits.inc(LimitOf::named(limit));
        }
        if let Some(reason) = seen.denied {
            self.denials.inc(reason);
        }
    }
}

fn outcome(outcome: &CallOutcome) -> Outcome {
    match outcome {
        CallOutcome::Answer(answer) if answer.is_error => Outcome::Failed,
        CallOutcome::Answer(_) => Outcome::Answered,
        CallOutcome::UnknownTool | CallOutcome::Denied { .. } => Outcome::Denied,
        CallOutcome::Limit { .. } => Outcome::Limit,
        CallOutcome::Broken { .. } => Outcome::Broken,
        CallOutcome::Cancelled => Outcome::Cancelled,
    }
}

/// The outcome in a word, as the metric has it.
pub(crate) fn word(end: &CallOutcome) -> &'static str {
    use super::labels::Label as _;
    outcome(end).word()
}
