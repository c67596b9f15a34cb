//! Media types that an answer may have.

use serde::{Deserialize, Serialize};
use std::fmt;

/// `type/subtype`, or `type/*`: every subtype.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MediaType(String);

/// Why a text is no media type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a media type: write type/subtype or type/*, in lower case and without parameters")]
pub struct BadMediaType {
    /// What was found, cut to 80 characters.
    pub text: String,
}

impl MediaType {
    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether everything that `other` covers is covered; both as texts, as a grant has them.
    pub(super) fn covers(mine: &str, other: &str) -> bool {
        mine == other || mine.strip_suffix('*').is_some_and(|start| start.ends_with('/') && other.starts_with(start))
    }
}

impl TryFrom<String> for MediaType {
    type Error = BadMediaType;
    fn try_from(text: String) -> Result<Self, BadMediaType> {
        // RFC 6838's names.
        let name = |name: &str| {
            (1..=127).contains(&name.len())
                && name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
                && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"!#$&-^_.+".contains(&b))
        };
        let sound = text.split_once('/').is_some_and(|(kind, sub)| name(kind) && (sub == "*" || name(sub)));
        if sound { Ok(Self(text)) } else { Err(BadMediaType { text: text.chars().take(80).collect() }) }
    }
}

impl From<MediaType> for String {
    fn from(media: MediaType) -> Self {
        media.0
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
