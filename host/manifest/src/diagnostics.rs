//! Everything that is wrong with a manifest, at once: an operator mends a file in one go.

use crate::source::Place;
use serde::{Deserialize, Serialize};
use std::fmt;

/// More than this many are counted, not shown: a mebibyte of noise is one mistake.
pub const MAX_DIAGNOSTICS: usize = 100;

/// One thing that is wrong, or worth knowing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Diagnostic {
    /// Where.
    pub place: Place,
    /// What.
    pub message: String,
    /// What to do.
    pub help: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  at {}\n  help: {}", self.message, self.place, self.help)
    }
}

/// Why a manifest is not accepted: all reasons, in the order of the text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostics {
    /// The first hundred.
    pub list: Vec<Diagnostic>,
    /// How many more there are.
    pub more: usize,
    /// Some files could not be read as TOML, so what depends on the whole was not checked.
    pub incomplete: bool,
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for diagnostic in &self.list {
            writeln!(f, "error: {diagnostic}")?;
        }
        if self.more > 0 {
            writeln!(f, "and {} more", self.more)?;
        }
        match self.list.len().saturating_add(self.more) {
            1 => write!(f, "1 error")?,
            count => write!(f, "{count} errors")?,
        }
        if self.incomplete {
            write!(f, "; what depends on the whole manifest is checked once every file is TOML")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

/// Text from a manifest as it may be shown: one line, no control characters, at most 80 characters.
pub(crate) fn quote(text: &str) -> String {
    let mut shown: String = text.chars().take(80).flat_map(char::escape_debug).collect();
    if text.chars().nth(80).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}

/// The one of `known` that was probably meant.
pub(crate) fn nearest<'k>(text: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    // Far longer texts are no slip of the finger, and the distance takes the product of both lengths.
    if text.len() > 128 {
        return None;
    }
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(text, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.len() / 3).max(1))
        .min()
        .map(|(_, candidate)| candidate)
}
