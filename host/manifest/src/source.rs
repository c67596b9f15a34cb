//! Manifest text and places in it.

use serde::{Deserialize, Serialize};
use std::fmt;

/// One file of a manifest. Whoever calls reads the directory; this crate reads text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceFile {
    /// How messages name it, such as `tools.toml`.
    pub name: String,
    /// What is in it.
    pub text: String,
}

/// A place that a message points at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The file's name.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// The line that a value came from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Line {
    /// The file's name.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// A byte in a file: kept while reading, turned into a place only for what is shown, since counting the
/// columns of every value of one endless line would take quadratic time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Spot {
    pub(crate) file: usize,
    pub(crate) offset: usize,
}

/// The files of a manifest with the start of each line.
pub(crate) struct Sources<'a> {
    files: Vec<(&'a SourceFile, Vec<usize>)>,
}

impl<'a> Sources<'a> {
    pub(crate) fn new(files: impl IntoIterator<Item = &'a SourceFile>) -> Self {
        let files = files.into_iter().map(|file| (file, line_starts(&file.text))).collect();
        Self { files }
    }

    pub(crate) fn files(&self) -> impl Iterator<Item = (usize, &'a SourceFile)> + '_ {
        self.files.iter().enumerate().map(|(index, (file, _))| (index, *file))
    }

    pub(crate) fn line(&self, spot: Spot) -> Line {
        let Some((file, starts)) = self.files.get(spot.file) else {
            return Line { file: "manifest".to_owned(), line: 1 };
        };
        let line = starts.partition_point(|start| *start <= spot.offset).max(1);
        Line { file: file.name.clone(), line: u32::try_from(line).unwrap_or(u32::MAX) }
    }

    pub(crate) fn place(&self, spot: Spot) -> Place {
        let Line { file, line } = self.line(spot);
        let column = self.files.get(spot.file).map_or(1, |(source, starts)| {
            let index = usize::try_from(line).unwrap_or(usize::MAX).saturating_sub(1);
            let start = starts.get(index).copied().unwrap_or(0);
            let before = source.text.as_bytes().get(start..spot.offset).unwrap_or(&[]);
            // Bytes that do not continue a character: one for each character before the spot.
            before.iter().filter(|byte| (**byte & 0xC0) != 0x80).count().saturating_add(1)
        });
        Place { file, line, column: u32::try_from(column).unwrap_or(u32::MAX) }
    }
}

fn line_starts(text: &str) -> Vec<usize> {
    let after_breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at.saturating_add(1));
    std::iter::once(0).chain(after_breaks).collect()
}
