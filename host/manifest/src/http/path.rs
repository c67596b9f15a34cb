//! Paths, and patterns over them. A path is matched as it is sent: one that has two spellings is refused before.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The longest pattern.
const MAX_BYTES: usize = 1_024;

/// `/repos/*/*/issues`: `*` is one segment, and `/**` at the end whatever follows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PathPattern {
    segments: Vec<Option<String>>,
    /// Ends in `/**`: what is below it too, and the place itself.
    open: bool,
}

impl PathPattern {
    /// Whether it covers a path that [`well_formed`] has let through.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        let Some(path) = path.strip_prefix('/') else { return false };
        let mut given: Vec<&str> = path.split('/').collect();
        // The root is no segment.
        if given == [""] {
            given.clear();
        }
        let long = given.len() == self.segments.len() || (self.open && given.len() > self.segments.len());
        long && self.segments.iter().zip(given).all(|(wanted, given)| match wanted {
            Some(wanted) => wanted == given,
            None => !given.is_empty(),
        })
    }

    /// Whether it reaches a path at which one method carries every operation: then the path bounds nothing.
    #[must_use]
    pub(crate) fn reaches_everything_by_post(&self) -> bool {
        ["/graphql", "/api/graphql", "/v1/graphql"].iter().any(|path| self.matches(path))
            || self.segments.iter().flatten().any(|segment| segment.eq_ignore_ascii_case("graphql"))
    }

    /// Whether everything that `other` covers is covered.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let long = self.segments.len() == other.segments.len() && (self.open || !other.open)
            || (self.open && other.segments.len() > self.segments.len());
        long && self.segments.iter().zip(&other.segments).all(|(mine, theirs)| mine.is_none() || mine == theirs)
    }
}

/// Why a path, or a pattern, is refused.
pub(super) fn well_formed(path: &str) -> Result<(), &'static str> {
    let Some(rest) = path.strip_prefix('/') else { return Err("a path begins with `/`") };
    if !path.bytes().all(|b| (0x21..=0x7e).contains(&b) && !matches!(b, b'\\' | b'?' | b'#')) {
        return Err("a path has visible ASCII only, and no backslash");
    }
    let lower = path.to_ascii_lowercase();
    if ["%2f", "%5c", "%2e", "%00"].iter().any(|escape| lower.contains(escape)) || has_bad_escape(&lower) {
        return Err("an escape of `/`, `\\`, `.` or a control byte");
    }
    // A slash at the end is an empty last segment, which servers tell from none.
    let mut segments = rest.split('/').peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        if segment == "." || segment == ".." || (segment.is_empty() && !last) {
            return Err("a segment that is empty, `.` or `..`");
        }
    }
    Ok(())
}

/// An escape of a control byte, of `%` itself, or no escape at all.
fn has_bad_escape(lower: &str) -> bool {
    lower.split('%').skip(1).any(|after| {
        let byte = after.get(..2).filter(|two| two.bytes().all(|b| b.is_ascii_hexdigit()));
        byte.and_then(|two| u8::from_str_radix(two, 16).ok())
            .is_none_or(|byte| byte < 0x20 || byte == 0x7f || byte == b'%')
    })
}

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a path pattern: {why}")]
pub struct BadPath {
    /// What was found, cut to 80 characters.
    pub text: String,
    /// What is wrong with it.
    pub why: &'static str,
}

impl TryFrom<String> for PathPattern {
    type Error = BadPath;
    fn try_from(text: String) -> Result<Self, BadPath> {
        let bad = |why| BadPath { text: text.chars().take(80).collect(), why };
        if text.len() > MAX_BYTES {
            return Err(bad("it has more than 1 024 bytes"));
        }
        well_formed(&text).map_err(bad)?;
        let (body, open) = match text.strip_suffix("/**") {
            Some(body) => (body, true),
            None => (text.as_str(), false),
        };
        let body = body.strip_prefix('/').unwrap_or(body);
        let segments: Vec<Option<String>> = match body {
            "" => Vec::new(),
            body => body.split('/').map(|segment| (segment != "*").then(|| segment.to_owned())).collect(),
        };
        if segments.iter().flatten().any(|segment| segment.contains('*')) {
            return Err(bad("`*` stands for one whole segment, and `/**` only at the end"));
        }
        Ok(Self { segments, open })
    }
}

impl From<PathPattern> for String {
    fn from(pattern: PathPattern) -> Self {
        pattern.to_string()
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for segment in &self.segments {
            write!(f, "/{}", segment.as_deref().unwrap_or("*"))?;
        }
        match (self.open, self.segments.is_empty()) {
            (true, _) => f.write_str("/**"),
            (false, true) => f.write_str("/"),
            (false, false) => Ok(()),
        }
    }
}
