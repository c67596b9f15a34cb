//! Searching the text of files by regular expression: linear time, bounded in every direction.

use crate::look::Walk;
use crate::place::{failed, regular_file, resolve};
use regex::{Regex, RegexBuilder};
use safeclaw_sdk::prelude::*;
use std::fs::File;
use std::io::Read as _;

/// What to search for, and where.
#[arguments]
pub(crate) struct Search {
    /// A directory or a file.
    path: String,
    /// A regular expression (Rust's `regex` syntax: no look-around, no back-references), line by line.
    pattern: String,
    /// Do not tell upper from lower case.
    #[serde(default)]
    ignore_case: bool,
    /// Only files whose path matches this regular expression, such as `\.rs$`.
    files: Option<String>,
    /// At most how many matching lines, 1 to 500; 100 if left out.
    max_matches: Option<usize>,
    /// Continue after this path: `next` of the answer before.
    after: Option<String>,
}

/// A line that matches.
#[result]
pub(crate) struct Match {
    pub(crate) path: String,
    /// Counted from 1.
    pub(crate) line: usize,
    /// The line, or the part of a long one around the match.
    pub(crate) text: String,
}

/// What was found.
#[result]
pub(crate) struct Found {
    /// In the order of paths and lines.
    matches: Vec<Match>,
    files_searched: usize,
    /// Files that are not text.
    binary_skipped: usize,
    /// Files over 4 MiB, or unreadable; at most 20 are named.
    skipped: Vec<String>,
    /// A bound was reached: there may be more.
    truncated: bool,
    /// Ask again with this as `after` for the files that follow.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

const MAX_FILE_BYTES: u64 = 4 << 20;
/// Read in one call; about a second of the guest's time.
const MAX_TOTAL_BYTES: u64 = 32 << 20;
const MAX_FILES: usize = 20_000;
const MAX_LINE_BYTES: usize = 300;

fn compile(pattern: &str, ignore_case: bool) -> Result<Regex> {
    ensure!(pattern.len() <= 1000, "a pattern has at most 1000 bytes");
    RegexBuilder::new(pattern).case_insensitive(ignore_case).size_limit(1 << 20).build().context("the pattern")
}

/// Finds lines that match a regular expression, in a file or below a directory. Binary files are skipped.
#[tool(title = "Search in files", read_only, idempotent)]
pub(crate) fn files_search(args: Search) -> Result<Found> {
    let root = resolve(&args.path)?;
    let pattern = compile(&args.pattern, args.ignore_case)?;
    let filter = args.files.as_deref().map(|files| compile(files, false)).transpose()?;
    let max_matches = args.max_matches.unwrap_or(100).clamp(1, 500);
    let one_file = root.metadata().map_err(|e| failed(&root, e))?.is_file();
    let mut walk = if one_file { None } else { Some(Walk::new(&root, 64, args.after.as_deref())?) };
    let mut single = one_file.then_some(root);
    let mut found =
        Found { matches: vec![], files_searched: 0, binary_skipped: 0, skipped: vec![], truncated: false, next: None };
    let mut total = 0;
    while let Some(path) = single.take().or_else(|| walk.as_mut().and_then(Iterator::next)) {
        let name = path.to_string_lossy().into_owned();
        let plain = path.symlink_metadata().is_ok_and(|m| m.is_file());
        if !(plain || one_file) || filter.as_ref().is_some_and(|filter| !filter.is_match(&name)) {
            continue;
        }
        let mut bytes = Vec::new();
        let read = regular_file(&path).and_then(|size| {
            ensure!(size <= MAX_FILE_BYTES, "{name} is too large to search ({size} bytes)");
            let file = File::open(&path).map_err(|e| failed(&path, e))?;
            file.take(MAX_FILE_BYTES).read_to_end(&mut bytes).map_err(|e| failed(&path, e))
        });
        total += bytes.len() as u64;
        match (read, std::str::from_utf8(&bytes)) {
            (Err(error), _) if found.skipped.len() < 20 => found.skipped.push(error.to_string()),
            (Err(_), _) => found.truncated = true,
            (Ok(_), Ok(text)) if !text.contains('\0') => {
                found.files_searched += 1;
                let mut lines =
                    text.lines().enumerate().filter_map(|(at, line)| Some((at + 1, line, pattern.find(line)?)));
                let room = max_matches - found.matches.len();
                found.matches.extend(lines.by_ref().take(room).map(|(number, line, hit)| Match {
                    path: name.clone(),
                    line: number,
                    text: around(line, hit.start()),
                }));
                found.truncated |= lines.next().is_some();
            }
            (Ok(_), _) => found.binary_skipped += 1,
        }
        let files = found.files_searched + found.binary_skipped + found.skipped.len();
        if !one_file && (found.matches.len() == max_matches || total >= MAX_TOTAL_BYTES || files >= MAX_FILES) {
            (found.truncated, found.next) = (true, Some(name));
            break;
        }
    }
    found.skipped.extend(walk.into_iter().flat_map(|walk| walk.unreadable));
    Ok(found)
}

/// A long line is cut around the match, at characters.
fn around(line: &str, at: usize) -> String {
    let start = line.floor_char_boundary(if line.len() <= MAX_LINE_BYTES { 0 } else { at.saturating_sub(80) });
    let end = line.floor_char_boundary(start + MAX_LINE_BYTES);
    line.get(start..end).unwrap_or_default().to_owned()
}
