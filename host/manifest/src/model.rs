//! What a manifest means once it has been read. Every field here is enforced somewhere, and
//! `docs/limits.md` and `manifests/README.md` say where.

use crate::http::HttpGrant;
use crate::names::{ApproverName, ComponentName, Digest, EnvName, MountName, ProfileName, ToolName};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// How much friction stands before a call. What is listed in none is denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// Reading; the profile is the gate.
    User,
    /// Changing things inside granted mounts; a profile that has this tier is the gate.
    Write,
    /// Needs a person's approval.
    Admin,
    /// Needs another person's approval with a second factor, for one call.
    Critical,
}

/// What may be done in a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// List, stat and read.
    Read,
    /// Also create, change and remove.
    Write,
}

/// A clock a guest may read. One that is not granted stands still at zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Clock {
    /// Time since an arbitrary moment.
    Monotonic,
    /// The date.
    Wall,
}

/// Whom a runner serves before it is destroyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunnerScope {
    /// One session's calls to tools of this tier.
    Session,
    /// One call.
    Call,
}

/// The size of the container a tool's runner lives in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ContainerSize {
    /// 0.5 CPU, 512 MiB, 100 pids.
    Small,
    /// 2 CPU, 2 GiB, 100 pids.
    Large,
}

/// What the audit log has of a call's arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ArgumentsRecord {
    /// A digest with a key of the hub's, and their size.
    Digest,
    /// The arguments too, cleaned and cut at 4 KiB.
    Arguments,
}

/// What stands before a tool's calls. More friction is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Gate {
    /// Whoever has it in a profile may call it.
    Profile,
    /// A person's answer to that very call.
    Approval,
}

/// What runs a tier's containers. A stronger one is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Runtime {
    /// The host's kernel serves the runner's system calls, as far as the filters let them through.
    Runc,
    /// gVisor: a kernel of its own, in user space, serves them.
    Runsc,
}

/// Bounds on one call, all enforced by the runner's engine; the hub checks sizes once more.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Limits {
    /// Linear memories and tables, summed over the instance.
    pub memory_bytes: u64,
    /// CPU time of the call, in the guest and in host calls made for it.
    pub cpu_ms: u32,
    /// Wall time around the whole call.
    pub deadline_ms: u32,
    /// The arguments' JSON text.
    pub arguments_bytes: u32,
    /// All content blocks and structured content together.
    pub result_bytes: u32,
    /// Standard output, standard error and log messages together; what is over is counted, not kept.
    pub log_bytes: u32,
    /// Open resource handles (files, streams, pollables).
    pub handles: u32,
}

/// One directory of a mount.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FsGrant {
    /// Which mount.
    pub mount: MountName,
    /// A directory below the mount, relative, `.` for all of it; checked: no `..`, not absolute.
    pub path: String,
    /// What may be done there.
    pub access: Access,
}

/// What a tool may do. The default is nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grants {
    /// Directories.
    pub fs: Vec<FsGrant>,
    /// Environment, fixed by the manifest: never the hub's own.
    pub env: BTreeMap<EnvName, String>,
    /// Clocks.
    pub clocks: BTreeSet<Clock>,
    /// Imports that link to a trap instead of being refused at registration.
    pub trap_imports: BTreeSet<String>,
    /// What it may ask of the outside.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub http: Vec<HttpGrant>,
    /// Bounds.
    pub limits: Limits,
}

/// A tool, its tier and its effective grants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// Its name, in the manifest, in the component and for MCP.
    pub name: ToolName,
    /// The component that has it.
    pub component: ComponentName,
    /// Its tier.
    pub tier: Tier,
    /// Whom its runner serves.
    pub runner: RunnerScope,
    /// The size of its container.
    pub size: ContainerSize,
    /// What stands before its calls.
    pub gate: Gate,
    /// What the audit log has of its arguments.
    pub record: ArgumentsRecord,
    /// What it may do.
    pub grants: Grants,
    /// Why the operator grants it.
    pub reason: String,
}

/// A directory of the host that tools can be granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// Its name.
    pub name: MountName,
    /// Absolute host path; without one the operator names it when the hub starts (`--mount NAME=DIR`).
    pub source: Option<String>,
    /// Where guests see it: absolute, one or more plain components.
    pub path: String,
    /// Why it exists.
    pub reason: String,
}

/// A component as a manifest names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    /// Its name.
    pub name: ComponentName,
    /// The digest it must have; another file under this name is then refused.
    pub digest: Option<Digest>,
}

/// Which tools a principal may ever see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Its name.
    pub name: ProfileName,
    /// Tiers it sees.
    pub tiers: BTreeSet<Tier>,
    /// If given, only these tools of those tiers.
    pub tools: Option<BTreeSet<ToolName>>,
}

/// What one session may use up in one tier, from its first call to its end. None of it comes back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Calls that were let through. `None`: no bound besides the rate.
    pub calls: Option<u32>,
    /// Wall time of calls in their runners, added up. `None`: no bound besides each call's deadline.
    pub wall_s: Option<u32>,
    /// Bytes of egress, in both directions. `None`: no bound besides each request's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub egress_bytes: Option<u64>,
}

/// After how many identical calls with identical results in a row a session waits for an operator. A greater one
/// allows more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LoopAfter {
    /// So many.
    Calls(u32),
    /// It is never paused.
    Never,
}

/// A tier's ceiling and what holds for all of its tools.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TierRules {
    /// Which tier.
    pub tier: Tier,
    /// The most a tool of this tier can be granted; its limits are also the defaults.
    pub ceiling: Ceiling,
    /// Calls of one session in any hour.
    pub calls_per_hour: u32,
    /// Calls of all sessions of one principal together in any hour.
    pub principal_calls_per_hour: u32,
    /// What one session may use up for as long as it lasts.
    pub budget: Budget,
    /// When a session that repeats itself is paused.
    pub loop_after: LoopAfter,
    /// Calls of one session at once, in this tier.
    pub concurrent_calls: u32,
    /// A runner without a call for this long is killed.
    pub idle_s: u32,
    /// What stands before its calls once a tool of the session has read something from outside: what was read may be
    /// speaking. Each call that does not wait for an approval anyway then does, with [`Gate::Approval`].
    #[serde(default = "profile", skip_serializing_if = "is_profile")]
    pub after_outside: Gate,
    /// What runs its containers. Of the tier and not of a tool, so that no tool can lower it.
    pub runtime: Runtime,
    /// Who may answer for its calls; whoever is enrolled at the hub where none is named. Only of a tier whose calls
    /// need an approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approvers: Option<BTreeSet<ApproverName>>,
}

fn profile() -> Gate {
    Gate::Profile
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_profile(gate: &Gate) -> bool {
    *gate == Gate::Profile
}

/// The most that a tool of a tier can be granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ceiling {
    /// Directories, each covering what lies below it.
    pub fs: Vec<FsGrant>,
    /// Names of environment variables that may be set.
    pub env: BTreeSet<EnvName>,
    /// Clocks.
    pub clocks: BTreeSet<Clock>,
    /// What may be asked of the outside, each covering what is within it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub http: Vec<HttpGrant>,
    /// The largest container.
    pub size: ContainerSize,
    /// The widest runner scope: `session` allows both, `call` only one runner a call.
    pub runner: RunnerScope,
    /// Upper bounds.
    pub limits: Limits,
}

/// A whole manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Its name.
    pub name: String,
    /// Tiers that exist; a tool can only be in one of these.
    pub tiers: BTreeMap<Tier, TierRules>,
    /// Mounts.
    pub mounts: BTreeMap<MountName, Mount>,
    /// Components.
    pub components: BTreeMap<ComponentName, Component>,
    /// Tools.
    pub tools: BTreeMap<ToolName, Tool>,
    /// Profiles.
    pub profiles: BTreeMap<ProfileName, Profile>,
}
