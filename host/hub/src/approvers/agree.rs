//! A manifest that grants more needs an approver's signature once there are approvers: who could take the gate away by
//! applying a manifest would have approved himself. All that widens counts, not the gate alone: a tool that does the
//! same from a tier without a gate is a way round it.

use super::{Approver, Approvers, NotApproved, in_time, manifest_statement};
use jiff::Timestamp;
use manifest::Digest;
use serde::{Deserialize, Serialize};

/// An enrolled approver's signature under a manifest that grants more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedManifest {
    /// Until when it is good.
    pub expires: Timestamp,
    /// SSHSIG over [`manifest_statement`].
    pub signature: String,
}

/// Who has signed that this digest is put in force on top of version `base`. `None` where nobody has to: as long as no
/// approver was ever enrolled.
pub(crate) fn agrees(
    approvers: &Approvers,
    hub: &str,
    (base, digest): (u64, &Digest),
    signed: Option<&SignedManifest>,
    now: Timestamp,
) -> Result<Option<Approver>, Disagreed> {
    if approvers.is_new() {
        return Ok(None);
    }
    let signed = signed.ok_or(Disagreed::Unsigned)?;
    if !in_time(signed.expires, now) {
        return Err(Disagreed::Outdated);
    }
    let text = manifest_statement(hub, base, digest, signed.expires).map_err(|_| NotApproved::BadSignature)?;
    Ok(Some(approvers.check_manifest(text.as_bytes(), &signed.signature)?))
}

/// Why nobody has agreed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Disagreed {
    /// Nobody has signed.
    #[error("it grants more, and there are approvers: one of them has to sign it, with --sign-with KEY")]
    Unsigned,
    /// It was signed for another moment.
    #[error("the signature under it is not good any more, or is good for more than ten minutes: sign it again")]
    Outdated,
    /// Nobody who may has signed.
    #[error(transparent)]
    NotApproved(#[from] NotApproved),
}
