//! The words of the model as text, the same in manifests, messages and JSON.

use crate::http::{PathRecord, Scheme};
use crate::model::{Access, ArgumentsRecord, Clock, ContainerSize, Gate, LoopAfter, RunnerScope, Runtime, Tier, Tool};
use std::fmt;

macro_rules! shown {
    ($type:ty, $($value:path => $text:literal),*) => {
        impl $type {
            /// The word as manifests write it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $($value => $text),*
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

shown!(Tier, Tier::User => "user", Tier::Write => "write", Tier::Admin => "admin", Tier::Critical => "critical");
shown!(Access, Access::Read => "read", Access::Write => "write");
shown!(Clock, Clock::Monotonic => "monotonic", Clock::Wall => "wall");
shown!(RunnerScope, RunnerScope::Session => "session", RunnerScope::Call => "call");
shown!(ContainerSize, ContainerSize::Small => "small", ContainerSize::Large => "large");
shown!(Gate, Gate::Profile => "profile", Gate::Approval => "approval");
shown!(ArgumentsRecord, ArgumentsRecord::Digest => "digest", ArgumentsRecord::Arguments => "arguments");
shown!(Runtime, Runtime::Runc => "runc", Runtime::Runsc => "runsc");

shown!(PathRecord, PathRecord::Digest => "digest", PathRecord::Path => "path");

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for LoopAfter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Calls(calls) => calls.fmt(f),
            Self::Never => f.write_str("never"),
        }
    }
}

impl Tier {
    /// Whether every call has a runner of its own, whatever the manifest says.
    #[must_use]
    pub const fn always_per_call(self) -> bool {
        matches!(self, Self::Admin | Self::Critical)
    }

    /// Whether each call needs a person's answer, whatever the manifest says.
    #[must_use]
    pub const fn needs_approval(self) -> bool {
        matches!(self, Self::Admin | Self::Critical)
    }
}

impl Tool {
    /// Whether each call needs a person's answer: by its tier, or since the manifest says so of this tool.
    #[must_use]
    pub const fn is_escalated(&self) -> bool {
        matches!(self.gate, Gate::Approval) || self.tier.needs_approval()
    }
}
