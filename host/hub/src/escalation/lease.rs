//! A lease: a time-limited permission to call one escalated tool with one set of arguments. Pure.
//!
//! It begins with a person's answer, and no use makes it longer. Under one of tier `critical` one call runs, and
//! under one of a request that request is made once.

use super::approval::Refusal;
use super::binding::Binding;
use jiff::Timestamp;

/// How many calls may run under it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Uses {
    /// One, and none after it.
    One,
    /// As many as come before its end.
    Many,
}

/// Where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LeaseState {
    Open,
    /// Its one call was begun.
    Used,
    /// Its time is over.
    Expired,
    /// Taken back: what still runs under it is let out no more.
    Void,
}

/// A permission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) state: LeaseState,
    pub(crate) binding: Binding,
    pub(crate) uses: Uses,
    /// No call begins at this moment or later.
    pub(crate) ends: Timestamp,
    /// Calls that were begun.
    pub(crate) calls: u32,
}

/// Something happens to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LeaseEvent {
    /// A call of this binding wants to run.
    Called(Timestamp, Binding),
    /// Time passes.
    Looked(Timestamp),
    /// As [`super::approval::Event::TakenBack`].
    TakenBack,
}

/// What follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LeaseAction {
    /// The call may run.
    Run,
    /// It may not.
    Refuse(Refusal),
    /// Calls that run under it are broken off.
    BreakOff,
    /// Nothing.
    Nothing,
}

impl Lease {
    /// One that begins now.
    pub(crate) fn granted(binding: Binding, uses: Uses, ends: Timestamp) -> Self {
        Self { state: LeaseState::Open, binding, uses, ends, calls: 0 }
    }

    /// What becomes of it.
    pub(crate) fn step(mut self, event: LeaseEvent) -> (Self, LeaseAction) {
        let action = match (self.state, event) {
            (LeaseState::Void, LeaseEvent::Called(..)) => LeaseAction::Refuse(Refusal::Void),
            (LeaseState::Used, LeaseEvent::Called(..)) => LeaseAction::Refuse(Refusal::Used),
            (LeaseState::Expired, LeaseEvent::Called(..)) => LeaseAction::Refuse(Refusal::Expired),
            (LeaseState::Open, LeaseEvent::Called(at, _) | LeaseEvent::Looked(at)) if at >= self.ends => {
                self.state = LeaseState::Expired;
                LeaseAction::Refuse(Refusal::Expired)
            }
            (LeaseState::Open, LeaseEvent::Called(_, by)) if by != self.binding => LeaseAction::Refuse(Refusal::Other),
            (LeaseState::Open, LeaseEvent::Called(..)) => {
                self.calls = self.calls.saturating_add(1);
                if self.uses == Uses::One {
                    self.state = LeaseState::Used;
                }
                LeaseAction::Run
            }
            // A call that is under way when its lease is taken back loses its answer, however it began.
            (LeaseState::Open | LeaseState::Used | LeaseState::Expired, LeaseEvent::TakenBack) => {
                self.state = LeaseState::Void;
                LeaseAction::BreakOff
            }
            (_, LeaseEvent::Looked(_)) | (LeaseState::Void, LeaseEvent::TakenBack) => LeaseAction::Nothing,
        };
        (self, action)
    }
}
