//! What a tool may ask of the outside: grants, the one parser of URLs, and the one matcher.

pub(crate) mod amount;
mod escape;
mod host;
mod line;
mod media;
mod method;
mod path;
mod range;
mod target;
mod within;

pub use host::{BadHost, HostPattern, Name};
pub use line::line_that_would_allow;
pub use media::{BadMediaType, MediaType};
pub use method::Method;
pub use path::{BadPath, PathPattern};
pub use range::is_metadata;
pub(crate) use range::{range, surprises};
pub use target::{BadTarget, Target};
pub use within::Beyond;
pub(crate) use within::{all, types};

use crate::names::CredentialName;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How a request travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// In the clear, and only where a grant says so.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// The port that a URL means without naming one.
    #[must_use]
    pub fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// What the audit log has of a request's path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PathRecord {
    /// A digest with a key of the hub's.
    Digest,
    /// The path and the query too, cleaned and cut at 4 KiB.
    Path,
}

/// One thing that a tool may ask for: a place, what may be done there, and how much of it. In a ceiling the same says
/// the most that a tool can be granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpGrant {
    /// How.
    pub scheme: Scheme,
    /// Where.
    pub host: HostPattern,
    /// At which port.
    pub port: u16,
    /// Which methods.
    pub methods: BTreeSet<Method>,
    /// Which paths: one of these has to match.
    pub paths: BTreeSet<PathPattern>,
    /// The largest body of a request, bytes.
    pub request_bytes: u64,
    /// The largest body of an answer, bytes.
    pub response_bytes: u64,
    /// Until the first byte of an answer, from the moment it is asked for.
    pub first_byte_ms: u32,
    /// Until the last one.
    pub total_ms: u32,
    /// Requests of one call.
    pub per_call: u32,
    /// Requests of one session in any minute.
    pub per_minute: u32,
    /// Requests of one session at once.
    pub concurrent: u32,
    /// Media types that an answer may have, `type/subtype` or `type/*`; any where it is `None`.
    pub content_types: Option<BTreeSet<String>>,
    /// The credential that the hub adds, by its name in the hub's configuration.
    pub credential: Option<CredentialName>,
    /// How often the hub goes on to where an answer points; each step is authorised like a request. With none the
    /// guest gets the answer that points elsewhere.
    pub redirects: u8,
    /// Special-purpose ranges whose addresses the name may have nevertheless.
    pub private: BTreeSet<IpNet>,
    /// Methods of these requests that a person has to allow, one by one.
    pub approve: BTreeSet<Method>,
    /// What the audit log has of their paths.
    pub record: PathRecord,
}

impl HttpGrant {
    /// Whether it covers a request. Sizes, times and numbers are looked at while it runs.
    #[must_use]
    pub fn allows(&self, method: &Method, target: &Target) -> bool {
        self.scheme == target.scheme()
            && self.port == target.port()
            && self.host.matches(target.name())
            && self.methods.contains(method)
            && self.paths.iter().any(|pattern| pattern.matches(target.path()))
    }

    /// Whether a person has to allow it first.
    #[must_use]
    pub fn needs_approval(&self, method: &Method) -> bool {
        self.approve.contains(method)
    }
}

impl std::fmt::Display for HttpGrant {
    /// What is asked for: the methods and the place, without how much of it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let methods: Vec<&str> = self.methods.iter().map(|method| method.as_str()).collect();
        let paths: Vec<String> = self.paths.iter().map(ToString::to_string).collect();
        write!(f, "{} {} {}", methods.join("/"), self.origin(), paths.join(" "))
    }
}

impl HttpGrant {
    /// Scheme, host and port.
    #[must_use]
    pub fn origin(&self) -> String {
        let port = if self.port == self.scheme.port() { String::new() } else { format!(":{}", self.port) };
        format!("{}://{}{port}", self.scheme, self.host)
    }
}
