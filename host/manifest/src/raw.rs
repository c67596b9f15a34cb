//! The document as it is written: every field with its place, and nothing known about its meaning yet.
//!
//! A wrong field is reported and then absent, so that one reading finds every mistake.

mod tables;
mod values;

pub use tables::fields;
pub(crate) use tables::{
    RawBudget, RawComponent, RawFile, RawFs, RawHttp, RawLimits, RawMount, RawProfile, RawProtectedFile, RawTier,
    RawTool,
};
pub(crate) use values::{Bytes, Count, Entries, List, LoopAfter, ManifestName, Millis, Text};

use crate::diagnostics::{Diagnostic, Diagnostics, MAX_DIAGNOSTICS, nearest, quote};
use crate::source::{Sources, Spot};
use std::collections::BTreeSet;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value and where it stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Located<T> {
    pub(crate) value: T,
    pub(crate) spot: Spot,
}

/// A field of a table.
#[derive(Debug)]
pub(crate) enum Field<T> {
    Absent,
    /// Written, wrong and already reported.
    Broken,
    Given(Located<T>),
}

impl<T> Field<T> {
    /// The value, if there is a sound one.
    pub(crate) fn given(self) -> Option<Located<T>> {
        match self {
            Self::Given(located) => Some(located),
            Self::Absent | Self::Broken => None,
        }
    }

    /// The value; a field that is not there is reported.
    pub(crate) fn required(
        self,
        reading: &mut Reading<'_>,
        owner: Spot,
        at: &str,
        field: &str,
        help: &str,
    ) -> Option<Located<T>> {
        if matches!(self, Self::Absent) {
            reading.report(owner, format!("{} has no `{field}`", quote(at)), help);
        }
        self.given()
    }
}

/// A value that a table can hold. `at` is the value's path for messages, such as `tools.files_read`.
pub(crate) trait FromToml: Sized {
    fn from_toml(reading: &mut Reading<'_>, value: &Spanned<DeValue<'_>>, at: &str) -> Option<Self>;
}

/// Reading one manifest: its text, and what was found wrong so far.
pub(crate) struct Reading<'s> {
    pub(crate) sources: &'s Sources<'s>,
    /// The file being read.
    pub(crate) file: usize,
    found: BTreeSet<(Spot, String, String)>,
    /// Errors beyond those that are kept.
    beyond: usize,
    warnings: BTreeSet<(Spot, String, String)>,
    pub(crate) incomplete: bool,
}

impl<'s> Reading<'s> {
    pub(crate) fn new(sources: &'s Sources<'s>) -> Self {
        Self { sources, file: 0, found: BTreeSet::new(), beyond: 0, warnings: BTreeSet::new(), incomplete: false }
    }

    pub(crate) fn report(&mut self, spot: Spot, message: impl Into<String>, help: impl Into<String>) {
        // A mebibyte can hold a million mistakes, and nobody reads the last of them.
        if self.found.len() >= MAX_DIAGNOSTICS.saturating_mul(100) {
            self.beyond = self.beyond.saturating_add(1);
            return;
        }
        self.found.insert((spot, message.into(), help.into()));
    }

    pub(crate) fn warn(&mut self, spot: Spot, message: impl Into<String>, help: impl Into<String>) {
        self.warnings.insert((spot, message.into(), help.into()));
    }

    /// How many errors there are; a part whose reading did not raise it is sound.
    pub(crate) fn errors(&self) -> usize {
        self.found.len().saturating_add(self.beyond)
    }

    pub(crate) fn spot<T>(&self, spanned: &Spanned<T>) -> Spot {
        Spot { file: self.file, offset: spanned.span().start }
    }

    /// `file:line`, for messages that name a second place.
    pub(crate) fn line(&self, spot: Spot) -> String {
        self.sources.line(spot).to_string()
    }

    pub(crate) fn wrong_type(&mut self, value: &Spanned<DeValue<'_>>, at: &str, wanted: &str, help: &str) {
        let found = value.get_ref().type_str();
        let article = if matches!(found, "integer" | "array") { "an" } else { "a" };
        let message = format!("{} is {article} {found}, and {wanted} is wanted", quote(at));
        self.report(self.spot(value), message, help);
    }

    fn table<'v, 'i>(&mut self, value: &'v Spanned<DeValue<'i>>, at: &str) -> Option<&'v DeTable<'i>> {
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.wrong_type(value, at, "a table", "write it as `[...]` with its fields below, or as { field = value }");
        }
        table
    }

    fn unknown(&mut self, spot: Spot, key: &str, at: &str, known: &[&str]) {
        let whose = if at.is_empty() { "the top of a manifest".to_owned() } else { quote(at) };
        let mut help = format!("the fields here are {}", known.join(", "));
        if let Some(meant) = nearest(key, known.iter().copied()) {
            help = format!("did you mean `{meant}`? {help}");
        }
        self.report(spot, format!("unknown field {} in {whose}", quote(key)), help);
    }

    fn field<T: FromToml>(&mut self, value: &Spanned<DeValue<'_>>, at: &str) -> Field<T> {
        let spot = self.spot(value);
        T::from_toml(self, value, at).map_or(Field::Broken, |value| Field::Given(Located { value, spot }))
    }

    /// The end of reading: nothing wrong and the warnings, or everything that is wrong.
    pub(crate) fn finish(self) -> Result<Vec<Diagnostic>, Diagnostics> {
        let sources = self.sources;
        let show =
            |(spot, message, help): (Spot, String, String)| Diagnostic { place: sources.place(spot), message, help };
        if self.found.is_empty() {
            return Ok(self.warnings.into_iter().take(MAX_DIAGNOSTICS).map(show).collect());
        }
        let more = self.found.len().saturating_sub(MAX_DIAGNOSTICS).saturating_add(self.beyond);
        let list = self.found.into_iter().take(MAX_DIAGNOSTICS).map(show).collect();
        Err(Diagnostics { list, more, incomplete: self.incomplete })
    }
}

/// The path of a field below another.
fn below(at: &str, field: &str) -> String {
    if at.is_empty() { field.to_owned() } else { format!("{at}.{field}") }
}
