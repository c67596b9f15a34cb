//! How runners begin and end.

use super::by::By;
use super::labels::{Cause, Origin, Started};
use super::latency::Latency;
use crate::runner::Why;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::{Registry, Unit};
use std::time::Duration;

/// Starts and ends of runners.
#[derive(Default)]
pub(crate) struct RunnerMetrics {
    starts: By<(Origin, Started), Counter>,
    start_duration: By<Origin, Latency>,
    taken: Counter,
    ends: By<Cause, Counter>,
}

impl RunnerMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        let help = "Runners started for sessions, by whether a call waited for it and whether it worked";
        registry.register("runner_starts", help, self.starts.family());
        let help = "From asking for a container to its runner's hello, self-test and lockdown included";
        registry.register_with_unit("runner_start_duration", help, Unit::Seconds, self.start_duration.family());
        let help = "Parked runners that a call got, which then did not wait for a start";
        registry.register("runners_unparked", help, self.taken.clone());
        registry.register("runner_ends", "Runners that have ended and were reaped, by cause", self.ends.family());
    }

    /// A start was tried, and took so long.
    pub(crate) fn started(&self, origin: Origin, result: Started, took: Duration) {
        self.starts.inc((origin, result));
        if let (Started::Ok, Some(duration)) = (result, self.start_duration.of(origin)) {
            duration.observe(took);
        }
    }

    /// A parked one was used.
    pub(crate) fn unparked(&self) {
        self.taken.inc();
    }

    /// One has ended.
    pub(crate) fn ended(&self, why: &Why) {
        self.ends.inc(Cause::from(why));
    }
}

impl From<&Why> for Cause {
    fn from(why: &Why) -> Self {
        match why {
            Why::Released => Self::Released,
            Why::Violation(_) => Self::Violation,
            Why::Deadline => Self::Deadline,
            Why::NoHello => Self::NoHello,
            Why::NotReady => Self::NotReady,
            Why::Refused(_) => Self::Refused,
            Why::StreamEnded => Self::StreamEnded,
            Why::Stream(_) => Self::Stream,
            Why::Fault(_) => Self::Fault,
            Why::TakenBack => Self::TakenBack,
            Why::Silent => Self::Silent,
            Why::Lifetime => Self::Lifetime,
        }
    }
}
