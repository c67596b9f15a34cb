//! One approval, from the request to its end. Pure: events come in with their time, what is to be done goes out.
//!
//! ```text
//! pending ──▶ approved ──▶ claimed ──▶ executed
//!    │            │            └─────▶ outcome-unknown
//!    ├──▶ denied  │
//!    ├──▶ expired ◀┤
//!    └──▶ void   ◀┘   (and a claimed one that did not run)
//! ```
//! No state is left twice, so an approval is claimed at most once.

use super::binding::Binding;
use super::lease::{Lease, Uses};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How long a person has to answer.
pub(crate) const ANSWER_WITHIN: SignedDuration = SignedDuration::from_secs(600);
/// How long an answer is good: the first call has to come within it, and under a lease the last one has to begin.
pub(crate) const LEASE: SignedDuration = SignedDuration::from_secs(300);

/// Where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// Nobody has answered.
    Pending,
    /// A person allowed it, and nothing has run yet.
    Approved,
    /// A person did not allow it.
    Denied,
    /// Nobody answered in time, or nobody used the answer in time.
    Expired,
    /// Taken back before anything ran.
    Void,
    /// A call has it. Durable before the call's frame is sent.
    Claimed,
    /// That call has come to an end.
    Executed,
    /// The hub died between the claim and the end: nobody can say whether it took effect.
    OutcomeUnknown,
}

impl State {
    /// As the store, the operator and the agent read it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Void => "void",
            Self::Claimed => "claimed",
            Self::Executed => "executed",
            Self::OutcomeUnknown => "outcome_unknown",
        }
    }
}

/// A person's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    Approve,
    Deny,
}

/// One request, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Approval {
    pub(crate) state: State,
    /// What was asked for, to the last byte.
    pub(crate) binding: Binding,
    /// An answer has to come before this moment.
    pub(crate) expires: Timestamp,
    /// A claim has to come before this moment, once there is an answer.
    pub(crate) usable_until: Option<Timestamp>,
}

/// Something happens to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// Somebody whose signature was checked has answered.
    Answered(Timestamp, Answer),
    /// A call of this binding wants to run.
    Claimed(Timestamp, Binding),
    /// Time passes.
    Looked(Timestamp),
    /// The red button, a new manifest, the end of its session, an operator, or the one who asked.
    TakenBack,
    /// The call that claimed it has ended, and whether anybody knows how.
    Ended { known: bool },
    /// The call that claimed it was stopped before a runner heard of it.
    NotRun,
    /// A hub starts and finds it.
    Restarted(Timestamp),
}

/// What follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// It is to be written down, and told the audit log.
    Store(State),
    /// From here on calls of its binding may run.
    Grant(Lease),
    /// This one call may run, once the claim is durable.
    Run,
    /// What was asked is refused.
    Refuse(Refusal),
}

/// Why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("it is not pending any more")]
    NotPending,
    #[error("it has expired")]
    Expired,
    #[error("nobody has allowed it")]
    NotApproved,
    #[error("it was used")]
    Used,
    #[error("it was taken back")]
    Void,
    #[error("it is of another call: another caller, tool, component, arguments, manifest or epoch")]
    Other,
}

impl Approval {
    /// A new one.
    pub(crate) fn requested(binding: Binding, at: Timestamp) -> Self {
        Self { state: State::Pending, binding, expires: later(at, ANSWER_WITHIN), usable_until: None }
    }

    /// What becomes of it.
    pub(crate) fn step(self, event: Event) -> (Self, Vec<Action>) {
        use State::*;
        match (self.state, event) {
            (Pending, Event::Answered(at, _)) if at >= self.expires => self.too_late(),
            (Pending, Event::Answered(at, Answer::Approve)) => self.granted(at),
            (Pending, Event::Answered(_, Answer::Deny)) => self.to(Denied),
            (_, Event::Answered(..)) => self.refuse(Refusal::NotPending),
            (Approved, Event::Claimed(at, _)) if self.usable_until.is_none_or(|end| at >= end) => self.too_late(),
            (Approved, Event::Claimed(_, by)) if by != self.binding => self.refuse(Refusal::Other),
            (Approved, Event::Claimed(..)) => {
                let (next, mut actions) = self.to(Claimed);
                actions.push(Action::Run);
                (next, actions)
            }
            (state, Event::Claimed(..)) => self.refuse(unusable(state)),
            (Pending, Event::Looked(at) | Event::Restarted(at)) if at >= self.expires => self.to(Expired),
            (Approved, Event::Looked(at)) if self.usable_until.is_none_or(|end| at >= end) => self.to(Expired),
            // What makes an answer is a signature that this process has checked; a row of a file is none.
            (Approved, Event::Restarted(_)) | (Pending | Approved, Event::TakenBack) => self.to(Void),
            (Claimed, Event::Ended { known: true }) => self.to(Executed),
            (Claimed, Event::Ended { known: false } | Event::Restarted(_)) => self.to(OutcomeUnknown),
            (Claimed, Event::NotRun) => self.to(Void),
            (_, Event::Looked(_) | Event::TakenBack | Event::Ended { .. } | Event::NotRun | Event::Restarted(_)) => {
                (self, Vec::new())
            }
        }
    }

    fn to(self, state: State) -> (Self, Vec<Action>) {
        (Self { state, ..self }, vec![Action::Store(state)])
    }

    fn refuse(self, why: Refusal) -> (Self, Vec<Action>) {
        (self, vec![Action::Refuse(why)])
    }

    fn too_late(self) -> (Self, Vec<Action>) {
        let (next, mut actions) = self.to(State::Expired);
        actions.push(Action::Refuse(Refusal::Expired));
        (next, actions)
    }

    fn granted(self, at: Timestamp) -> (Self, Vec<Action>) {
        let ends = later(at, LEASE);
        let uses = if self.binding.is_once() { Uses::One } else { Uses::Many };
        let lease = Lease::granted(self.binding.clone(), uses, ends);
        let (next, mut actions) = Self { usable_until: Some(ends), ..self }.to(State::Approved);
        actions.push(Action::Grant(lease));
        (next, actions)
    }
}

/// Why one in this state is not claimed.
fn unusable(state: State) -> Refusal {
    match state {
        State::Pending | State::Denied => Refusal::NotApproved,
        State::Expired => Refusal::Expired,
        State::Void => Refusal::Void,
        State::Approved | State::Claimed | State::Executed | State::OutcomeUnknown => Refusal::Used,
    }
}

/// A moment so much later; the same one at the end of time, where nothing is in time any more.
fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(at)
}
