//! What the hub counts, for Prometheus. One value that the hub owns, no globals.
//!
//! Each part counts for itself, in cells that were made before the first call: to count is to add to an atomic, with
//! no lock, no allocation and no name looked up. What is a state and no count, such as the sessions that live, is
//! read when somebody asks. Every label is of a closed set, or a class of containers, of which there are as many as
//! the manifest makes: an agent that could choose a label's value would fill the hub's memory, and the collector's.

mod audit;
mod by;
mod calls;
mod egress;
mod labels;
mod latency;
mod runners;
mod standing;

pub(crate) use audit::AuditMetrics;
pub(crate) use by::By;
pub(crate) use calls::{CallMetrics, Seen, word};
pub(crate) use egress::EgressMetrics;
pub(crate) use labels::{Apply, Fate, Origin, Reason, Started, Verdict};
pub(crate) use runners::RunnerMetrics;
pub(crate) use standing::Standing;

use crate::audit::Audit;
use crate::launch::Starter;
use crate::traces::Traces;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

/// The media type of the answer: the text format of OpenMetrics.
pub(crate) const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The beginning of every name that is ours.
const PREFIX: &str = "safeclaw";

/// Everything that is counted.
pub(crate) struct Metrics {
    /// What became of calls.
    pub(crate) calls: CallMetrics,
    /// What tools asked of the outside.
    pub(crate) egress: EgressMetrics,
    applies: By<(Apply, Verdict), Counter>,
    registry: Registry,
    started: SystemTime,
}

/// What other parts of the hub count for themselves.
pub(crate) struct Parts {
    /// The audit log's.
    pub(crate) audit: Arc<AuditMetrics>,
    /// The pool's and the launcher's.
    pub(crate) runners: Arc<RunnerMetrics>,
    /// What became of spans.
    pub(crate) spans: Arc<By<Fate, Counter>>,
}

impl Parts {
    pub(crate) fn of(audit: &Audit, starter: &Starter, traces: &Traces) -> Self {
        Self { audit: audit.metrics().clone(), runners: starter.metrics().clone(), spans: traces.metrics().clone() }
    }
}

impl Metrics {
    pub(crate) fn new(parts: &Parts) -> Self {
        let mut registry = Registry::with_prefix(PREFIX);
        let (calls, egress, applies) = (CallMetrics::default(), EgressMetrics::default(), By::default());
        calls.register(&mut registry);
        egress.register(&mut registry);
        parts.runners.register(&mut registry);
        parts.audit.register(&mut registry);
        let help = "Manifests put in force, or refused, by what asked for it";
        registry.register("manifest_applies", help, By::<(Apply, Verdict), Counter>::family(&applies));
        registry.register("trace_spans", "Spans of traces, by what became of them", parts.spans.family());
        Self { calls, egress, applies, registry, started: SystemTime::now() }
    }

    /// A manifest was to be put in force.
    pub(crate) fn applied<T, E>(&self, what: Apply, result: &Result<T, E>) {
        let verdict = if result.is_ok() { Verdict::Ok } else { Verdict::Refused };
        self.applies.inc((what, verdict));
    }

    /// All of it, in the text format of OpenMetrics.
    ///
    /// # Errors
    /// None, as long as a text can grow.
    pub(crate) fn text(&self, standing: Standing) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode_registry(&mut text, &standing.registry(self.started))?;
        encode_registry(&mut text, &self.registry)?;
        encode_eof(&mut text)?;
        Ok(text)
    }
}

#[cfg(test)]
pub(crate) mod exposition;
#[cfg(test)]
mod tests;
