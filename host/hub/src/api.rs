//! The hub as its faces see it: what they hand in, what they get back, and nothing of how.

pub use crate::audit::{BadHeadCopies, HeadCopies};
use crate::identity::{Config, Scopes};
use crate::manifests::Proposal;
use crate::store::{Location, StoreError};
use crate::tokens::TokenError;
pub use ::egress::Declared as EgressDeclared;
use container::ContainerName;
pub use container::ImageId;
use manifest::{BadName, ClassId, ComponentName, Digest, Manifest, MountName, ProfileName, Tier, ToolName};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use uuid::Uuid;

/// What a hub is started with.
#[derive(Debug, Clone)]
pub struct HubConfig {
    /// The data directory; made when it is missing.
    pub data: PathBuf,
    /// The store; in the data directory unless it is said otherwise.
    pub store: Option<Location>,
    /// What decides.
    pub governed: Governed,
    /// More places that no mount may contain or lie in: the manifest's directory, above all. The data
    /// directory, the engine's socket, `/proc`, `/sys` and `/dev` need not be said.
    pub private: Vec<PathBuf>,
    /// What stands around a runner.
    pub wall2: Wall2,
    /// Tiers whose tools this hub neither shows nor calls, whatever a profile says.
    pub denied_tiers: BTreeSet<Tier>,
    /// Parked runners.
    pub pool: PoolConfig,
    /// The issuers whose tokens are taken besides the hub's own.
    pub identity: Config,
    /// Where heads of the audit log are copied to, if anywhere.
    pub audit_heads: Option<HeadCopies>,
    /// What the operator says of the outside, with the credentials in force.
    pub egress: ::egress::Declared,
}

/// What decides over a hub.
#[derive(Debug, Clone)]
pub enum Governed {
    /// One manifest for the life of the process: for one agent, for one command, for tests.
    Fixed {
        /// The manifest.
        manifest: Box<Manifest>,
        /// Host directories for mounts that name none (`--mount NAME=DIR`).
        mounts: BTreeMap<MountName, PathBuf>,
    },
    /// The last version that an operator has applied. Another one can be applied while the hub runs.
    Versions {
        /// Applied if there is no version yet; otherwise only compared with the one in force.
        first: Option<Proposal>,
    },
}

/// How many runners wait, started and knowing nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolConfig {
    /// Per class of containers; 0 means that each runner is started when it is needed.
    pub per_class: usize,
    /// For all classes together.
    pub total: usize,
}

impl Default for PoolConfig {
    fn default() -> Self {
        Self { per_class: 2, total: 16 }
    }
}

/// The wall around a runner.
#[derive(Debug, Clone)]
pub enum Wall2 {
    /// A container.
    Engine {
        /// The container engine's socket.
        socket: PathBuf,
        /// The runner image.
        image: ImageId,
    },
    /// A container, by a launcher in a process of its own: this one holds no engine's socket.
    Launcher {
        /// The connection to it, on which nothing has been said yet.
        connection: Arc<UnixStream>,
        /// The runner image that it starts.
        image: ImageId,
    },
    /// A child process: wall 2 is off. For authors (`--no-container`).
    Off {
        /// The runner program.
        runner: PathBuf,
        /// The compile program.
        compile: PathBuf,
    },
}

/// Names a session: the `jti` of the hub's own token, a digest of an issuer's authorization, or what the hub chose for
/// a caller of its own process.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(pub String);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who calls. Only [`crate::Hub`] makes one, so that to hold one is to have been let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The session: everything done under one authorization.
    pub session: SessionId,
    /// The principal, as the operator named it.
    pub principal: String,
    /// Its profile.
    pub profile: ProfileName,
    /// What its token lets it call of that.
    pub scopes: Scopes,
}

/// A tool that a caller may see.
#[derive(Debug, Clone)]
pub struct ListedTool {
    /// As its component describes it; cleaned.
    pub description: protocol::ToolDescription,
    /// Its tier.
    pub tier: Tier,
    /// The schema of the arguments.
    pub input_schema: Arc<serde_json::Map<String, serde_json::Value>>,
    /// The schema of the structured result.
    pub output_schema: Option<Arc<serde_json::Map<String, serde_json::Value>>>,
    /// Listed, but a call needs an approval.
    pub needs_approval: bool,
}

/// Something that happens while a call runs. Guest text, cleaned.
#[derive(Debug, Clone, PartialEq)]
pub enum CallNote {
    /// How far it has come.
    Progress(protocol::Progress),
    /// Something it wrote.
    Log(protocol::Log),
}

/// The end of a call.
#[derive(Debug, Clone, PartialEq)]
pub struct CallEnd {
    /// How it ended.
    pub outcome: CallOutcome,
    /// Figures reported by the runner; for display.
    pub usage: Option<protocol::Usage>,
    /// Wall time around the whole call, microseconds, measured by the hub.
    pub wall_us: u64,
    /// The call's id in the audit log.
    pub call_id: Uuid,
    /// Whether its tool had begun to run when it was denied: what it did until then is not undone.
    pub begun: bool,
    /// What it waits for, where it was denied and a person's answer could allow it.
    pub approval: Option<PendingApproval>,
}

/// An approval that waits for a person's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingApproval {
    /// Its id: `safeclaw approve ID`.
    pub id: String,
    /// An answer has to come before this moment.
    pub expires: jiff::Timestamp,
}

/// An approval as a task of the caller's own session.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskView {
    /// Since when.
    pub requested: jiff::Timestamp,
    /// An answer has to come before this moment.
    pub expires: jiff::Timestamp,
    /// How it stands.
    pub state: TaskState,
}

/// How a task stands.
#[derive(Debug, Clone, PartialEq)]
pub enum TaskState {
    /// In words.
    Working(&'static str),
    /// With what; and whether it ran: `approved-executed`, `denied-not-executed` or `outcome-unknown`.
    Ended(Box<CallEnd>, &'static str),
}

/// The ways a call ends, kept apart up to the agent.
#[derive(Debug, Clone, PartialEq)]
pub enum CallOutcome {
    /// The tool answered; `is_error` says that the tool itself failed. Cleaned, its size checked.
    Answer(protocol::Answer),
    /// No such tool, for this caller: one that its profile hides cannot be told from one that is not there.
    UnknownTool,
    /// Policy said no.
    Denied {
        /// For the agent; names no manifest line.
        reason: String,
        /// Whether a person's approval could allow it.
        approvable: bool,
    },
    /// A bound was hit.
    Limit {
        /// Which, by its name in the manifest.
        limit: String,
        /// Its value, in the unit of its name.
        value: u64,
        /// In words.
        text: String,
    },
    /// A trap, a lost runner or a fault of ours; the log has the chain under this id.
    Broken {
        /// The call's id.
        id: Uuid,
    },
    /// The caller cancelled it.
    Cancelled,
}

/// A session, for the operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionView {
    /// Its id.
    pub id: SessionId,
    /// Whose it is.
    pub principal: String,
    /// Its profile.
    pub profile: ProfileName,
    /// Seconds since its first use.
    pub age_s: u64,
    /// Seconds since its last call ended, 0 while one runs.
    pub idle_s: u64,
    /// Calls that run.
    pub open_calls: usize,
    /// Calls that were let through to a runner.
    pub calls: u64,
    /// Calls that were denied.
    pub denied: u64,
    /// Tiers in which it waits for an operator, since it repeated itself.
    #[serde(default)]
    pub paused: Vec<Tier>,
    /// Its runners.
    pub runners: Vec<RunnerView>,
}

/// A container, for whoever compares it with what the engine has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerView {
    /// Its name.
    pub container: ContainerName,
    /// Its class.
    pub class: ClassId,
    /// What the engine was asked for: the body of "create".
    pub body: serde_json::Value,
}

/// A runner, for the operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunnerView {
    /// Its container.
    pub container: ContainerName,
    /// Its class.
    pub class: ClassId,
    /// Calls that run in it.
    pub open_calls: usize,
    /// Seconds since it was given to the session.
    pub age_s: u64,
}

/// A registered component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    /// The operator's name for it.
    pub name: ComponentName,
    /// Digest of the Wasm.
    pub component: Digest,
    /// Size of the Wasm.
    pub component_bytes: u64,
    /// Digest of the artefact.
    pub artefact: Digest,
    /// Size of the artefact.
    pub artefact_bytes: u64,
    /// What can load the artefact.
    pub compatibility: String,
    /// Instances it imports.
    pub imports: Vec<String>,
    /// Imports that link to a trap, since a tool of the manifest says so.
    pub trap_imports: BTreeSet<String>,
    /// Whether it was compiled with `wasi:http`: the manifest granted HTTP to a tool of it.
    #[serde(default)]
    pub http: bool,
    /// Its tools; guest text cleaned.
    pub tools: Vec<RegisteredTool>,
    /// Which programs compiled and described it: others do both anew.
    pub made_with: String,
    /// When, UTC.
    pub registered: String,
}

/// One tool of a registered component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisteredTool {
    /// Its name.
    pub name: ToolName,
    /// For people.
    pub title: Option<String>,
    /// For the model.
    pub description: String,
    /// JSON Schema of the arguments.
    pub input_schema: String,
    /// JSON Schema of the structured result.
    pub output_schema: Option<String>,
    /// Hints for display.
    pub hints: protocol::Hints,
}

/// How the hub is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Whether every tool of the manifest can be called.
    pub ok: bool,
    /// It takes no new calls.
    pub draining: bool,
    /// The manifest's name.
    pub manifest: String,
    /// Its version; none where one manifest is in force for the life of the hub, or none at all.
    pub manifest_version: Option<u64>,
    /// The digest of what is in force: the manifest's, or that of a version with its mounts and components.
    pub manifest_digest: Digest,
    /// `engine` or `off`.
    pub wall2: String,
    /// Tools that can be called.
    pub tools: usize,
    /// Sessions that live.
    pub sessions: usize,
    /// Runners that serve a session.
    pub runners: usize,
    /// Runners that are parked.
    pub parked: usize,
    /// Raised by the red button: what was issued under an older one is void.
    #[serde(default)]
    pub epoch: u64,
    /// An operator has stopped everything: no tool is called until `safeclaw resume`.
    #[serde(default)]
    pub panic: bool,
    /// How long ago the hub did what it does between calls, in seconds; none when it has not yet.
    #[serde(default)]
    pub upkeep_s: Option<u64>,
    /// Runners that serve somebody and have been asked for a sign of life that has not come yet. One that is silent
    /// for 30 s is killed.
    #[serde(default)]
    pub silent_runners: usize,
    /// What is wrong, each with its remedy.
    pub problems: Vec<String>,
    /// What may become wrong, each with its remedy.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// A profile that the manifest does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the manifest has no profile `{0}`; it has: {1}")]
pub struct UnknownProfile(pub ProfileName, pub String);

/// Why a session does not go on.
#[derive(Debug, thiserror::Error)]
pub enum ResumeError {
    /// Nothing stops it.
    #[error("session {0} is not paused: `safeclaw sessions` and `safeclaw health` show those that are")]
    NotPaused(SessionId),
    /// It could not be written down, and so it stays paused.
    #[error("the session stays paused: the store cannot be written")]
    Store(#[from] StoreError),
}

/// Why a hub did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// What the operator says of the outside cannot be used.
    #[error("tools cannot be let to the outside")]
    Egress(#[source] ::egress::BadSettings),
    /// The data directory cannot be used.
    #[error("the data directory {path} cannot be used: {what}")]
    Data {
        /// The directory or file.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// Another hub holds it.
    #[error("another hub is running on {0}; stop it, or start this one with another --data DIR")]
    Locked(PathBuf),
    /// A file of the data directory does not hold what it should.
    #[error("{path} is damaged: {what}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// A mount that the manifest wants has no directory.
    #[error("mount `{0}` has no directory; say --mount {0}=DIR")]
    MountWithoutSource(MountName),
    /// A mount was named that the manifest does not have.
    #[error("the manifest has no mount `{0}`")]
    UnknownMount(MountName),
    /// A tier wants a runtime that cannot be had.
    #[error("[tiers.{tier}] says `runtime = \"runsc\"`, which this engine cannot do")]
    Runtime {
        /// Which tier.
        tier: Tier,
        /// What is wrong and what to do.
        #[source]
        source: container::LauncherError,
    },
    /// The launcher did not start.
    #[error("the launcher did not start")]
    Launcher(#[from] container::LauncherError),
    /// The store cannot be used.
    #[error("the store cannot be used")]
    Store(#[from] StoreError),
    /// Nobody could be let in, nor kept out.
    #[error("the tokens cannot be read")]
    Tokens(#[from] TokenError),
}

/// Why a component was not registered.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// It is larger than the hub takes.
    #[error("the component has {bytes} bytes; the most is {most}")]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// The bound.
        most: u64,
    },
    /// The manifest pins another digest.
    #[error(
        "`{name}` is {found}, but the manifest pins {pinned}; change `digest` in the manifest if this file is right"
    )]
    Digest {
        /// The component.
        name: ComponentName,
        /// What the manifest says.
        pinned: Digest,
        /// What was handed in.
        found: Digest,
    },
    /// The compile program refused it.
    #[error("it does not compile: {0}")]
    Refused(String),
    /// A runner could not load or ask it.
    #[error("it cannot be asked for its tools: {0}")]
    Describe(String),
    /// A tool's name is not one.
    #[error("it has a tool with a bad name")]
    ToolName(#[source] BadName),
    /// Two of its tools have one name.
    #[error("it has two tools named `{0}`")]
    TwoTools(ToolName),
    /// It has too many tools.
    #[error("it has {found} tools; the most is {most}")]
    TooManyTools {
        /// How many.
        found: usize,
        /// The bound.
        most: usize,
    },
    /// A schema is not a JSON object, or too large.
    #[error("tool `{tool}`: {why}")]
    Schema {
        /// The tool.
        tool: ToolName,
        /// What is wrong.
        why: String,
    },
    /// The container that does it could not be started.
    #[error("no {program} container could be started")]
    Launcher {
        /// `compile` or `runner`.
        program: &'static str,
        /// The cause.
        #[source]
        source: container::LauncherError,
    },
    /// The container that did it was lost.
    #[error("the {program} container {why}")]
    Lost {
        /// `compile` or `runner`.
        program: &'static str,
        /// What happened to it.
        why: String,
    },
    /// Something that the hub stored is not what it stored.
    #[error("its {what} {why}: register it again")]
    Changed {
        /// Which file.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// It is registered, but not part of what is in force.
    #[error("`{name}` is registered, but could not be made part of the manifest in force")]
    Version {
        /// The component.
        name: ComponentName,
        /// The cause.
        #[source]
        source: Box<crate::manifests::ApplyError>,
    },
    /// The hub's own files.
    #[error("{path} cannot be written")]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The hub stops.
    #[error("the hub is stopping")]
    Draining,
    /// An operator has stopped everything, and a component that is registered is run to be asked for its tools.
    #[error("everything is stopped: `safeclaw resume` first")]
    Stopped,
}
