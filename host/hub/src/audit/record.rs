//! The lines of the audit log.

use crate::api::SessionId;
use container::ContainerName;
use jiff::Timestamp;
use manifest::{ClassId, ComponentName, Digest, Tier, ToolName};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// One line.
#[derive(Debug, Serialize)]
pub(crate) struct Record {
    pub(crate) time: Timestamp,
    #[serde(flatten)]
    pub(crate) entry: Entry,
}

/// What is written down.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Entry {
    HubStarted {
        hub: String,
        manifest: Digest,
        wall2: &'static str,
    },
    HubStopped {
        hub: String,
    },
    Requested(Requested),
    Executed(Executed),
    Denied(Denied),
    SessionEnded {
        session: SessionId,
        principal: String,
        reason: &'static str,
    },
    /// It broke a rule, and was killed for it.
    RunnerKilled {
        runner: ContainerName,
        class: ClassId,
        reason: String,
    },
    /// It ended and nobody had ended it.
    RunnerLost {
        runner: ContainerName,
        class: ClassId,
        reason: String,
        exit_code: Option<i64>,
        out_of_memory: bool,
    },
    OutcomeUnknown(OutcomeUnknown),
    ComponentRegistered {
        name: ComponentName,
        component: Digest,
        artefact: Digest,
        tools: usize,
    },
    /// Not registered, or not offered although it was; `component` is unknown where the record cannot be believed.
    ComponentRefused {
        name: ComponentName,
        component: Option<Digest>,
        reason: String,
    },
    /// A manifest that was not put in force, or one that a start could not verify.
    ManifestRefused {
        reason: String,
    },
    /// Somebody came in by the operator's door and changed something.
    OperatorActed {
        who: String,
        what: String,
    },
    /// Turned away at a door, before it was anybody: a signature or a token that is none.
    Refused {
        door: &'static str,
        reason: String,
        /// Refusals at this door since the last line that were too many to write: see `session::Denials`.
        unwritten: u64,
    },
    #[serde(untagged)]
    Decided(Decided),
}

/// What was decided and is in the store; may be here twice under one id, when a hub was killed between the two.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Decided {
    pub(crate) decision: Uuid,
    #[serde(flatten)]
    pub(crate) what: Decision,
}

/// A decision of an operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Decision {
    /// From here on this manifest is in force.
    ManifestApplied {
        version: u64,
        digest: Digest,
        /// Of the Git work tree that it was read from.
        commit: Option<String>,
        /// Whether it grants something that the one before did not.
        widened: bool,
        by: String,
    },
    /// The content of an older version is in force again, under a new number.
    ManifestRolledBack {
        version: u64,
        /// Whose content it has.
        of: u64,
        digest: Digest,
        by: String,
    },
    /// `jti` names the token and is not the token.
    TokenMade {
        jti: String,
        principal: String,
        profile: String,
        expires: Option<Timestamp>,
    },
    TokenRevoked {
        jti: String,
        principal: String,
    },
}

/// A call that policy lets through, before anything is done.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Requested {
    pub(crate) call: Uuid,
    pub(crate) session: SessionId,
    pub(crate) principal: String,
    pub(crate) tool: ToolName,
    pub(crate) tier: Tier,
    pub(crate) component: Digest,
    pub(crate) manifest: Digest,
    pub(crate) arguments: Digest,
    pub(crate) arguments_bytes: usize,
}

/// How it ended.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Executed {
    pub(crate) call: Uuid,
    pub(crate) session: SessionId,
    pub(crate) tool: ToolName,
    #[serde(flatten)]
    pub(crate) outcome: Outcome,
    /// The runner's container, if it came that far.
    pub(crate) runner: Option<ContainerName>,
    /// From the request to here, by the hub's clock.
    pub(crate) wall_us: u64,
    /// Of which waiting for a runner.
    pub(crate) runner_us: u64,
    pub(crate) result_bytes: usize,
}

/// A call whose runner had heard of it, and that has no end which can be believed: whether it took effect, the
/// operator has to find out. The line of its end follows.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct OutcomeUnknown {
    pub(crate) call: Uuid,
    pub(crate) session: SessionId,
    pub(crate) tool: ToolName,
    pub(crate) runner: ContainerName,
    pub(crate) reason: String,
}

/// The outcome words, without a word of the guest's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub(crate) enum Outcome {
    Answered,
    Failed,
    Denied,
    Limit { limit: String, value: u64 },
    Broken,
    Cancelled,
}

/// A call that did not get as far as a request.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Denied {
    pub(crate) call: Uuid,
    pub(crate) session: SessionId,
    pub(crate) principal: String,
    /// What was named, if it could be a tool's name.
    pub(crate) tool: Option<ToolName>,
    pub(crate) reason: String,
    /// Denials of this session since the last line that were too many to write.
    pub(crate) unwritten: u64,
}
