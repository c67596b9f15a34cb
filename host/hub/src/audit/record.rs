//! The lines of the audit log.

use super::arguments::ArgumentsDigest;
use super::head::Head;
use super::hex::{Hex, PublicKey};
use crate::api::SessionId;
use crate::escalation::ApprovalId;
use container::ContainerName;
use jiff::Timestamp;
use manifest::{ApproverName, ClassId, ComponentName, CredentialName, Digest, ProfileName, Tier, ToolName};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
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
    /// The first line: what the log is, and the key that its first head is signed with.
    LogBegun {
        hub: String,
        log: Uuid,
        /// Of this format.
        version: u32,
        key: PublicKey,
    },
    /// A hub died while it wrote: so many bytes before this line, without the line feed that ends them, are no
    /// record.
    LogTorn {
        bytes: u64,
        sha256: Hex<32>,
    },
    Head(Head),
    /// From here on nothing new is begun: the log's disk is full, or nearly.
    AuditFull {
        free_bytes: u64,
    },
    /// There is room again.
    AuditWritable {
        free_bytes: u64,
    },
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
    SessionBegun {
        session: SessionId,
        principal: String,
        profile: ProfileName,
    },
    SessionEnded {
        session: SessionId,
        principal: String,
        reason: &'static str,
    },
    /// It made so many identical calls with identical results, and waits for an operator in this tier.
    SessionPaused {
        session: SessionId,
        principal: String,
        tier: Tier,
        /// Of the last of them.
        tool: ToolName,
        calls: u32,
    },
    /// A container with this posture was started, and its runner said hello. It knows nothing yet.
    RunnerStarted {
        runner: ContainerName,
        class: ClassId,
        posture: Digest,
    },
    /// From here on it serves this session, or one call of it.
    RunnerAssigned {
        runner: ContainerName,
        class: ClassId,
        posture: Digest,
        session: SessionId,
    },
    /// It ended as its owner wanted.
    RunnerEnded {
        runner: ContainerName,
        class: ClassId,
        reason: String,
        exit_code: Option<i64>,
        out_of_memory: bool,
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

/// A decision of an operator's, of an approver's, or one that follows from theirs.
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
        /// The approver who has signed that, and the key's fingerprint.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        approver: Option<(ApproverName, String)>,
    },
    /// The content of an older version is in force again, under a new number.
    ManifestRolledBack {
        version: u64,
        /// Whose content it has.
        of: u64,
        digest: Digest,
        by: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        approver: Option<(ApproverName, String)>,
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
    /// A session that waited for an operator goes on in these tiers.
    SessionResumed {
        session: String,
        tiers: Vec<Tier>,
        by: String,
    },
    /// The red button: what was issued under an older epoch is void.
    AllRevoked {
        epoch: u64,
        /// Whether every session was ended as well.
        sessions: bool,
        /// Whether nothing is called any more until somebody resumes.
        panic: bool,
        by: String,
    },
    /// Calls may happen again; what was void stays so.
    Resumed {
        epoch: u64,
        by: String,
    },
    /// A credential has another value from here on. It is written down before that, and neither value ever.
    CredentialReloaded {
        name: CredentialName,
        by: String,
    },
    /// Somebody may answer from here on, with this key. Nobody has signed for the first one.
    ApproverAdded {
        approver: ApproverName,
        key: String,
        principals: BTreeSet<String>,
        passphrase: bool,
        by: Option<ApproverName>,
        by_key: Option<String>,
    },
    ApproverRevoked {
        approver: ApproverName,
        key: String,
        by: ApproverName,
        by_key: String,
    },
    /// With the hub stopped, somebody has made it forget all approvers: the next one is the first again.
    ApproversReset {
        forgotten: u64,
        by: String,
    },
    /// A call waits for a person's answer. Of its arguments the log has a keyed digest, as of every call's.
    ApprovalRequested {
        approval: ApprovalId,
        principal: String,
        session: SessionId,
        tool: ToolName,
        tier: Tier,
        component: Digest,
        manifest: Digest,
        epoch: u64,
        arguments: String,
        expires: Timestamp,
    },
    /// Somebody has answered, with this key.
    ApprovalGranted {
        approval: ApprovalId,
        approver: String,
        key: String,
    },
    ApprovalDenied {
        approval: ApprovalId,
        approver: String,
        key: String,
        why: Option<String>,
    },
    /// This call may run on it, once.
    ApprovalClaimed {
        approval: ApprovalId,
        call: Uuid,
    },
    /// The call that claimed it has come to an end.
    ApprovalExecuted {
        approval: ApprovalId,
    },
    ApprovalExpired {
        approval: ApprovalId,
    },
    /// It was taken back, and nothing ran.
    ApprovalVoid {
        approval: ApprovalId,
        reason: String,
    },
    /// Whether the call that claimed it took effect, the operator has to find out.
    ApprovalOutcomeUnknown {
        approval: ApprovalId,
        reason: String,
    },
}

impl Decision {
    /// Whether it takes something away, or tells the end of something.
    fn ends(&self) -> bool {
        match self {
            Self::TokenRevoked { .. }
            | Self::AllRevoked { .. }
            | Self::ApproverRevoked { .. }
            | Self::ApproversReset { .. }
            | Self::ApprovalDenied { .. }
            | Self::ApprovalExecuted { .. }
            | Self::ApprovalExpired { .. }
            | Self::ApprovalVoid { .. }
            | Self::ApprovalOutcomeUnknown { .. } => true,
            Self::ManifestApplied { .. }
            | Self::ManifestRolledBack { .. }
            | Self::TokenMade { .. }
            | Self::SessionResumed { .. }
            | Self::Resumed { .. }
            | Self::CredentialReloaded { .. }
            | Self::ApproverAdded { .. }
            | Self::ApprovalRequested { .. }
            | Self::ApprovalGranted { .. }
            | Self::ApprovalClaimed { .. } => false,
        }
    }
}

impl Entry {
    /// Whether it tells the end of something that was begun, or takes a right away: such records go into what the
    /// reserve had taken when the disk is full. All others are refused then, and so is what they would have recorded.
    pub(crate) fn ends(&self) -> bool {
        match self {
            Self::Head(_)
            | Self::LogTorn { .. }
            | Self::AuditFull { .. }
            | Self::AuditWritable { .. }
            | Self::HubStopped { .. }
            | Self::Executed(_)
            | Self::OutcomeUnknown(_)
            | Self::SessionEnded { .. }
            | Self::SessionPaused { .. }
            | Self::RunnerKilled { .. }
            | Self::RunnerLost { .. }
            | Self::RunnerEnded { .. } => true,
            Self::Decided(Decided { what, .. }) => what.ends(),
            Self::LogBegun { .. }
            | Self::HubStarted { .. }
            | Self::Requested(_)
            | Self::Denied(_)
            | Self::SessionBegun { .. }
            | Self::RunnerStarted { .. }
            | Self::RunnerAssigned { .. }
            | Self::ComponentRegistered { .. }
            | Self::ComponentRefused { .. }
            | Self::ManifestRefused { .. }
            | Self::OperatorActed { .. }
            | Self::Refused { .. } => false,
        }
    }
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
    pub(crate) artefact: Digest,
    /// Of the tool in the manifest, with all that it is granted.
    pub(crate) grants: Digest,
    pub(crate) manifest: Digest,
    pub(crate) arguments: ArgumentsDigest,
    pub(crate) arguments_bytes: usize,
    /// Where the manifest says `record = "arguments"`; cut and cleaned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) arguments_text: Option<String>,
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
    pub(crate) posture: Option<Digest>,
    pub(crate) usage: Usage,
}

/// What it took, by who says so.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Usage {
    pub(crate) hub: Measured,
    /// Its word, in bounds that can be true; none if it gave none.
    pub(crate) runner: Option<Reported>,
}

/// By the hub.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Measured {
    /// From the request to here.
    pub(crate) wall_us: u64,
    /// Of which waiting for a runner.
    pub(crate) runner_us: u64,
    pub(crate) result_bytes: usize,
}

/// By the runner.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Reported {
    pub(crate) cpu_us: u64,
    pub(crate) peak_memory_bytes: u64,
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
