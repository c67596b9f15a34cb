//! The red button: everything that a person has allowed is taken back, at once.
//!
//! The order is the promise. In memory first, so that nothing waits for a disk, a database or an engine: the epoch is
//! raised, calls that a person had to allow are ended, the hub's talk with the runners they run in is over, and leases
//! and pending approvals are void. Then the epoch's file, so that it holds across a crash. Then the audit log and the
//! store, while the runners die. Each of these may fail or hang, and none of them makes the button fail: the answer
//! says what has not been done.

mod leashes;

pub(crate) use leashes::Leashes;

use crate::Hub;
use crate::audit::{Decision, Entry};
use crate::clean;
use crate::epoch::{Epoch, EpochError};
use crate::failpoint::failpoint;
use crate::hub::{Inner, Which};
use crate::registry::chain;
use crate::runner::{Leash, Why};
use container::ContainerName;
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::Duration;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

/// How long the answer waits for runners to die and calls to end. What is late is as void as the rest.
const DEAD_WITHIN: Duration = Duration::from_secs(5);
/// How long it waits for the record.
const RECORDED_WITHIN: Duration = Duration::from_secs(2);
/// Who pressed it, as a door knows them; in bytes.
const BY_BYTES: usize = 128;

/// Said to the agent whose call was running.
pub(crate) const TAKEN_BACK: &str = "what allowed it was taken back while it ran";
/// Said to every agent while everything is stopped.
pub(crate) const STOPPED: &str = "an operator has stopped everything";

/// What is pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Press {
    /// Every session is ended as well. The next call of its token starts another.
    pub sessions: bool,
    /// No tool of any tier is called any more, across restarts, until somebody resumes.
    pub panic: bool,
}

/// What is so from the answer on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revoked {
    /// The epoch in force. What was issued under an older one is void.
    pub epoch: u64,
    /// Whether everything is stopped.
    pub panic: bool,
    /// Calls that were ended.
    pub calls: usize,
    /// Sessions that were ended.
    pub sessions: usize,
    /// Runners that are confirmed to be dead.
    pub killed: usize,
    /// Runners that are not: nothing is sent to them or taken from them, and the engine is asked again.
    pub unconfirmed: Vec<ContainerName>,
    /// What could not be done, or not yet, each as a sentence.
    pub undone: Vec<String>,
    /// From the request to this answer, in milliseconds.
    pub took_ms: u64,
}

impl Revoked {
    /// Of a hub that does not run: nothing had to be ended.
    #[must_use]
    pub fn of_nothing(epoch: u64, press: Press) -> Self {
        let (unconfirmed, undone) = (Vec::new(), Vec::new());
        Self { epoch, panic: press.panic, calls: 0, sessions: 0, killed: 0, unconfirmed, undone, took_ms: 0 }
    }
}

/// Calls may happen again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resumed {
    /// The epoch in force: resuming makes nothing valid again.
    pub epoch: u64,
}

/// Why nothing was resumed.
#[derive(Debug, thiserror::Error)]
pub enum ResumeError {
    /// There is nothing to resume.
    #[error("nothing is stopped: there is nothing to resume")]
    NotStopped,
    /// The state could not be kept, or was changed meanwhile.
    #[error("nothing was resumed: {0}")]
    Kept(String),
}

/// Why a hub that does not run could not be kept from what it was issued.
#[derive(Debug, thiserror::Error)]
pub enum PressError {
    /// The data directory is not free, or damaged.
    #[error(transparent)]
    Data(#[from] crate::StartError),
    /// It cannot be remembered.
    #[error("it is not in force: {0}")]
    Kept(String),
}

/// What the button has ended in memory, and what has yet to happen to it.
struct TakenBack {
    epoch: u64,
    flights: Vec<CancellationToken>,
    runners: Vec<Leash>,
    sessions: usize,
}

impl Hub {
    /// Presses the red button. It is never refused; dropping the future does not stop it.
    pub async fn revoke_all(&self, press: Press, by: &str) -> Revoked {
        let began = Instant::now();
        let (inner, by) = (self.0.clone(), clean::line(by, BY_BYTES));
        // In memory, before anything is waited for.
        let taken = inner.take_back(press, &by);
        let epoch = taken.epoch;
        let rest = tokio::spawn(async move { inner.follow_up(taken, began).await });
        rest.await.unwrap_or_else(|error| {
            tracing::error!(%error, epoch, "the red button is in force, and nobody knows what followed");
            let undone =
                vec!["it is in force; nobody knows whether it was kept, recorded and every runner killed".into()];
            Revoked { undone, took_ms: ms(began), ..Revoked::of_nothing(epoch, press) }
        })
    }

    /// Lets tools be called again after a stop.
    ///
    /// # Errors
    /// When nothing is stopped, or it could not be kept.
    pub async fn resume(&self, by: &str) -> Result<Resumed, ResumeError> {
        let by = clean::line(by, BY_BYTES);
        let resumed = self.0.epoch.resume(move |epoch| Decision::Resumed { epoch, by }).await;
        let epoch = resumed.map_err(|error| match error {
            EpochError::NotStopped => ResumeError::NotStopped,
            other => ResumeError::Kept(chain(&other)),
        })?;
        tracing::warn!(epoch, "tools are called again");
        // It is in force; what the log does not take now, it is told again.
        drop(timeout(RECORDED_WITHIN, self.0.tell_button()).await);
        Ok(Resumed { epoch })
    }
}

impl Inner {
    /// All that needs nobody: when this returns, nothing of an older epoch is sent, begun or let out.
    fn take_back(&self, press: Press, by: &str) -> TakenBack {
        let Press { sessions, panic } = press;
        let by = by.to_owned();
        let epoch = self.epoch.raise(panic, |epoch| Decision::AllRevoked { epoch, sessions, panic, by });
        failpoint!("button.raised");
        let flights = self.flights.take_back(if panic { Which::All } else { Which::Elevated });
        failpoint!("button.broken_off");
        let runners = self.leashes.cut(|leash| panic || leash.is_elevated(), &Why::TakenBack);
        failpoint!("button.cut");
        // After those who run under them: a call whose lease breaks ends its runner by itself, and nobody would count it.
        // With the epoch raised none of them is good for anything; their store follows by itself.
        self.desk.void_all();
        failpoint!("button.voided");
        let ended = if sessions { self.sessions.all().len() } else { 0 };
        if sessions {
            self.break_off(|_| true, "an operator revoked everything");
        }
        tracing::warn!(
            epoch,
            panic,
            sessions,
            calls = flights.len(),
            runners = runners.len(),
            "the red button was pressed"
        );
        TakenBack { epoch, flights, runners, sessions: ended }
    }

    /// What may fail or hang, and is waited for only so long.
    async fn follow_up(&self, taken: TakenBack, began: Instant) -> Revoked {
        let TakenBack { epoch, flights, runners, sessions } = taken;
        let mut undone = Vec::new();
        if let Err(error) = self.epoch.keep().await {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "the red button does not hold across a restart yet"
            );
            undone.push(format!("it does not hold across a restart yet: {}", chain(&error)));
        }
        failpoint!("button.kept");
        let landed = join_all(flights.iter().map(CancellationToken::cancelled));
        let dead = join_all(runners.iter().map(Leash::gone));
        let ended = timeout(DEAD_WITHIN, async { tokio::join!(dead, landed) });
        let (recorded, _late) = tokio::join!(timeout(RECORDED_WITHIN, self.tell_button()), ended);
        failpoint!("button.dead");
        if recorded.is_err() || !self.epoch.untold().0.is_empty() {
            undone.push("it is not in the audit log yet; the record follows when the log can be written".to_owned());
        }
        let late = flights.iter().filter(|flight| !flight.is_cancelled()).count();
        if late > 0 {
            undone.push(format!("{late} calls have not come to their end yet; nothing of theirs is let out"));
        }
        let (gone, left): (Vec<_>, Vec<_>) = runners.iter().partition(|leash| leash.is_gone());
        let unconfirmed: Vec<_> = left.iter().map(|leash| leash.container().clone()).collect();
        if !unconfirmed.is_empty() {
            let (many, within) = (unconfirmed.len(), DEAD_WITHIN.as_secs());
            undone.push(format!(
                "{many} runners are not confirmed to be dead: the container engine has not said so within {within} s. \
                 Nothing is sent to them or taken from them; look at the engine"
            ));
        }
        let (panic, calls, killed) = (self.epoch.is_panic(), flights.len(), gone.len());
        Revoked { epoch, panic, calls, sessions, killed, unconfirmed, undone, took_ms: ms(began) }
    }

    /// Tells the audit log what the button has done and the log does not have yet, in order; what cannot be written
    /// now is tried again. The file follows.
    pub(crate) async fn tell_button(&self) {
        let (untold, forgotten) = self.epoch.untold();
        if forgotten > 0 {
            tracing::warn!(forgotten, "the red button was pressed more often than could be kept for the audit log");
        }
        for decided in untold {
            let decision = decided.decision;
            if let Err(error) = self.audit.write_durable(Entry::Decided(decided)).await {
                tracing::error!(%error, %decision, "the red button is in force and not yet in the audit log");
                break;
            }
            failpoint!("button.recorded");
            self.epoch.told(decision);
        }
        if self.epoch.is_dirty()
            && let Err(error) = self.epoch.keep().await
        {
            tracing::error!(error = &error as &dyn std::error::Error, "the epoch is not on the disk");
        }
    }
}

/// Presses it for a hub that does not run: what was issued is void when it starts, and everything is stopped then if
/// that was asked for. Gives the epoch.
///
/// # Errors
/// When a hub has the directory, or nothing can be kept in it.
pub async fn press_without_hub(data: &Path, press: Press, by: &str) -> Result<u64, PressError> {
    let _ours = crate::data::DataDir::open(data)?;
    let epoch = Epoch::open(_ours.root())?;
    let (Press { sessions, panic }, by) = (press, clean::line(by, BY_BYTES));
    let number = epoch.raise(panic, |epoch| Decision::AllRevoked { epoch, sessions, panic, by });
    epoch.keep().await.map_err(|error| PressError::Kept(chain(&error)))?;
    Ok(number)
}

fn ms(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
