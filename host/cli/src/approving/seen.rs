//! From what the hub shows to what is signed: an approver signs what he saw, or nothing.
//!
//! All that is shown of a call is read from the statement itself, and the arguments are held against its digest here.
//! A view that says one thing above a statement that says another is refused.

use super::visible;
use ::hub::approvers::canonical;
use ::hub::{ApprovalView, RequestBinding};
use manifest::{Digest, Tier};
use serde::{Deserialize, Serialize};
use std::fmt::Write;

/// The answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Decision {
    Approve,
    Deny,
}

impl Decision {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Deny => "deny",
        }
    }
}

/// What a statement says. Another field would be something that nobody is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Statement {
    v: u8,
    kind: String,
    hub: String,
    approval: String,
    decision: Decision,
    principal: String,
    session: String,
    tier: Tier,
    tool: String,
    component: Digest,
    arguments_sha256: Digest,
    manifest: Digest,
    epoch: u64,
    expires: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request: Option<RequestBinding>,
}

/// Why nothing is signed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Mismatch {
    #[error("the hub's statement cannot be read, so it is not signed: is this `safeclaw` older than the hub?")]
    Unreadable(#[source] serde_json::Error),
    #[error("the hub's statement is not in canonical form, or of another kind, so it is not signed")]
    Form,
    #[error(
        "the hub shows one {0} and wants another one signed, so nothing is signed: something between you and the hub is not right"
    )]
    Differs(&'static str),
    #[error("the arguments that are shown are not those of the statement, so nothing is signed")]
    Arguments,
}

/// A request as it may be shown, and what is signed for it.
pub(crate) struct Seen {
    /// For the terminal.
    pub(crate) text: String,
    /// To the byte.
    pub(crate) statement: String,
}

/// Holds the view against the statement of one answer.
pub(crate) fn seen(view: &ApprovalView, id: &str, decision: Decision) -> Result<Seen, Mismatch> {
    let text = match decision {
        Decision::Approve => &view.statements.approve,
        Decision::Deny => &view.statements.deny,
    };
    let said: Statement = serde_json::from_str(text).map_err(Mismatch::Unreadable)?;
    let again = serde_json::to_value(&said).and_then(|value| canonical(&value)).map_err(Mismatch::Unreadable)?;
    if again != *text || said.v != 1 || said.kind != "approval" {
        return Err(Mismatch::Form);
    }
    let summary = &view.summary;
    let same = [
        ("approval", said.approval == id && summary.id == id),
        ("answer", said.decision == decision),
        ("hub", said.hub == view.hub),
        ("principal", said.principal == summary.principal),
        ("session", said.session == summary.session),
        ("tier", said.tier == summary.tier),
        ("tool", said.tool == summary.tool),
        ("component", said.component.as_str() == view.component),
        ("manifest", said.manifest.as_str() == view.manifest),
        ("epoch", said.epoch == view.epoch),
        ("request", said.request == view.request),
        ("time", said.expires == summary.expires.to_string()),
    ];
    if let Some((what, _)) = same.iter().find(|(_, same)| !same) {
        return Err(Mismatch::Differs(what));
    }
    let arguments: serde_json::Value = serde_json::from_str(&view.arguments).map_err(|_| Mismatch::Arguments)?;
    let once_more = canonical(&arguments).map_err(|_| Mismatch::Arguments)?;
    if once_more != view.arguments || Digest::of(once_more.as_bytes()) != said.arguments_sha256 {
        return Err(Mismatch::Arguments);
    }
    Ok(Seen { text: shown(view, &said, &arguments), statement: text.clone() })
}

fn shown(view: &ApprovalView, said: &Statement, arguments: &serde_json::Value) -> String {
    let mut text = format!("approval {}\n", visible::line(&said.approval));
    let mut fact = |what: &str, value: &str| {
        // Writing into a string cannot fail.
        let _ = writeln!(text, "  {what:<10} {}", visible::line(value));
    };
    fact("tool", &format!("{}, tier {}", said.tool, said.tier));
    fact("asked by", &format!("{}, session {}, profile {}", said.principal, said.session, view.summary.profile));
    if let Some(RequestBinding { method, url, credential, body_sha256 }) = &said.request {
        fact("REQUEST", &format!("{method} {url}"));
        fact("with", &credential.as_ref().map_or("no credential".into(), |name| format!("the credential {name}")));
        fact("body", &format!("sha-256 {body_sha256}"));
    }
    fact("until", &said.expires);
    fact("component", said.component.as_str());
    fact("manifest", &format!("{}, epoch {}, hub {}", said.manifest, said.epoch, said.hub));
    for grant in &view.grants {
        fact("granted", grant);
    }
    for change in &view.changed {
        fact("changed", change);
    }
    for note in &view.notes {
        fact("note", note);
    }
    fact("the component says of itself, and nobody has checked it:", &view.component_says);
    fact("arguments", &format!("sha-256 {}", said.arguments_sha256));
    text.push_str(&visible::json(arguments));
    text
}

#[cfg(test)]
#[path = "seen/tests.rs"]
mod tests;
