//! What a client that was turned away is told: where to get a token, and for what (RFC 9728, RFC 6750 §3).

use super::Scopes;
use http::HeaderValue;
use manifest::Tier;
use serde_json::{Value, json};

/// The path of the document, for the whole origin and for `/mcp` (RFC 9728 §3.1).
pub(crate) const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";
/// The same for the endpoint.
pub(crate) const WELL_KNOWN_MCP: &str = "/.well-known/oauth-protected-resource/mcp";

/// The protected resource as clients are told of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Protected {
    /// Its URI, where the operator said one.
    pub resource: Option<String>,
    /// Who gives tokens for it; without an identity provider only the operator does.
    pub issuers: Vec<String>,
}

/// Why a request is turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// It brought no token.
    NoToken,
    /// One that is not taken. Why not is nobody's business who has no token.
    Invalid,
    /// One that is taken, but not for this.
    Scope(Scopes),
}

impl Protected {
    /// The document. `host` is the `Host` of the request, which was admitted: with it a client on this machine finds
    /// the very name that it called.
    pub(crate) fn document(&self, host: &str) -> Value {
        // The least that is of use, not all that there is: more is asked for by the call that needs it.
        let least = Scopes::of(Tier::User).to_string();
        let mut document = json!({
            "resource": self.resource(host),
            "resource_name": "SafeClaw",
            "scopes_supported": [least],
            "bearer_methods_supported": ["header"],
        });
        if let (false, Some(fields)) = (self.issuers.is_empty(), document.as_object_mut()) {
            fields.insert("authorization_servers".to_owned(), json!(self.issuers));
        }
        document
    }

    /// The value of `WWW-Authenticate`. Nothing in it was said by the client but its `Host`, which was admitted.
    pub(crate) fn challenge(&self, host: &str, why: Challenge) -> HeaderValue {
        let (error, scope) = match why {
            Challenge::NoToken => ("", Scopes::of(Tier::User)),
            Challenge::Invalid => (r#" error="invalid_token","#, Scopes::of(Tier::User)),
            Challenge::Scope(scope) => (r#" error="insufficient_scope","#, scope),
        };
        let resource = self.resource(host);
        let origin = resource.split('/').take(3).collect::<Vec<_>>().join("/");
        let text =
            format!(r#"Bearer realm="safeclaw",{error} scope="{scope}", resource_metadata="{origin}{WELL_KNOWN_MCP}""#);
        HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("Bearer"))
    }

    fn resource(&self, host: &str) -> String {
        self.resource.clone().unwrap_or_else(|| format!("http://{host}/mcp"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_names_the_resource_and_who_gives_tokens_for_it() {
        let own = Protected::default().document("localhost:7300");
        assert_eq!(own["resource"], "http://localhost:7300/mcp");
        assert_eq!(own.get("authorization_servers"), None);
        let resource = Some("https://tools.example.com/mcp".to_owned());
        let theirs = Protected { resource, issuers: vec!["https://id.example.com".to_owned()] }.document("localhost:1");
        assert_eq!(theirs["resource"], "https://tools.example.com/mcp");
        assert_eq!(theirs["authorization_servers"], json!(["https://id.example.com"]));
        assert_eq!(theirs["bearer_methods_supported"], json!(["header"]));
        assert_eq!(theirs["scopes_supported"], json!(["tools:user"]));
    }

    #[test]
    fn a_challenge_names_the_scope_that_is_missing() {
        let resource = Some("https://tools.example.com:8443/mcp".to_owned());
        let protected = Protected { resource, issuers: Vec::new() };
        let metadata = "resource_metadata=\"https://tools.example.com:8443/.well-known/oauth-protected-resource/mcp\"";
        for (why, starts) in [
            (Challenge::NoToken, r#"Bearer realm="safeclaw", scope="tools:user", "#),
            (Challenge::Invalid, r#"Bearer realm="safeclaw", error="invalid_token", scope="tools:user", "#),
            (
                Challenge::Scope(Scopes::of(Tier::Write)),
                r#"Bearer realm="safeclaw", error="insufficient_scope", scope="tools:write", "#,
            ),
        ] {
            assert_eq!(protected.challenge("h", why), format!("{starts}{metadata}").as_str());
        }
    }
}
