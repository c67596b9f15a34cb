//! What is there: listing and stat, and the ordered walk that searching uses too.

use crate::place::{failed, resolve};
use safeclaw_sdk::prelude::*;
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// What to list.
#[arguments]
pub(crate) struct List {
    /// The directory; `.` is the workspace.
    path: String,
    /// How many levels down, 1 to 16; 1 if left out.
    depth: Option<u8>,
    /// Continue after this path: `next` of the answer before.
    after: Option<String>,
}

/// Something on the disk.
#[result]
pub(crate) struct Entry {
    pub(crate) path: String,
    /// `file`, `directory`, `symlink` or `other`.
    kind: &'static str,
    /// Bytes, of a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    /// When its content changed, in seconds since 1970, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    modified_unix_s: Option<u64>,
    /// Where a symlink points; unknown if it is an absolute path.
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
}

/// A part of a listing.
#[result]
pub(crate) struct Listing {
    /// Sorted by path.
    entries: Vec<Entry>,
    /// More is there: ask again with this as `after`.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    /// Directories that could not be read, and why; at most 20.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unreadable: Vec<String>,
}

/// What to describe.
#[arguments]
pub(crate) struct Stat {
    /// A file, a directory or a symlink (which is described itself).
    path: String,
}

/// Entries in one answer: about 150 KB of paths as they usually are.
const MAX_ENTRIES: usize = 1000;
/// A directory with more is not listed: its names alone would fill the memory.
const MAX_DIRECTORY: usize = 100_000;
/// Their bytes, since a path can have 4096 of them.
const MAX_LISTING_BYTES: usize = 200_000;

/// Lists a directory, sorted. Symlinks are named with their target and not entered.
#[tool(title = "List files", read_only, idempotent)]
pub(crate) fn files_list(args: List) -> Result<Listing> {
    let root = resolve(&args.path)?;
    let mut walk = Walk::new(&root, args.depth.unwrap_or(1).clamp(1, 16), args.after.as_deref())?;
    let (mut entries, mut bytes) = (Vec::new(), 0);
    let mut next = None;
    for path in walk.by_ref() {
        let Ok(metadata) = path.symlink_metadata() else {
            continue;
        };
        let entry = describe(&path, &metadata);
        bytes += entry.path.len() + entry.target.as_ref().map_or(0, String::len) + 100;
        entries.push(entry);
        if entries.len() == MAX_ENTRIES || bytes > MAX_LISTING_BYTES {
            next = entries.last().map(|last| last.path.clone());
            break;
        }
    }
    Ok(Listing { entries, next, unreadable: walk.unreadable })
}

/// Describes a file, a directory or a symlink.
#[tool(title = "Describe a file", read_only, idempotent)]
pub(crate) fn files_stat(args: Stat) -> Result<Entry> {
    let path = resolve(&args.path)?;
    let metadata = path.symlink_metadata().map_err(|e| failed(&path, e))?;
    Ok(describe(&path, &metadata))
}

fn describe(path: &Path, metadata: &Metadata) -> Entry {
    let modified = metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    Entry {
        path: path.to_string_lossy().into_owned(),
        kind: match metadata.file_type() {
            kind if kind.is_file() => "file",
            kind if kind.is_dir() => "directory",
            kind if kind.is_symlink() => "symlink",
            _ => "other",
        },
        size: metadata.is_file().then_some(metadata.len()),
        modified_unix_s: modified.map(|since| since.as_secs()),
        target: fs::read_link(path).ok().map(|target| target.to_string_lossy().into_owned()),
    }
}

/// Everything below a directory in the order of its paths, not through symlinks.
pub(crate) struct Walk {
    stack: Vec<(PathBuf, u8)>,
    after: Option<PathBuf>,
    /// What could not be listed.
    pub(crate) unreadable: Vec<String>,
}

impl Walk {
    pub(crate) fn new(root: &Path, depth: u8, after: Option<&str>) -> Result<Self> {
        let mut walk = Self { stack: Vec::new(), after: after.map(resolve).transpose()?, unreadable: Vec::new() };
        walk.enter(root, depth).map_err(|e| failed(root, e))?;
        Ok(walk)
    }

    fn enter(&mut self, directory: &Path, depth: u8) -> std::io::Result<()> {
        let entries = fs::read_dir(directory)?.take(MAX_DIRECTORY + 1);
        let mut paths = entries.map(|e| Ok(e?.path())).collect::<std::io::Result<Vec<_>>>()?;
        if paths.len() > MAX_DIRECTORY {
            return Err(std::io::Error::other(format!("more than {MAX_DIRECTORY} entries")));
        }
        paths.sort_unstable_by(|a, b| b.cmp(a));
        let wanted = |path: &PathBuf| self.after.as_ref().is_none_or(|after| path > after || after.starts_with(path));
        let new: Vec<_> = paths.into_iter().filter(wanted).map(|path| (path, depth)).collect();
        self.stack.extend(new);
        Ok(())
    }
}

impl Iterator for Walk {
    type Item = PathBuf;

    fn next(&mut self) -> Option<PathBuf> {
        loop {
            let (path, depth) = self.stack.pop()?;
            let directory = depth > 1 && path.symlink_metadata().is_ok_and(|m| m.is_dir());
            if directory
                && let Err(error) = self.enter(&path, depth - 1)
                && self.unreadable.len() < 20
            {
                self.unreadable.push(failed(&path, error).to_string());
            }
            if self.after.as_ref().is_none_or(|after| path > *after) {
                return Some(path);
            }
        }
    }
}
