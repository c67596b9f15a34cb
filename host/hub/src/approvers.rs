//! Who may answer: people with a key of their own.
//!
//! The hub has public keys only, and believes nothing but a signature by one of them: whoever can reach the
//! operator's socket – an agent with a shell can – has not answered by that. A signature says what it is about, to the
//! byte, and for which purpose it was made (SSHSIG's namespace), so that none made for anything else is one here.

mod agree;
mod enrol;
mod key;
mod offline;
mod set;
mod signature;
mod statement;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod view;

pub use agree::Disagreed;
pub use agree::SignedManifest;
pub(crate) use agree::agrees;
pub use enrol::EnrolError;
pub(crate) use enrol::{At, Nonce, enrolled, revoked};
pub use key::{ApproverKey, BadKey};
pub use manifest::ApproverName;
pub use offline::reset;
pub(crate) use set::{Approvers, Enrolled};
pub(crate) use statement::in_time;
pub use statement::{
    APPROVAL_NAMESPACE, APPROVER_NAMESPACE, Change, ChangeKind, MANIFEST_NAMESPACE, VALID_FOR, canonical, good_until,
    manifest_statement,
};
pub use view::{ApproverView, ApproversView, Enrol, NewApprover, Revoke, SignedChange};

use manifest::{Manifest, Tier};
use std::collections::BTreeSet;

/// What a signature has to be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Need<'a> {
    pub(crate) tier: Tier,
    /// The principal that asks: nobody answers for himself.
    pub(crate) requester: &'a str,
    /// Those that the tier names; everybody who is enrolled where it names none.
    pub(crate) approvers: Option<&'a BTreeSet<ApproverName>>,
}

impl<'a> Need<'a> {
    /// Of a call in this tier, under this manifest.
    pub(crate) fn of(manifest: &'a Manifest, tier: Tier, requester: &'a str) -> Self {
        let approvers = manifest.tiers.get(&tier).and_then(|rules| rules.approvers.as_ref());
        Self { tier, requester, approvers }
    }
}

/// What a signature shows of the person behind it. What shows more is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Presence {
    /// Nothing: the key may lie unlocked in an agent.
    NotShown,
    /// By the word of whoever enrolled it, its passphrase is asked for each time.
    Passphrase,
    /// A hardware token was touched.
    Touched,
    /// A hardware token was touched and given its PIN.
    Verified,
}

/// Who has signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Approver {
    pub(crate) name: ApproverName,
    /// The key's fingerprint, `SHA256:…`.
    pub(crate) key: String,
    pub(crate) presence: Presence,
}

/// Why a signature is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotApproved {
    /// There is nobody to sign it.
    #[error("no approver is enrolled who may answer this: `safeclaw approver add NAME --key FILE.pub`")]
    NoApprover,
    /// It cannot be read.
    #[error("it is no signature of `ssh-keygen -Y sign`, or something was added to it")]
    Unreadable,
    /// It was made for something else.
    #[error("the signature was made for `{found}`, and `{wanted}` is wanted: sign with `-n {wanted}`")]
    WrongNamespace {
        /// What it was made for, cleaned.
        found: String,
        /// What it should be made for.
        wanted: &'static str,
    },
    /// It is by a key of a kind that is not taken.
    #[error("the signature is by a key of kind `{0}`; only ssh-ed25519 and sk-ssh-ed25519@openssh.com are taken")]
    WrongKind(String),
    /// Nobody has enrolled its key.
    #[error("the key {0} is nobody's: `safeclaw approver list` shows those that are enrolled")]
    UnknownKey(String),
    /// Its key was enrolled once.
    #[error("the key {0} was revoked, and answers nothing any more")]
    Revoked(String),
    /// It is over something else, or damaged.
    #[error("the signature is not over this statement")]
    BadSignature,
    /// The tier names others.
    #[error("approver `{0}` is not among those whom the manifest names for this tier")]
    NotNamed(ApproverName),
    /// Nobody answers for himself.
    #[error("approver `{0}` is the one who asks: somebody else has to answer")]
    Requester(ApproverName),
    /// It does not show that a person was there.
    #[error(
        "the signature does not show that somebody was there: use a hardware token that is touched, or a key that was enrolled with --passphrase"
    )]
    NeedsPresence,
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
