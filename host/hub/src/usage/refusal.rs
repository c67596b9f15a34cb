//! Why a call does not get its turn, for each reader.

use crate::api::{CallOutcome, SessionId};
use crate::metrics::Reason;
use crate::policy;
use manifest::Tier;

/// What a session or a principal has used up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Calls in an hour.
    Rate {
        /// Its name in the manifest.
        limit: &'static str,
        /// Its value.
        most: u32,
        /// When there is room again, in seconds from now.
        again_s: u64,
    },
    /// What does not come back.
    Budget {
        /// Its name.
        limit: &'static str,
        /// Its value.
        most: u64,
    },
    /// It repeats itself, and waits for an operator.
    Paused {
        /// Which.
        session: SessionId,
        /// After so many identical calls.
        calls: u32,
    },
    /// More are remembered than the hub takes.
    Full,
}

impl Refusal {
    pub(super) const SESSION_RATE: &'static str = "calls_per_hour";
    pub(super) const PRINCIPAL_RATE: &'static str = "principal_calls_per_hour";
    pub(super) const BUDGET_CALLS: &'static str = "budget_calls";
    pub(super) const BUDGET_WALL: &'static str = "budget_wall_s";
    pub(super) const BUDGET_EGRESS: &'static str = "budget_egress_bytes";

    /// For the agent.
    pub(crate) fn outcome(&self) -> CallOutcome {
        let limit = |limit: &str, value: u64, then: &str| CallOutcome::Limit {
            limit: limit.to_owned(),
            value,
            text: format!("the call hit its limit {limit} = {value}; {then}"),
        };
        match self {
            Self::Rate { limit: which, most, again_s } => {
                limit(which, (*most).into(), &format!("try again in {again_s} s"))
            }
            Self::Budget { limit: which, most } => {
                limit(which, *most, "this does not come back by waiting: ask the operator")
            }
            Self::Paused { .. } => CallOutcome::Denied { reason: self.paused(), approvable: false },
            Self::Full => limit("usage_accounts", super::MOST as u64, "try again in an hour"),
        }
    }

    /// For the operator: the line that decided, and what would change it.
    pub(crate) fn operator(&self, tier: Tier) -> String {
        let tier = policy::word(tier);
        match self {
            Self::Rate { limit, most, again_s } => {
                format!("{limit} = {most} in [tiers.{tier}]; there is room again in {again_s} s")
            }
            Self::Budget { limit, most } => {
                let field = match *limit {
                    Self::BUDGET_CALLS => format!("calls = {most}"),
                    Self::BUDGET_EGRESS => format!("egress = \"{most}\""),
                    _ => format!("wall = \"{most}s\""),
                };
                format!(
                    "{field} in [tiers.{tier}.budget] is used up and does not come back: raise it, or give its holder another token"
                )
            }
            Self::Paused { .. } => self.paused(),
            Self::Full => "the hub remembers what too many sessions and principals have used; it forgets principals after an hour without a call".to_owned(),
        }
    }

    /// For the metrics.
    pub(crate) fn reason(&self) -> Reason {
        match self {
            Self::Rate { .. } | Self::Full => Reason::Rate,
            Self::Budget { .. } => Reason::Budget,
            Self::Paused { .. } => Reason::Paused,
        }
    }

    fn paused(&self) -> String {
        let Self::Paused { session, calls } = self else { return String::new() };
        format!(
            "paused after {calls} identical calls with identical results; an operator can resume it: safeclaw sessions resume {session}"
        )
    }
}
