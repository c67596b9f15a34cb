//! JSON Schemas that came from a component: read once, within bounds, and asked about arguments and
//! structured results. Nothing is ever fetched, and patterns run on a linear-time engine.

mod bounds;
mod count;
mod texts;
mod tree;

pub use bounds::MAX_SCHEMA_BYTES;

use jsonschema::{PatternOptions, ValidationError, Validator};
use std::fmt::Write;
use texts::Texts;
use tree::Tree;

/// Bounds a compiled pattern: `(\w{1000}){1000}` is short and asks for gigabytes.
const MAX_PATTERN_BYTES: usize = 256 << 10;
/// Above this size of an instance only the first misfit is looked for: each costs memory, and an array
/// of a million wrong numbers would have a million.
const ALL_MISFITS_BYTES: usize = 16 << 10;
/// Misfits that are listed.
const MAX_MISFITS: usize = 8;
/// Values of one instance: each costs some hundred bytes of host memory once it is a tree.
const MAX_VALUES: usize = 100_000;
/// Parts of a schema times values of an instance. A check runs on the runner's only thread, outside of the
/// call's own bounds: a large schema and a long array would hold every other call for minutes.
const MAX_WORK: usize = 5_000_000;
/// Bytes of an instance that cost as much as a value where a schema has patterns.
const PATTERN_BYTES: usize = 16;
/// The same where it has none, and texts are only compared and measured.
const TEXT_BYTES: usize = 4 << 10;
/// The longest description of one misfit; a schema's own `enum` can be long.
const MAX_MISFIT_CHARS: usize = 240;

/// What a schema describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Arguments: an object, says MCP.
    Input,
    /// A structured result.
    Output,
}

/// Why a schema is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// Too long.
    #[error("the schema has {0} bytes; the most is {MAX_SCHEMA_BYTES}")]
    Bytes(usize),
    /// Not JSON.
    #[error("the schema is not JSON: {0}")]
    Json(String),
    /// Not an object, or arguments that are none.
    #[error("{0}")]
    Shape(&'static str),
    /// Too deep, too large once references are followed, or with too many patterns.
    #[error("the schema has {what} above {most}")]
    Large {
        /// What there is too much of.
        what: &'static str,
        /// The bound.
        most: usize,
    },
    /// A keyword that reaches outside of the document, or cannot be bounded.
    #[error("the schema's `{keyword}` at `{at}` {why}")]
    Keyword {
        /// Which.
        keyword: &'static str,
        /// JSON Pointer of the schema object, cut.
        at: String,
        /// What is wrong.
        why: &'static str,
    },
    /// Not a JSON Schema.
    #[error("the schema is not valid: {0}")]
    Invalid(String),
}

/// Why a text does not pass. None of these repeats the text itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// Not JSON, or not what the schema says: where and what, in at most some 2 KiB.
    #[error("{0}")]
    Wrong(String),
    /// More values than are ever read.
    #[error("more than {MAX_VALUES} values; send fewer at a time")]
    Values,
    /// A check that would take too long.
    #[error("the schema's {parts} parts times {values} values are above {MAX_WORK}; send less at a time")]
    Work {
        /// Parts of the schema, references followed.
        parts: usize,
        /// Values, with what the length of texts adds.
        values: usize,
    },
}

/// A schema that can be asked.
#[derive(Debug)]
pub struct Schema {
    validator: Validator,
    parts: usize,
    patterns: bool,
    texts: Texts,
}

impl Schema {
    /// Reads a schema and compiles it.
    ///
    /// # Errors
    /// The first thing that is wrong or out of bounds.
    pub fn read(text: &str, place: Place) -> Result<Self, SchemaError> {
        let bounds::Bounded { document, parts, patterns } = bounds::read(text, place)?;
        let validator = jsonschema::options()
            .offline()
            // A note for the reader, as newer dialects have it: an older one would compile each text of an
            // instance as a pattern where the schema says `"format": "regex"`.
            .should_validate_formats(false)
            .with_pattern_options(
                PatternOptions::regex().size_limit(MAX_PATTERN_BYTES).dfa_size_limit(MAX_PATTERN_BYTES),
            )
            .build(&document)
            .map_err(|error| SchemaError::Invalid(describe(&error)))?;
        Ok(Self { validator, parts, patterns, texts: texts::needed(&document) })
    }

    /// Reads `text` as JSON and checks it, unless that would take too long.
    ///
    /// # Errors
    /// [`Misfit`]
    pub fn check(&self, text: &str) -> Result<(), Misfit> {
        let read = tree::read(text, MAX_VALUES, self.texts).map_err(|error| not_json(&error))?;
        let Tree { instance, values } = read.ok_or(Misfit::Values)?;
        self.affordable(values, text.len())?;
        if text.len() > ALL_MISFITS_BYTES {
            return self.validator.validate(&instance).map_err(|error| Misfit::Wrong(describe(&error)));
        }
        let mut misfits = self.validator.iter_errors(&instance);
        let mut list = String::new();
        for misfit in misfits.by_ref().take(MAX_MISFITS) {
            let separator = if list.is_empty() { "" } else { "; " };
            // Writing to a `String` does not fail.
            let _ = write!(list, "{separator}{}", describe(&misfit));
        }
        if list.is_empty() {
            return Ok(());
        }
        if misfits.next().is_some() {
            list.push_str("; and more");
        }
        Err(Misfit::Wrong(list))
    }

    fn affordable(&self, values: usize, bytes: usize) -> Result<(), Misfit> {
        let values = values.saturating_add(bytes / if self.patterns { PATTERN_BYTES } else { TEXT_BYTES });
        if self.parts.saturating_mul(values) > MAX_WORK {
            return Err(Misfit::Work { parts: self.parts, values });
        }
        Ok(())
    }
}

/// Reads a text to which no schema applies as whoever gets it will: a number out of range, or half a
/// character, would be taken here and be no JSON there. What is too deep or has too many values passes: the
/// hub bounds both, and says which it was.
///
/// # Errors
/// [`Misfit::Wrong`]
pub fn check_json(text: &str) -> Result<(), Misfit> {
    match count::values(text, MAX_VALUES) {
        Err(error) if !error.to_string().starts_with(TOO_DEEP) => Err(not_json(&error)),
        _ => Ok(()),
    }
}

/// The parser has no other way to tell it; a test fails when its words change.
const TOO_DEEP: &str = "recursion limit exceeded";

fn not_json(error: &serde_json::Error) -> Misfit {
    Misfit::Wrong(format!("not JSON: {error}"))
}

/// Uses everything that opens a file the first time it is used, while files can be opened.
pub fn warm_up() {
    let schema = Schema::read(r#"{"type":"object","properties":{"a":{"pattern":"a"}}}"#, Place::Input);
    // Whether this one fits is of no interest.
    let _ = schema.map(|schema| schema.check(r#"{"a":"b"}"#));
}

/// One misfit: where, and what, with the value itself masked.
fn describe(error: &ValidationError<'_>) -> String {
    let at = error.instance_path().to_string();
    let at = if at.is_empty() { "the whole" } else { &at };
    cut(&format!("{at}: {}", error.masked_with("this")), MAX_MISFIT_CHARS)
}

fn cut(text: &str, most_chars: usize) -> String {
    let mut chars = text.chars();
    let mut kept: String = chars.by_ref().take(most_chars).collect();
    if chars.next().is_some() {
        kept.push('…');
    }
    kept
}

#[cfg(test)]
mod tests;
