//! What an operator is told of approvers, and hands in about them.

use super::ApproverName;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The approvers of a hub, and what is needed to change them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApproversView {
    /// The hub's id: part of what is signed.
    pub hub: String,
    /// Part of the next change that is signed; good for one.
    pub nonce: String,
    /// Whether none was ever enrolled: the first one is enrolled on the operator's word.
    pub first: bool,
    /// All of them, those that were revoked as well.
    pub approvers: Vec<ApproverView>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApproverView {
    /// By the operator's name.
    pub name: ApproverName,
    /// The public key, without a comment.
    pub key: String,
    /// As `ssh-keygen -l` shows it.
    pub fingerprint: String,
    /// Principals that are this person.
    pub principals: BTreeSet<String>,
    /// Whether the key is said to ask for its passphrase each time.
    pub passphrase: bool,
    /// When it was enrolled.
    pub added: Timestamp,
    /// The approver who signed for it; none for the first one.
    pub by: Option<ApproverName>,
    /// When it was revoked.
    pub revoked: Option<Timestamp>,
}

/// Somebody who is to answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewApprover {
    /// By the operator's name.
    pub name: ApproverName,
    /// The public key, as OpenSSH writes it.
    pub key: String,
    /// Principals that are this person, who then cannot answer for them.
    pub principals: BTreeSet<String>,
    /// Whether the key asks for its passphrase each time.
    pub passphrase: bool,
}

/// An enrolled approver's signature under a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedChange {
    /// As the hub gave it.
    pub nonce: String,
    /// Until when it is good.
    pub expires: Timestamp,
    /// SSHSIG over the change's text.
    pub signature: String,
}

/// Enrols somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enrol {
    /// Whom.
    pub approver: NewApprover,
    /// By whom; none for the first one.
    pub signed: Option<SignedChange>,
}

/// Revokes somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revoke {
    /// By whom.
    pub signed: SignedChange,
}
