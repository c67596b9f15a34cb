//! Names of hosts, and patterns over them.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;

/// The longest name that DNS has.
const MAX_BYTES: usize = 253;

/// Where a request goes to: a name in its normal form, or an address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Name {
    /// ASCII, lower case, IDNA's A-labels, no dot at its end.
    Domain(String),
    /// An address in its normal form.
    Address(IpAddr),
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Domain(name) => f.write_str(name),
            Self::Address(IpAddr::V4(address)) => write!(f, "{address}"),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

/// One host, or all that are one label below one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum HostPattern {
    /// This one.
    Exact(Name),
    /// `*.NAME`: any one label in front of it, and not NAME itself.
    Below(String),
}

impl HostPattern {
    /// Whether it covers a host.
    #[must_use]
    pub fn matches(&self, name: &Name) -> bool {
        match (self, name) {
            (Self::Exact(exact), name) => exact == name,
            (Self::Below(parent), Name::Domain(domain)) => {
                domain.split_once('.').is_some_and(|(label, rest)| !label.is_empty() && rest == parent)
            }
            (Self::Below(_), Name::Address(_)) => false,
        }
    }

    /// Whether everything that `other` covers is covered.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::Exact(name)) => self.matches(name),
            (Self::Below(mine), Self::Below(theirs)) => mine == theirs,
            (Self::Exact(_), Self::Below(_)) => false,
        }
    }
}

/// Why a text is no host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a host: {why}")]
pub struct BadHost {
    /// What was found, cut to 80 characters.
    pub text: String,
    /// What is wrong with it.
    pub why: &'static str,
}

impl TryFrom<String> for HostPattern {
    type Error = BadHost;
    fn try_from(text: String) -> Result<Self, BadHost> {
        let bad = |why| BadHost { text: text.chars().take(80).collect(), why };
        match text.strip_prefix("*.") {
            None => read(&text).map(Self::Exact).map_err(bad),
            Some(parent) => match read(parent).map_err(bad)? {
                Name::Domain(parent) if parent.contains('.') => Ok(Self::Below(parent)),
                Name::Domain(_) => Err(bad("`*.` needs a name of two labels behind it")),
                Name::Address(_) => Err(bad("`*.` stands before a name, not before an address")),
            },
        }
    }
}

impl From<HostPattern> for String {
    fn from(pattern: HostPattern) -> Self {
        pattern.to_string()
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => write!(f, "{name}"),
            Self::Below(parent) => write!(f, "*.{parent}"),
        }
    }
}

/// A host as a URL has it. What is not in its normal form is refused, never mended: a second reader of the same text
/// could mend it another way.
pub(super) fn read(text: &str) -> Result<Name, &'static str> {
    if text.is_empty() || text.len() > MAX_BYTES {
        return Err("a name has 1 to 253 bytes");
    }
    let parsed = url::Host::parse(text).map_err(|_| "it is no name and no address")?;
    let name = match parsed {
        // The same place under a second name, of which no check of addresses may think.
        url::Host::Ipv6(address)
            if address.to_ipv4().is_some() && !address.is_loopback() && !address.is_unspecified() =>
        {
            return Err("an address in IPv6 that stands for one in IPv4 is written as that one");
        }
        url::Host::Ipv4(address) => Name::Address(address.into()),
        url::Host::Ipv6(address) => Name::Address(address.into()),
        url::Host::Domain(name) => {
            let label = |label: &str| {
                (1..=63).contains(&label.len())
                    && !label.starts_with('-')
                    && !label.ends_with('-')
                    && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
            };
            if !name.split('.').all(label) {
                return Err("it has a label that is none");
            }
            Name::Domain(name)
        }
    };
    if name.to_string() != text {
        return Err("it is not in its normal form: lower case, A-labels (xn--…), decimal addresses of four parts");
    }
    Ok(name)
}
