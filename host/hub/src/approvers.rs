//! Who may answer: people with a key of their own.

use manifest::Tier;
use std::collections::BTreeSet;
use std::fmt;

/// An approver, by the operator's name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ApproverName(pub(crate) String);

impl fmt::Display for ApproverName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a signature has to be.
#[derive(Debug, Clone)]
pub(crate) struct Need<'a> {
    pub(crate) tier: Tier,
    /// The principal that asks: nobody answers for himself.
    pub(crate) requester: &'a str,
    /// Those that the tier names; everybody who is enrolled where it names none.
    pub(crate) approvers: Option<&'a BTreeSet<ApproverName>>,
}

/// Who has signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Approver {
    pub(crate) name: ApproverName,
    /// The key's fingerprint.
    pub(crate) key: String,
}

/// Why a signature is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotApproved {
    #[error("no approver is enrolled who may answer this: `safeclaw approver add NAME --key FILE.pub`")]
    NoApprover,
    #[error("whoever asks cannot answer")]
    Requester,
    #[error("it is no signature over this statement")]
    BadSignature,
}

/// Whoever can tell that a person has answered.
pub(crate) trait SecondFactor: Send + Sync {
    /// Who has signed this statement, if it is somebody who may.
    ///
    /// # Errors
    /// Why it is no answer.
    fn check(&self, statement: &[u8], signature: &str, need: Need<'_>) -> Result<Approver, NotApproved>;

    /// Whether there is anybody who could.
    fn any_for(&self, need: Need<'_>) -> bool;
}

/// Nobody is enrolled.
pub(crate) struct Nobody;

impl SecondFactor for Nobody {
    fn check(&self, _: &[u8], _: &str, _: Need<'_>) -> Result<Approver, NotApproved> {
        Err(NotApproved::NoApprover)
    }

    fn any_for(&self, _: Need<'_>) -> bool {
        false
    }
}
