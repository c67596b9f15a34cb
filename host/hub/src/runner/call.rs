//! One call in a runner: the frame, the wait, and every way the wait ends.

use super::{Runner, RunnerEnd, Shared, Why, belief};
use crate::api::CallNote;
use manifest::{Digest, Limits, ToolName};
use protocol::{Call, CallId, Done, ToRunner, ToolDescription};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

/// How much later than the runner the hub looks at the clock: the runner's own error names the limit better.
const GRACE: Duration = Duration::from_secs(2);
/// The longest a component may take to describe its tools; the runner's own bound is below it.
pub(super) const DESCRIBE_TIMEOUT: Duration = Duration::from_secs(30);

/// How a call ended, as far as the runner is concerned.
#[derive(Debug)]
pub(crate) enum Ended {
    /// It said so, in words that can be true.
    Done(Done),
    /// The caller cancelled.
    Cancelled(Reached),
    /// It went on after its deadline; the runner is killed.
    Overdue(Reached),
    /// The runner is lost.
    Lost(RunnerEnd, Reached),
}

/// How far a call came that has no end of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reached {
    /// The runner never heard of it: nothing ran.
    Nothing,
    /// It was on its way to the tool: whether it took effect, nobody can say.
    Runner,
}

impl Runner {
    /// Runs a tool. Dropping the future cancels the call. What it asks of the outside goes to `http`, and is dropped
    /// when the call ends; without it the runner may not ask.
    pub(crate) async fn call(
        &self,
        tool: &ToolName,
        arguments: String,
        limits: &Limits,
        notes: mpsc::Sender<CallNote>,
        http: Option<mpsc::Sender<egress::Asked>>,
        cancel: &CancellationToken,
    ) -> Ended {
        let (id, answer) = match self.shared.talk().open_call(limits, notes, http) {
            Ok(asked) => asked,
            Err(end) => return Ended::Lost(end, Reached::Nothing),
        };
        let mut open = OpenCall { shared: Arc::clone(&self.shared), id, stage: Stage::Queued };
        let frame = ToRunner::Call(Call { id, tool: tool.clone(), arguments });
        let asked = Instant::now();
        let until = asked + Duration::from_millis(limits.deadline_ms.into()) + GRACE;
        let sent = tokio::select! {
            biased;
            () = cancel.cancelled() => return Ended::Cancelled(Reached::Nothing),
            sent = timeout_at(until, self.send(&frame)) => sent,
        };
        match sent {
            Ok(Ok(())) => open.stage = Stage::Sent,
            Ok(Err(end)) => return Ended::Lost(end, Reached::Nothing),
            Err(_) => {
                self.kill(Why::Deadline);
                return Ended::Overdue(Reached::Nothing);
            }
        }
        let ended = tokio::select! {
            biased;
            () = cancel.cancelled() => return Ended::Cancelled(Reached::Runner),
            ended = timeout_at(until, answer) => ended,
        };
        open.stage = Stage::Answered;
        match ended.map(|answer| answer.unwrap_or_else(|_| Err(RunnerEnd::default()))) {
            Ok(Ok(done)) => self.believe(done, asked.elapsed(), limits).await,
            Ok(Err(end)) => Ended::Lost(end, Reached::Runner),
            Err(_) => {
                self.kill(Why::Deadline);
                Ended::Overdue(Reached::Runner)
            }
        }
    }

    /// The end of a call, if it can be true; whoever says what cannot is not listened to any more.
    async fn believe(&self, done: Done, waited: Duration, limits: &Limits) -> Ended {
        if let Err(lie) = belief::check(&done.outcome, limits) {
            self.kill(Why::Violation(format!("call {}: it claims {lie}", done.id)));
            return Ended::Lost(self.shared.last_words().await, Reached::Runner);
        }
        Ended::Done(Done { usage: belief::plausible(done.usage, waited, limits), ..done })
    }

    /// Asks a component of its ticket for its tools.
    pub(crate) async fn describe(&self, component: &Digest) -> Result<Result<Vec<ToolDescription>, String>, RunnerEnd> {
        let (id, answer) = self.shared.talk().open_describe()?;
        self.send(&ToRunner::Describe(id, component.clone())).await?;
        match timeout(DESCRIBE_TIMEOUT, answer).await {
            Ok(description) => description.unwrap_or_else(|_| Err(RunnerEnd::default())),
            Err(_) => {
                self.kill(Why::Deadline);
                Err(self.shared.last_words().await)
            }
        }
    }
}

/// A call that is open in a runner; dropped before its answer, it is cancelled there.
struct OpenCall {
    shared: Arc<Shared>,
    id: CallId,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The runner has not heard of it.
    Queued,
    /// The runner owes an end.
    Sent,
    /// It needs nothing more.
    Answered,
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        match self.stage {
            Stage::Queued => return self.shared.talk().withdraw(self.id),
            Stage::Sent => {}
            Stage::Answered => return,
        }
        let (shared, id) = (self.shared.clone(), self.id);
        shared.talk().abandon(id);
        // Without a runtime the hub is ending, and its runners with it.
        let Ok(runtime) = Handle::try_current() else { return };
        // Bounded: it ends with the runner or after the grace.
        runtime.spawn(async move {
            let cancelled = async {
                shared.send(&ToRunner::Cancel(id)).await?;
                sleep(GRACE).await;
                Ok::<_, RunnerEnd>(())
            };
            tokio::select! {
                () = shared.ended.cancelled() => {}
                _ = timeout(GRACE * 2, cancelled) => {
                    if shared.talk().is_open(id) {
                        shared.kill(Why::Deadline);
                    }
                }
            }
        });
    }
}
