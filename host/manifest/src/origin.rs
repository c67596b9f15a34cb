//! Where each effective value came from, kept beside the manifest so that `explain` can say it.

use crate::model::{Clock, Tier};
use crate::names::{ComponentName, EnvName, MountName, ProfileName, ToolName};
use crate::source::Line;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// It is written there.
    Written(Line),
    /// The tool says nothing, and this line of its tier holds.
    Tier(Tier, Line),
    /// Nobody says anything, and this rule holds.
    Rule(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Written(line) => write!(f, "{line}"),
            Self::Tier(tier, line) => write!(f, "default of tier {tier} at {line}"),
            Self::Rule(rule) => f.write_str(rule),
        }
    }
}

/// Where a tool's values came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolOrigins {
    /// The tool's table.
    pub tool: Line,
    /// Its component.
    pub component: Line,
    /// Its tier.
    pub tier: Line,
    /// Its reason.
    pub reason: Line,
    /// Its runner scope.
    pub runner: Origin,
    /// The size of its container.
    pub size: Origin,
    /// What stands before its calls.
    pub gate: Origin,
    /// What the audit log has of its arguments.
    pub record: Origin,
    /// Its directories, in the order of `Grants::fs`.
    pub fs: Vec<Line>,
    /// Its environment.
    pub env: BTreeMap<EnvName, Line>,
    /// Its clocks.
    pub clocks: BTreeMap<Clock, Line>,
    /// Its trapping imports.
    pub trap_imports: BTreeMap<String, Line>,
    /// What it may ask of the outside, in the order of `Grants::http`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub http: Vec<HttpOrigins>,
    /// Its limits, by their names in the manifest.
    pub limits: BTreeMap<String, Origin>,
}

/// Where the parts of one grant of HTTP came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpOrigins {
    /// Its table.
    pub grant: Line,
    /// The entry of the ceiling that it lies within.
    pub ceiling: Line,
    /// Its fields, by their names in the manifest; without those that can only be as they are.
    pub fields: BTreeMap<String, Origin>,
}

/// Where a tier's values came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TierOrigins {
    /// The tier's table.
    pub tier: Line,
    /// Its concurrent calls.
    pub concurrent_calls: Line,
    /// Its rate.
    pub calls_per_hour: Line,
    /// The rate of a principal.
    pub principal_calls_per_hour: Origin,
    /// When a session that repeats itself is paused.
    pub loop_after: Origin,
    /// Its budget's calls.
    pub budget_calls: Origin,
    /// Its budget's wall time.
    pub budget_wall: Origin,
    /// Its budget's egress.
    pub budget_egress: Origin,
    /// Its idle time.
    pub idle: Origin,
    /// What stands before its calls once the session has read something from outside.
    pub after_outside: Origin,
    /// What runs its containers.
    pub runtime: Origin,
    /// Who may answer for its calls.
    pub approvers: Origin,
}

/// Where everything came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origins {
    /// The manifest's name.
    pub name: Line,
    /// Tiers.
    pub tiers: BTreeMap<Tier, TierOrigins>,
    /// Mounts.
    pub mounts: BTreeMap<MountName, Line>,
    /// Components.
    pub components: BTreeMap<ComponentName, Line>,
    /// Tools.
    pub tools: BTreeMap<ToolName, ToolOrigins>,
    /// Profiles.
    pub profiles: BTreeMap<ProfileName, Line>,
}
