//! Which requests may have a credential, and how it is added to them.

use super::value::BadValue;
use crate::config::Source;
use crate::leaks::OnLeak;
use http::HeaderName;
use manifest::http::{HostPattern, Method, PathPattern, Scheme, Target};
use manifest::{CredentialName, Tier};
use std::collections::BTreeSet;

/// A credential as it is declared. What it does not name it does not go to.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Where its value comes from.
    pub source: Source,
    /// Hosts that may have it.
    pub hosts: Vec<HostPattern>,
    /// Ports there; without one, the scheme's own.
    pub ports: BTreeSet<u16>,
    /// Methods.
    pub methods: BTreeSet<Method>,
    /// Paths.
    pub paths: Vec<PathPattern>,
    /// Tiers whose tools may use it.
    pub tiers: BTreeSet<Tier>,
    /// How it is added.
    pub add: Add,
    /// What happens where it comes back.
    pub on_leak: OnLeak,
    /// It goes over connections without TLS as well.
    pub plain: bool,
    /// What it has to look like.
    pub format: Option<TokenFormat>,
}

/// How a credential is added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Add {
    /// `Authorization: Bearer …` (RFC 6750).
    Bearer,
    /// `Authorization: Basic …`, with this user (RFC 7617).
    Basic {
        /// The user; the secret is the password.
        user: String,
    },
    /// A header of its own.
    Header {
        /// The header.
        header: HeaderName,
        /// What stands before the secret there, a space included.
        prefix: String,
    },
}

/// Tokens that can be told from a file that was mixed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenFormat {
    /// GitHub's.
    GitHub,
    /// Anthropic's.
    Anthropic,
}

impl TokenFormat {
    /// Whether a value begins as one does.
    ///
    /// # Errors
    /// It does not.
    pub fn check(self, value: &[u8]) -> Result<(), BadValue> {
        let (name, prefixes): (_, &[&str]) = match self {
            Self::GitHub => ("a token of GitHub's", &["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"]),
            Self::Anthropic => ("a key of Anthropic's", &["sk-ant-"]),
        };
        let fits = prefixes.iter().any(|prefix| value.starts_with(prefix.as_bytes()));
        if fits { Ok(()) } else { Err(BadValue::Format(name)) }
    }
}

/// Why a request does not get a credential; the request is not made. For the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotGranted {
    /// Nobody has declared it.
    #[error(
        "the manifest names the credential `{0}`, which the hub's --egress file does not declare: add [credentials.{0}]"
    )]
    Unknown(CredentialName),
    /// Its lines do not cover the request.
    #[error("the credential `{name}` is not for this request: [credentials.{name}] has no {line}")]
    Not {
        /// The credential.
        name: CredentialName,
        /// The line that would allow it.
        line: String,
    },
}

impl Rule {
    /// Whether a request may have it.
    pub(super) fn allows(
        &self,
        name: &CredentialName,
        tier: Tier,
        method: Method,
        target: &Target,
    ) -> Result<(), NotGranted> {
        let not = |line: String| Err(NotGranted::Not { name: name.clone(), line });
        if !self.tiers.contains(&tier) {
            return not(format!("\"{tier}\" in `tiers`"));
        }
        if target.scheme() != Scheme::Https && !self.plain {
            return not("`plain = true`: over http anybody on the way would read it".to_owned());
        }
        if !self.hosts.iter().any(|host| host.matches(target.name())) {
            return not(format!("\"{}\" in `hosts`", target.name()));
        }
        let own = self.ports.is_empty() && target.port() == target.scheme().port();
        if !own && !self.ports.contains(&target.port()) {
            return not(format!("{} in `ports`", target.port()));
        }
        if !self.methods.contains(&method) {
            return not(format!("\"{method}\" in `methods`"));
        }
        if !self.paths.iter().any(|path| path.matches(target.path())) {
            return not("pattern in `paths` that covers its path".to_owned());
        }
        Ok(())
    }
}
