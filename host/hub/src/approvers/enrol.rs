//! Who becomes an approver, and who is none any more.
//!
//! The first one is enrolled on the operator's word, since there is nobody to ask. From then on an enrolled approver
//! signs for each change: whoever has nothing but the operator's shell can neither enrol a key of its own nor get rid
//! of those that are in its way.

use super::statement::{Change, ChangeKind, in_time};
use super::view::{Enrol, NewApprover, SignedChange};
use super::{Approver, ApproverKey, ApproverName, Approvers, BadKey, Enrolled, NotApproved};
use crate::clean;
use crate::store::StoreError;
use jiff::Timestamp;

/// The longest name of a principal, and how many are one person.
const PRINCIPAL_BYTES: usize = 256;
const MOST_PRINCIPALS: usize = 64;

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    /// The key cannot be one.
    #[error(transparent)]
    Key(#[from] BadKey),
    /// The principals cannot be some.
    #[error(
        "at most {MOST_PRINCIPALS} principals can be one person, each with 1 to {PRINCIPAL_BYTES} bytes and no hidden character"
    )]
    Principals,
    /// Somebody has this name.
    #[error("there is an approver `{0}` already: revoke that one, or take another name")]
    Taken(ApproverName),
    /// The key is somebody's.
    #[error("this key is approver `{0}`'s already")]
    KnownKey(ApproverName),
    /// The key was somebody's.
    #[error("this key was revoked, and is never taken again: make a new one")]
    RevokedKey,
    /// The first one could change nothing.
    #[error(
        "the first approver signs for all that come after, so its key must show that somebody is there: a hardware token, or --passphrase with a key that has one"
    )]
    First,
    /// Nobody has signed.
    #[error(
        "there are approvers, so one of them has to sign for this: say --sign-with KEY, or sign with `ssh-keygen -Y sign`"
    )]
    Unsigned,
    /// Somebody has signed, and there was nobody to ask.
    #[error("nobody is enrolled who could have signed this")]
    SignedByNobody,
    /// It was signed for another moment.
    #[error(
        "the signature was made for another moment: something was changed since, or ten minutes are over; ask again"
    )]
    Outdated,
    /// Nobody who may has signed.
    #[error(transparent)]
    NotApproved(#[from] NotApproved),
    /// There is no such approver.
    #[error("there is no approver `{0}` in force")]
    Unknown(ApproverName),
    /// There are too many.
    #[error("there are as many approvers as there may be: revoke one")]
    Full,
    /// The statement cannot be written.
    #[error("what is to be signed cannot be written as JSON")]
    Statement(#[from] serde_json::Error),
    /// No nonce could be made.
    #[error("the system gives no random numbers")]
    Random,
    /// The store.
    #[error("the approvers cannot be stored")]
    Store(#[from] StoreError),
    /// The hub takes nothing any more.
    #[error("the hub is stopping")]
    Draining,
}

/// What makes each signed change good once: 128 random bits, new after each change and each start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Nonce(String);

impl Nonce {
    pub(crate) fn new() -> Result<Self, EnrolError> {
        let mut bits = [0_u8; 16];
        getrandom::fill(&mut bits).map_err(|_| EnrolError::Random)?;
        Ok(Self(hex::encode(bits)))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where a change is decided.
#[derive(Clone, Copy)]
pub(crate) struct At<'a> {
    pub(crate) hub: &'a str,
    pub(crate) nonce: &'a Nonce,
    pub(crate) now: Timestamp,
}

/// Whoever is to be enrolled, if that may be; and who has signed for it.
pub(crate) fn enrolled(
    approvers: &Approvers,
    asked: Enrol,
    at: At<'_>,
) -> Result<(Enrolled, Option<Approver>), EnrolError> {
    let Enrol { approver: NewApprover { name, key, principals, passphrase }, signed } = asked;
    let key = ApproverKey::parse(&key)?;
    let fits = |text: &String| !text.is_empty() && clean::line(text, PRINCIPAL_BYTES) == *text;
    if principals.len() > MOST_PRINCIPALS || !principals.iter().all(fits) {
        return Err(EnrolError::Principals);
    }
    if let Some(known) = approvers.with_key(&key) {
        return Err(if known.revoked.is_some() {
            EnrolError::RevokedKey
        } else {
            EnrolError::KnownKey(known.name.clone())
        });
    }
    if approvers.named(&name).is_some() {
        return Err(EnrolError::Taken(name));
    }
    let mut new = Enrolled { name, key, principals, passphrase, added: at.now, by: None, revoked: None };
    let signer = match (approvers.is_new(), signed) {
        (true, None) if new.shows_presence() => None,
        (true, None) => return Err(EnrolError::First),
        (true, Some(_)) => return Err(EnrolError::SignedByNobody),
        (false, None) => return Err(EnrolError::Unsigned),
        (false, Some(signed)) => Some(signer(approvers, ChangeKind::Add, &new, &signed, at)?),
    };
    new.by = signer.as_ref().map(|signer| signer.name.clone());
    Ok((new, signer))
}

/// The key that is to be revoked, if that may be; and who has signed for it.
pub(crate) fn revoked(
    approvers: &Approvers,
    name: &ApproverName,
    signed: &SignedChange,
    at: At<'_>,
) -> Result<(ApproverKey, Approver), EnrolError> {
    let one = approvers.named(name).ok_or_else(|| EnrolError::Unknown(name.clone()))?;
    let signer = signer(approvers, ChangeKind::Revoke, one, signed, at)?;
    Ok((one.key.clone(), signer))
}

/// Who has signed this change: made by the hub from what is done, and never what the asker says it has signed.
fn signer(
    approvers: &Approvers,
    kind: ChangeKind,
    about: &Enrolled,
    signed: &SignedChange,
    at: At<'_>,
) -> Result<Approver, EnrolError> {
    if signed.nonce != at.nonce.as_str() || !in_time(signed.expires, at.now) {
        return Err(EnrolError::Outdated);
    }
    let approver = about.as_new();
    let change = Change { kind, hub: at.hub, approver: &approver, nonce: &signed.nonce, expires: signed.expires };
    Ok(approvers.check_change(change.text()?.as_bytes(), &signed.signature)?)
}

impl Enrolled {
    /// As it stands in a statement: the key in its one spelling.
    fn as_new(&self) -> NewApprover {
        NewApprover {
            name: self.name.clone(),
            key: self.key.as_str().to_owned(),
            principals: self.principals.clone(),
            passphrase: self.passphrase,
        }
    }
}
