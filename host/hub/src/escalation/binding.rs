//! What an approval is about: who may call what, with which arguments, under which manifest and epoch.

use super::request::RequestBinding;
use crate::api::SessionId;
use manifest::{Digest, Tier, ToolName};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Names an approval, and the lease that it gives: 128 random bits, 32 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct ApprovalId(String);

/// The system has no random numbers.
#[derive(Debug, thiserror::Error)]
#[error("the system gives no random numbers")]
pub(crate) struct NoRandom;

/// It is no id of an approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an approval's id is 32 lower-case hexadecimal digits")]
pub(crate) struct BadApprovalId;

impl ApprovalId {
    /// One that nobody can guess.
    pub(crate) fn random() -> Result<Self, NoRandom> {
        let mut bits = [0_u8; 16];
        getrandom::fill(&mut bits).map_err(|_| NoRandom)?;
        Ok(Self(hex::encode(bits)))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ApprovalId {
    type Error = BadApprovalId;

    fn try_from(text: String) -> Result<Self, BadApprovalId> {
        let digits = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if text.len() == 32 && digits { Ok(Self(text)) } else { Err(BadApprovalId) }
    }
}

impl fmt::Display for ApprovalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// All that an approval binds. Two calls are the same call when these are equal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Binding {
    pub(crate) principal: String,
    pub(crate) session: SessionId,
    pub(crate) tool: ToolName,
    pub(crate) tier: Tier,
    /// Digest of the Wasm.
    pub(crate) component: Digest,
    /// Digest of the canonical arguments (RFC 8785).
    pub(crate) arguments: Digest,
    /// The version of the manifest in force, by its digest.
    pub(crate) manifest: Digest,
    pub(crate) epoch: u64,
    /// It is one request of the call, and not the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) request: Option<RequestBinding>,
}

/// What one agent asks for, whatever decides on it: of each there is one pending approval, and a denial sticks to it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key {
    session: SessionId,
    principal: String,
    tool: ToolName,
    arguments: Digest,
    request: Option<RequestBinding>,
}

impl Binding {
    /// Whether one claim uses it up.
    pub(crate) fn is_once(&self) -> bool {
        self.tier == Tier::Critical || self.request.is_some()
    }

    pub(crate) fn key(&self) -> Key {
        let Self { principal, session, tool, arguments, request, .. } = self.clone();
        Key { session, principal, tool, arguments, request }
    }
}
