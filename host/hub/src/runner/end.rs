//! How a runner ends, and who is told what.

use futures_util::future::BoxFuture;
use std::fmt;

/// Why a runner is no more.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Why {
    /// Its owner has no more use for it.
    #[default]
    Released,
    /// It said something that does not fit what it was asked.
    Violation(String),
    /// It did not end a call at its deadline, or after it was cancelled.
    Deadline,
    /// It did not say hello in time.
    NoHello,
    /// It did not take its ticket in time.
    NotReady,
    /// It refused its ticket; its words, cleaned.
    Refused(String),
    /// Its output ended.
    StreamEnded,
    /// Its input or output failed.
    Stream(String),
    /// Something is wrong with the hub itself.
    Fault(String),
    /// An operator pressed the red button.
    TakenBack,
    /// It answered no ping.
    Silent,
    /// Its container is too old to live on.
    Lifetime,
}

impl Why {
    /// What the audit log must know of it.
    pub(crate) fn verdict(&self) -> Verdict {
        match self {
            Self::Released | Self::TakenBack | Self::Lifetime => Verdict::Wanted,
            Self::Violation(_) | Self::Deadline | Self::NoHello | Self::NotReady | Self::Silent => Verdict::Breach,
            Self::Refused(_) | Self::StreamEnded | Self::Stream(_) | Self::Fault(_) => Verdict::Loss,
        }
    }

    /// As the audit log has it: without a word of the runner's own.
    pub(crate) fn for_audit(&self) -> String {
        match self {
            Self::Refused(_) => "refused its ticket".to_owned(),
            other => other.to_string(),
        }
    }
}

/// What an end says about its runner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Its owner wanted it.
    Wanted,
    /// It broke a rule.
    Breach,
    /// It ended and nobody had ended it.
    Loss,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Released => f.write_str("was released"),
            Self::Violation(what) => write!(f, "broke the protocol: {what}"),
            Self::Deadline => f.write_str("did not end a call in time"),
            Self::NoHello => f.write_str("said no hello in time"),
            Self::NotReady => f.write_str("did not take its ticket in time"),
            Self::Refused(words) => write!(f, "refused its ticket: {words}"),
            Self::StreamEnded => f.write_str("ended by itself"),
            Self::Stream(error) => write!(f, "was lost: {error}"),
            Self::Fault(error) => write!(f, "was given up by the hub: {error}"),
            Self::TakenBack => f.write_str("was ended by the red button"),
            Self::Silent => f.write_str("answered no ping"),
            Self::Lifetime => f.write_str("was past its container's lifetime"),
        }
    }
}

/// What the engine says of a container's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Fate {
    /// The kernel killed something in it for want of memory.
    pub(crate) out_of_memory: bool,
    /// Its exit code.
    pub(crate) exit_code: Option<i64>,
    /// Nobody has confirmed that it is gone: the engine did not, or answered with an error.
    pub(crate) left: bool,
}

/// The end of a runner, for whoever waited for it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct RunnerEnd {
    pub(crate) why: Why,
    pub(crate) fate: Fate,
}

impl fmt::Display for RunnerEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the runner {}", self.why)?;
        match self.fate {
            Fate { out_of_memory: true, .. } => f.write_str(" (its container ran out of memory)"),
            Fate { exit_code: Some(code), .. } => write!(f, " (exit code {code})"),
            Fate { .. } => Ok(()),
        }
    }
}

/// Who ended it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Departure {
    /// It did: the engine will say more in a moment.
    ByItself,
    /// We do.
    ByUs,
}

/// Kills the container, if it still is one, and says what became of it.
pub(crate) type Reap = Box<dyn FnOnce(Departure, Why) -> BoxFuture<'static, Fate> + Send>;
