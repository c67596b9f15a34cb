//! Bindings for this module's tests.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::binding::Binding;
use super::request::RequestBinding;
use crate::api::SessionId;
use manifest::{Digest, Tier, ToolName};

pub(crate) fn digest(digit: &str) -> Digest {
    Digest::try_from(digit.repeat(64)).unwrap()
}

pub(crate) fn binding() -> Binding {
    Binding {
        principal: "ada".into(),
        session: SessionId("s1".into()),
        tool: ToolName::try_from("wipe").unwrap(),
        tier: Tier::Critical,
        component: digest("b"),
        arguments: digest("a"),
        manifest: digest("c"),
        epoch: 7,
        request: None,
    }
}

pub(crate) fn request(method: &str, url: &str) -> RequestBinding {
    RequestBinding { method: method.into(), url: url.into(), credential: None, body_sha256: digest("9") }
}

/// Every binding that differs in one thing.
pub(crate) fn others(one: &Binding) -> Vec<Binding> {
    vec![
        Binding { principal: "bob".into(), ..one.clone() },
        Binding { session: SessionId("s2".into()), ..one.clone() },
        Binding { tool: ToolName::try_from("other").unwrap(), ..one.clone() },
        Binding { tier: Tier::User, ..one.clone() },
        Binding { component: digest("d"), ..one.clone() },
        Binding { arguments: digest("e"), ..one.clone() },
        Binding { manifest: digest("f"), ..one.clone() },
        Binding { epoch: one.epoch + 1, ..one.clone() },
        Binding { request: Some(request("DELETE", "https://a.test/1")), ..one.clone() },
        Binding { request: Some(request("DELETE", "https://a.test/2")), ..one.clone() },
        Binding { request: Some(request("PATCH", "https://a.test/1")), ..one.clone() },
    ]
}
