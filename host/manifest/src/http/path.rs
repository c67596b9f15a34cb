//! Paths, and patterns over them. A path is matched as it is sent: one that has two spellings is refused before.

use super::escape;
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

    /// Whether everything that `other` covers is covered.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let long = self.segments.len() == other.segments.len() && (self.open || !other.open)
            || (self.open && other.segments.len() > self.segments.len());
        long && self.segments.iter().zip(&other.segments).all(|(mine, theirs)| match (mine, theirs) {
            // No segment is not any segment: `/a/*` is not `/a/`.
            (None, Some(theirs)) => !theirs.is_empty(),
            (mine, theirs) => mine == theirs,
        })
    }

    /// Whether some path is covered by both.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let (short, long) = if self.segments.len() <= other.segments.len() { (self, other) } else { (other, self) };
        (short.segments.len() == long.segments.len() || short.open)
            && short.segments.iter().zip(&long.segments).all(|(one, another)| match (one, another) {
                (Some(one), Some(another)) => one == another,
                (None, Some(name)) | (Some(name), None) => !name.is_empty(),
                (None, None) => true,
            })
    }
}

/// Why a path, or a pattern, is refused: what a server could read in another way than it was compared here.
pub(super) fn well_formed(path: &str) -> Result<(), &'static str> {
    let Some(rest) = path.strip_prefix('/') else { return Err("a path begins with `/`") };
    // A `;` begins a parameter that some servers take away before they look at the segment: `..;` is then `..`.
    if !path.bytes().all(|b| is_plain(b) || b == b'/' || b == b'%') {
        return Err("a path has letters, digits and -._~!$&'()*+,=:@ only; everything else is escaped");
    }
    if !escape::is_normal(path) {
        return Err("an escape is `%` and two digits 0-9 A-F, of a character that has to be escaped");
    }
    // A slash at the end is an empty last segment, which servers tell from none.
    let mut segments = rest.split('/').peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        if segment.is_empty() {
            if last {
                break;
            }
            return Err("a segment that is empty");
        }
        one(segment)?;
    }
    Ok(())
}

/// RFC 3986's `pchar`, without `;` and escapes.
fn is_plain(byte: u8) -> bool {
    escape::is_unreserved(byte) || b"!$&'()*+,=:@".contains(&byte)
}

fn one(segment: &str) -> Result<(), &'static str> {
    // Overlong forms are none: `%C0%AF` is no slash here, and one for a server that decodes it carelessly.
    let decoded = escape::bytes(segment).and_then(|bytes| String::from_utf8(bytes).ok());
    let Some(decoded) = decoded else { return Err("its escapes are no UTF-8") };
    if decoded.chars().any(|c| c.is_control() || matches!(c, '/' | '\\' | '%') || escape::looks_like_structure(c)) {
        return Err("an escape of `/`, `\\`, `%`, of a control character, or of what is read as one of them");
    }
    let name = decoded.split(';').next().unwrap_or_default();
    if matches!(name.trim(), "" | "." | "..") {
        return Err("a segment that is `.` or `..`");
    }
    Ok(())
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
