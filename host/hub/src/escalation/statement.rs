//! What an approver signs: one sentence about one call, as canonical JSON (RFC 8785).

use super::approval::Answer;
use super::binding::{ApprovalId, Binding};
use super::request::RequestBinding;
use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// A statement in its canonical form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    text: String,
}

/// Its fields. A change of these is another `v`.
#[derive(Serialize)]
struct Fields<'a> {
    v: u8,
    kind: &'static str,
    hub: &'a str,
    approval: &'a str,
    decision: Answer,
    principal: &'a str,
    session: &'a str,
    tier: manifest::Tier,
    tool: &'a str,
    component: &'a str,
    arguments_sha256: &'a str,
    manifest: &'a str,
    epoch: u64,
    expires: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<&'a RequestBinding>,
}

impl Statement {
    /// Of this answer to this approval of this hub.
    ///
    /// # Errors
    /// When an epoch is larger than a double holds, which nobody reaches by pressing a button.
    pub(crate) fn of(
        hub: &str,
        approval: &ApprovalId,
        binding: &Binding,
        expires: Timestamp,
        decision: Answer,
    ) -> serde_json::Result<Self> {
        let fields = Fields {
            v: 1,
            kind: "approval",
            hub,
            approval: approval.as_str(),
            decision,
            principal: &binding.principal,
            session: &binding.session.0,
            tier: binding.tier,
            tool: binding.tool.as_str(),
            component: binding.component.as_str(),
            arguments_sha256: binding.arguments.as_str(),
            manifest: binding.manifest.as_str(),
            epoch: binding.epoch,
            expires,
            request: binding.request.as_ref(),
        };
        Ok(Self { text: serde_json_canonicalizer::to_string(&fields)? })
    }

    /// The text, to be shown and compared.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What is signed.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.text.clone().into_bytes()
    }

    /// SHA-256 of [`Statement::bytes`].
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.text.as_bytes()).into()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::escalation::testing::binding;

    #[test]
    fn it_says_everything_in_one_form() {
        let id = ApprovalId::try_from("0123456789abcdef0123456789abcdef".to_owned()).unwrap();
        let of = |decision| Statement::of("hub-1", &id, &binding(), Timestamp::UNIX_EPOCH, decision).unwrap();
        let approve = of(Answer::Approve);
        let a = "a".repeat(64);
        let [b, c] = ["b", "c"].map(|digit| digit.repeat(64));
        let expected = format!(
            r#"{{"approval":"0123456789abcdef0123456789abcdef","arguments_sha256":"{a}","component":"{b}","decision":"approve","epoch":7,"expires":"1970-01-01T00:00:00Z","hub":"hub-1","kind":"approval","manifest":"{c}","principal":"ada","session":"s1","tier":"critical","tool":"wipe","v":1}}"#
        );
        assert_eq!(approve.text(), expected);
        assert_eq!(approve.bytes(), expected.as_bytes());
        assert_eq!(hex::encode(approve.digest()), manifest::Digest::of(expected.as_bytes()).as_str());
        assert_ne!(approve.digest(), of(Answer::Deny).digest());
    }

    /// A signature over one is a signature over no other.
    #[test]
    fn no_two_calls_share_one() {
        let id = ApprovalId::random().unwrap();
        let of = |binding: &Binding| Statement::of("h", &id, binding, Timestamp::UNIX_EPOCH, Answer::Approve).unwrap();
        let one = binding();
        for other in crate::escalation::testing::others(&one) {
            assert_ne!(of(&one), of(&other), "{other:?}");
        }
        let other_hub = Statement::of("g", &id, &one, Timestamp::UNIX_EPOCH, Answer::Approve).unwrap();
        assert_ne!(of(&one), other_hub);
        let other_id = ApprovalId::random().unwrap();
        assert_ne!(of(&one), Statement::of("h", &other_id, &one, Timestamp::UNIX_EPOCH, Answer::Approve).unwrap());
    }
}
