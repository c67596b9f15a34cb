//! Names that cannot be wrong: each is checked once, where it enters.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a text is not the name it was meant to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a {kind}: {rule}")]
pub struct BadName {
    /// The kind of name that was wanted.
    pub kind: &'static str,
    /// What was found, cut to 80 characters.
    pub text: String,
    /// The rule in words.
    pub rule: &'static str,
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $kind:literal, $rule:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $type {
            type Error = BadName;
            fn try_from(text: String) -> Result<Self, BadName> {
                let check: fn(&str) -> bool = $check;
                if check(&text) {
                    Ok(Self(text))
                } else {
                    Err(BadName { kind: $kind, text: text.chars().take(80).collect(), rule: $rule })
                }
            }
        }

        impl TryFrom<&str> for $type {
            type Error = BadName;
            fn try_from(text: &str) -> Result<Self, BadName> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

/// A short identifier that is also safe as a path component and a label value.
fn identifier(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_')
}

fn hex_digest(text: &str) -> bool {
    text.len() == 64 && text.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'))
}

name!(
    /// A tool as MCP knows it.
    ToolName, "tool name", "1 to 128 of A-Z a-z 0-9 _ . -",
    |t| (1..=128).contains(&t.len()) && t.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
);
name!(
    /// A mount, by the operator's name; `/mnt/NAME` in the container.
    MountName, "mount name", "1 to 64 of a-z 0-9 _ -, a letter first", identifier
);
name!(
    /// A component, by the operator's name; which file that is, is the hub's registry.
    ComponentName, "component name", "1 to 64 of a-z 0-9 _ -, a letter first", identifier
);
name!(
    /// A profile: which tools a principal may ever see.
    ProfileName, "profile name", "1 to 64 of a-z 0-9 _ -, a letter first", identifier
);
name!(
    /// A person who answers requests with a key of their own; which key that is, the hub knows.
    ApproverName, "approver's name", "1 to 64 of a-z 0-9 _ -, a letter first", identifier
);
name!(
    /// A credential that the hub adds to requests; what it is, the hub's configuration says and nothing else.
    CredentialName, "credential name", "1 to 64 of a-z 0-9 _ -, a letter first", identifier
);
name!(
    /// An environment variable that a guest may be given.
    EnvName, "environment variable name", "1 to 64 of A-Z 0-9 _, no digit first",
    |t| (1..=64).contains(&t.len())
        && !t.starts_with(|c: char| c.is_ascii_digit())
        && t.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
);
name!(
    /// A sha-256 digest, 64 lower-case hexadecimal digits.
    Digest, "sha-256 digest", "64 of 0-9 a-f", hex_digest
);

impl Digest {
    /// The sha-256 digest of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest as _;
        Self(hex::encode(sha2::Sha256::digest(bytes)))
    }
}
