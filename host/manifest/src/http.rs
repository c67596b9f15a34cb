//! What a tool may ask of the outside: grants, the one parser of URLs, and the one matcher.

mod host;
mod method;
mod path;
mod target;

pub use host::{HostPattern, Name};
pub use method::Method;
pub use path::PathPattern;
pub use target::{BadTarget, Target};

use crate::names::{CredentialName, ToolName};
use crate::units::{show_bytes, show_millis};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

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

    /// What of it goes beyond what `most` allows, in words that end a sentence; nothing, if it lies within it.
    #[must_use]
    pub fn beyond(&self, most: &Self) -> Option<String> {
        let Self {
            scheme,
            host,
            port,
            methods,
            paths,
            request_bytes,
            response_bytes,
            first_byte_ms,
            total_ms,
            per_call,
            per_minute,
            concurrent,
            content_types,
            credential,
            redirects,
            private,
            approve,
            // Of the operator's own log.
            record: _,
        } = self;
        let more = |what: &str, is: String, allowed: String| {
            Some(format!("has {what} {is}, and the ceiling allows {allowed}"))
        };
        let number = |what: &str, is: u64, allowed: u64, show: fn(u64) -> String| {
            (is > allowed).then(|| more(what, show(is), show(allowed))).flatten()
        };
        let plain = |number: u64| number.to_string();
        let place = *scheme != most.scheme
            || *port != most.port
            || !most.host.covers(host)
            || !methods.is_subset(&most.methods)
            || !paths.iter().all(|path| most.paths.iter().any(|wider| wider.covers(path)));
        if place {
            return Some("asks for a place, a method or a path that the ceiling does not cover".to_owned());
        }
        let types = match (content_types, &most.content_types) {
            (_, None) => None,
            (None, Some(_)) => more("content_types", "of any kind".into(), "only some".into()),
            (Some(is), Some(allowed)) => is
                .iter()
                .find(|one| {
                    !allowed.contains(*one)
                        && !one.split_once('/').is_some_and(|(kind, _)| allowed.contains(&format!("{kind}/*")))
                })
                .and_then(|one| more("content_types", one.clone(), "others".into())),
        };
        let named = credential.as_ref().filter(|name| most.credential.as_ref() != Some(*name));
        let with = |name: Option<&CredentialName>| name.map_or_else(|| "none".to_owned(), ToString::to_string);
        let outside = private.iter().find(|range| !most.private.iter().any(|wider| wider.contains(*range)));
        let unasked = most.approve.iter().find(|method| methods.contains(method) && !approve.contains(method));
        number("request", *request_bytes, most.request_bytes, show_bytes)
            .or_else(|| number("response", *response_bytes, most.response_bytes, show_bytes))
            .or_else(|| number("first_byte", (*first_byte_ms).into(), most.first_byte_ms.into(), show_millis))
            .or_else(|| number("total", (*total_ms).into(), most.total_ms.into(), show_millis))
            .or_else(|| number("per_call", (*per_call).into(), most.per_call.into(), plain))
            .or_else(|| number("per_minute", (*per_minute).into(), most.per_minute.into(), plain))
            .or_else(|| number("concurrent", (*concurrent).into(), most.concurrent.into(), plain))
            .or_else(|| number("redirects", (*redirects).into(), most.redirects.into(), plain))
            .or(types)
            .or_else(|| named.and_then(|name| more("credential", name.to_string(), with(most.credential.as_ref()))))
            .or_else(|| outside.and_then(|range| more("private", range.to_string(), "not all of it".into())))
            .or_else(|| unasked.map(|method| format!("has no approval for {method}, and the ceiling demands one")))
    }

    /// Whether a person has to allow it first.
    #[must_use]
    pub fn needs_approval(&self, method: &Method) -> bool {
        self.approve.contains(method)
    }
}

/// A place and what may be done there, as messages show it.
pub(crate) fn show_place(
    scheme: Scheme,
    host: &HostPattern,
    port: u16,
    methods: &BTreeSet<Method>,
    paths: &BTreeSet<PathPattern>,
) -> String {
    let port = if port == scheme.port() { String::new() } else { format!(":{port}") };
    format!("{} {}://{host}{port} at {}", list(methods, ", "), scheme.as_str(), list(paths, " "))
}

fn list<T: fmt::Display>(items: &BTreeSet<T>, between: &str) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(between)
}

/// All of it, on one line.
impl fmt::Display for HttpGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&show_place(self.scheme, &self.host, self.port, &self.methods, &self.paths))?;
        match &self.credential {
            Some(name) => write!(f, ", with the credential `{name}`")?,
            None => f.write_str(", with no credential")?,
        }
        let (request, response) = (show_bytes(self.request_bytes), show_bytes(self.response_bytes));
        let (first, total) = (show_millis(self.first_byte_ms.into()), show_millis(self.total_ms.into()));
        write!(
            f,
            "; request up to {request}, answer up to {response}, first byte within {first}, all of it within {total}"
        )?;
        write!(f, "; {} a call, {} a minute, {} at once", self.per_call, self.per_minute, self.concurrent)?;
        if let Some(types) = &self.content_types {
            write!(f, "; only {}", list(types, ", "))?;
        }
        if self.redirects > 0 {
            write!(f, "; up to {} redirects", self.redirects)?;
        }
        if !self.private.is_empty() {
            write!(f, "; also at {}", list(&self.private, ", "))?;
        }
        if !self.approve.is_empty() {
            write!(f, "; a person allows each {}", list(&self.approve, ", "))?;
        }
        if self.record == PathRecord::Path {
            f.write_str("; paths in the log in clear")?;
        }
        Ok(())
    }
}

/// The lines of a manifest that would allow a request: for whoever reads a denial in the log.
#[must_use]
pub fn line_that_would_allow(tool: &ToolName, method: Method, target: &Target) -> String {
    let scheme = if target.scheme() == Scheme::Http { "scheme = \"http\", " } else { "" };
    let port =
        if target.port() == target.scheme().port() { String::new() } else { format!("port = {}, ", target.port()) };
    format!(
        "no table covers it: [[tools.{tool}.http]] with {scheme}host = \"{}\", {port}methods = [\"{method}\"], paths = [\"{}\"] would",
        target.name(),
        target.path(),
    )
}
