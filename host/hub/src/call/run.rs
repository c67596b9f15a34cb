//! A call in its runner: what ends it, and what each end is to the agent.

use super::outcome::{self, broken, from_runner, limit};
use super::way::Cut;
use super::{Attempt, Cost, Until, gate, micros, petition};
use crate::api::{CallNote, CallOutcome};
use crate::catalogue::Offer;
use crate::runner::{Ended, Reached, RunnerEnd, SILENCE_S, Why};
use crate::session::{NoRunner, Session};
use tokio::sync::mpsc;
use tokio::time::Instant;

impl Attempt<'_> {
    /// In a runner, from here on. The record of its end is the caller's.
    pub(super) async fn run(
        &self,
        session: &Session,
        offer: &Offer,
        arguments: String,
        notes: mpsc::Sender<CallNote>,
        until: Until<'_>,
        cost: &mut Cost,
    ) -> CallOutcome {
        let Until { flight, lease, way } = until;
        let cancel = flight.cancel();
        let asked = Instant::now();
        let waiting = self.trace.step("wait for a runner");
        let serving = tokio::select! {
            biased;
            () = cancel.cancelled() => return CallOutcome::Cancelled,
            () = gate::broken(lease) => return CallOutcome::Cancelled,
            serving = session.serving(self.need(offer)) => serving,
        };
        cost.runner_us = micros(asked);
        drop(waiting);
        let _running = self.trace.step("run");
        let serving = match serving {
            Ok(serving) => cost.serving.insert(serving).clone(),
            Err(NoRunner::SessionEnded | NoRunner::TakenBack) => return CallOutcome::Cancelled,
            Err(error) => return broken(self.id, &error),
        };
        // The last look before its frame.
        if self.is_void(flight) {
            return CallOutcome::Cancelled;
        }
        let ended = way.run(notes, |notes, http| {
            serving.runner.call(&offer.tool.name, arguments, &offer.tool.grants.limits, notes, http, cancel)
        });
        let ended = match ended.await {
            Cut::Ended(ended) => ended,
            // Whoever ends the session ends the call.
            Cut::Session => {
                cost.unheard(Reached::Runner, "its session was ended");
                return CallOutcome::Cancelled;
            }
            Cut::Lease => {
                serving.runner.kill(Why::Released);
                cost.unheard(Reached::Runner, petition::TAKEN_BACK);
                return CallOutcome::Cancelled;
            }
            Cut::Stopped(stopped) => {
                let outcome = stopped.outcome.clone();
                cost.stopped = Some(stopped);
                return outcome;
            }
        };
        serving.touch();
        match ended {
            Ended::Done(done) => {
                let outcome = match from_runner(self.id, done.outcome, &offer.tool.grants.limits) {
                    Ok(outcome) => outcome,
                    Err(lie) => {
                        serving.runner.kill(Why::Violation(lie.to_owned()));
                        cost.unheard(Reached::Runner, format!("its runner broke the protocol: {lie}"));
                        return CallOutcome::Broken { id: self.id };
                    }
                };
                cost.usage = Some(done.usage);
                if let CallOutcome::Answer(answer) = &outcome {
                    cost.result_bytes = crate::answer::bytes(answer);
                }
                outcome
            }
            Ended::Cancelled(reached) => {
                cost.unheard(reached, flight.why());
                CallOutcome::Cancelled
            }
            Ended::Overdue(reached) => {
                cost.unheard(reached, format!("its runner {}", Why::Deadline));
                limit("deadline_ms", offer.tool.grants.limits.deadline_ms.into())
            }
            Ended::Lost(end, reached) => {
                cost.unheard(reached, format!("its runner {}", end.why.for_audit()));
                self.lost(session, offer, &end)
            }
        }
    }

    /// What the loss of its runner is to the agent.
    fn lost(&self, session: &Session, offer: &Offer, end: &RunnerEnd) -> CallOutcome {
        match end {
            end if end.fate.out_of_memory => CallOutcome::Limit {
                limit: "container_memory_bytes".into(),
                value: outcome::container_memory_bytes(offer.tool.size),
                text: "the container ran out of memory".into(),
            },
            end if end.why == Why::Silent => limit("runner_silence_s", SILENCE_S),
            _ if session.ended.is_cancelled() => CallOutcome::Cancelled,
            end => {
                tracing::error!(call = %self.id, tool = %offer.tool.name, "broken: {end}");
                CallOutcome::Broken { id: self.id }
            }
        }
    }
}
