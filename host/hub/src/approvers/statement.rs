//! What an approver signs besides approvals: who is an approver, and that a manifest may grant more. Canonical JSON
//! (RFC 8785), each kind in a namespace of its own.

use super::view::NewApprover;
use jiff::{SignedDuration, Timestamp};
use manifest::Digest;
use serde::Serialize;

/// The SSHSIG namespace of an answer to a request for an approval.
pub const APPROVAL_NAMESPACE: &str = "safeclaw-approval@1";
/// The SSHSIG namespace of a change of the approvers.
pub const APPROVER_NAMESPACE: &str = "safeclaw-approver@1";
/// The SSHSIG namespace of a manifest that grants more.
pub const MANIFEST_NAMESPACE: &str = "safeclaw-manifest@1";
/// How long such a signature is good, at most: it is made for what is done now.
pub const VALID_FOR: SignedDuration = SignedDuration::from_secs(600);

/// What is done to an approver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum ChangeKind {
    /// Enrolled.
    #[serde(rename = "approver-add")]
    Add,
    /// Revoked.
    #[serde(rename = "approver-revoke")]
    Revoke,
}

/// A change of the approvers.
#[derive(Debug, Clone, Copy)]
pub struct Change<'a> {
    /// What is done.
    pub kind: ChangeKind,
    /// The hub's id.
    pub hub: &'a str,
    /// To whom, with the key in its one spelling.
    pub approver: &'a NewApprover,
    /// The hub's, good for one change.
    pub nonce: &'a str,
    /// Until when the signature is good; at most [`VALID_FOR`] from now.
    pub expires: Timestamp,
}

/// Its fields. A change of these is another `v`.
#[derive(Serialize)]
struct ChangeFields<'a> {
    v: u8,
    kind: ChangeKind,
    hub: &'a str,
    #[serde(flatten)]
    approver: &'a NewApprover,
    nonce: &'a str,
    expires: Timestamp,
}

#[derive(Serialize)]
struct ManifestFields<'a> {
    v: u8,
    kind: &'static str,
    hub: &'a str,
    base: u64,
    digest: &'a Digest,
    expires: Timestamp,
}

impl Change<'_> {
    /// What is signed.
    ///
    /// # Errors
    /// None that a name, a key or a time can cause.
    pub fn text(&self) -> serde_json::Result<String> {
        let Self { kind, hub, approver, nonce, expires } = *self;
        serde_json_canonicalizer::to_string(&ChangeFields { v: 1, kind, hub, approver, nonce, expires })
    }
}

/// What is signed so that a manifest which grants more is put in force on top of version `base`. It is good once: then
/// another version is in force.
///
/// # Errors
/// When there are more versions than a double can count.
pub fn manifest_statement(hub: &str, base: u64, digest: &Digest, expires: Timestamp) -> serde_json::Result<String> {
    serde_json_canonicalizer::to_string(&ManifestFields { v: 1, kind: "manifest", hub, base, digest, expires })
}

/// JSON in its canonical form (RFC 8785), for whoever compares what is shown with what is signed.
///
/// # Errors
/// When a number is none that JSON can write.
pub fn canonical(value: &serde_json::Value) -> serde_json::Result<String> {
    serde_json_canonicalizer::to_string(value)
}

/// Until when a signature that is made now should be good: long enough for a person, and well within [`VALID_FOR`].
#[must_use]
pub fn good_until() -> Timestamp {
    Timestamp::now().saturating_add(VALID_FOR / 2).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Whether a time that a signature is good until is one that a hub takes.
pub(crate) fn in_time(expires: Timestamp, now: Timestamp) -> bool {
    now < expires && now.checked_add(VALID_FOR).is_ok_and(|latest| expires <= latest)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// Whoever signs with a script of their own writes just this.
    #[test]
    fn statements_have_one_form() {
        let approver = NewApprover {
            name: "ana".try_into().unwrap(),
            key: "ssh-ed25519 AAAA".into(),
            principals: ["bot".to_owned()].into(),
            passphrase: true,
        };
        let (kind, expires) = (ChangeKind::Add, Timestamp::UNIX_EPOCH);
        let text = |kind| Change { kind, hub: "h", approver: &approver, nonce: "n", expires }.text().unwrap();
        let expected = r#"{"expires":"1970-01-01T00:00:00Z","hub":"h","key":"ssh-ed25519 AAAA","kind":"approver-add","name":"ana","nonce":"n","passphrase":true,"principals":["bot"],"v":1}"#;
        assert_eq!(text(kind), expected);
        assert_eq!(text(ChangeKind::Revoke), expected.replace("approver-add", "approver-revoke"));
        let digest = Digest::of(b"");
        let manifest = manifest_statement("h", 3, &digest, expires).unwrap();
        let expected = r#"{"base":3,"digest":"D","expires":"1970-01-01T00:00:00Z","hub":"h","kind":"manifest","v":1}"#;
        assert_eq!(manifest, expected.replace('D', digest.as_str()));
    }
}
