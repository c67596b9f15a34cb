//! The files that were read against the tree of a commit: by their bytes, as they are. Git would apply filters and
//! line endings first, which the tree itself chooses; a file that depends on them is told as changed.

use super::WorkTreeError;
use super::find::Repository;
use super::objects::{Objects, hash};
use gix::hash::{Kind, ObjectId};
use gix::objs::tree::EntryKind;
use gix::objs::{CommitRefIter, TreeRefIter};
use manifest::SourceFile;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Directories between the top of a work tree and a manifest: each is an object to find.
const MOST_DEPTH: usize = 64;
/// Nobody reads more.
const MOST_NAMED: usize = 100;

/// What a tree has, by name.
type Entries = BTreeMap<Vec<u8>, (EntryKind, ObjectId)>;

/// What differs between the files and the commit, by its path in the work tree.
pub(super) fn differences(
    repository: &Repository<'_>,
    commit: ObjectId,
    files: &[SourceFile],
) -> Result<Vec<String>, WorkTreeError> {
    let mut objects = Objects::of(repository)?;
    let mut committed = directory(repository, &mut objects, commit)?;
    // What `manifests::files` reads, by the same rule.
    committed.retain(|name, _| Path::new(OsStr::from_bytes(name)).extension() == Some(OsStr::new("toml")));
    let mut different = Vec::new();
    for file in files {
        let name = Path::new(&file.name).file_name().unwrap_or_default().as_bytes();
        let same = match committed.remove(name) {
            // A committed link has the path that it leads to for its bytes, and a file that was read through one has
            // others; if they are equal, it is still another thing than was committed.
            Some((EntryKind::Blob | EntryKind::BlobExecutable, id)) => {
                hash(gix::objs::Kind::Blob, file.text.as_bytes()) == Some(id)
            }
            Some(_) | None => false,
        };
        if !same {
            different.push(path(repository, name));
        }
    }
    different.extend(committed.keys().map(|name| path(repository, name)));
    different.sort_unstable();
    let more = different.len().saturating_sub(MOST_NAMED);
    if more > 0 {
        different.truncate(MOST_NAMED);
        different.push(format!("and {more} more"));
    }
    Ok(different)
}

/// What the commit has in the manifest's directory: nothing, if that is no directory of it.
fn directory(
    repository: &Repository<'_>,
    objects: &mut Objects<'_>,
    commit: ObjectId,
) -> Result<Entries, WorkTreeError> {
    let data = objects.find(&commit, gix::objs::Kind::Commit)?;
    let tree = CommitRefIter::from_bytes(&data, Kind::Sha1).tree_id();
    let mut tree = tree.map_err(|_| damaged(repository, "its commit names no tree"))?;
    for (depth, part) in repository.below.iter().enumerate() {
        if depth == MOST_DEPTH {
            let path = repository.top.clone();
            return Err(WorkTreeError::TooMany { path, what: "levels above the manifest", most: MOST_DEPTH });
        }
        tree = match entries(repository, objects, tree)?.get(part.as_bytes()) {
            Some((EntryKind::Tree, id)) => *id,
            Some(_) | None => return Ok(Entries::new()),
        };
    }
    entries(repository, objects, tree)
}

fn entries(repository: &Repository<'_>, objects: &mut Objects<'_>, tree: ObjectId) -> Result<Entries, WorkTreeError> {
    let data = objects.find(&tree, gix::objs::Kind::Tree)?;
    let mut entries = Entries::new();
    for entry in TreeRefIter::from_bytes(&data, Kind::Sha1) {
        let entry = entry.map_err(|_| damaged(repository, "a tree in it cannot be read"))?;
        let known = entries.insert(entry.filename.to_vec(), (entry.mode.kind(), entry.oid.to_owned()));
        if known.is_some() {
            // Two files of one name: which of them is committed would be for the reader to choose.
            return Err(damaged(repository, "a tree in it has a name twice"));
        }
    }
    Ok(entries)
}

fn damaged(repository: &Repository<'_>, what: &'static str) -> WorkTreeError {
    WorkTreeError::Damaged { path: repository.top.clone(), what }
}

fn path(repository: &Repository<'_>, name: &[u8]) -> String {
    super::shown(&repository.below.join(OsStr::from_bytes(name)))
}
