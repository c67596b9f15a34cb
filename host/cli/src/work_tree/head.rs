//! From `HEAD` to a commit's id: references as files, then packed ones, through few of them.

use super::WorkTreeError;
use super::find::{Repository, no_repository};
use gix::bstr::ByteSlice;
use gix::hash::ObjectId;

/// A reference holds an id or another's name.
const MOST_REFERENCE_BYTES: u64 = 4 << 10;
/// Some 200 000 of them.
const MOST_PACKED_BYTES: u64 = 16 << 20;
/// References that name one another would never end.
const MOST_STEPS: usize = 5;

/// The commit that `HEAD` stands for.
pub(super) fn commit(repository: &Repository<'_>) -> Result<ObjectId, WorkTreeError> {
    let path = repository.own.path().join("HEAD");
    let damaged = |what| WorkTreeError::Damaged { path: path.clone(), what };
    let mut text =
        repository.own.read("HEAD", MOST_REFERENCE_BYTES)?.ok_or_else(|| no_repository(repository.own.path()))?;
    for _ in 0..MOST_STEPS {
        let Some(name) = text.strip_prefix(b"ref:") else {
            return id(text.trim()).ok_or_else(|| damaged("it leads to what is no id of 40 digits"));
        };
        let name = name.trim();
        // A name is also a path: only what Git itself takes for one, and only below `refs`.
        let name = gix::validate::reference::name(name.as_bstr()).ok().and_then(|name| name.to_str().ok());
        let name = name.filter(|name| name.starts_with("refs/")).ok_or_else(|| damaged("it leads to no reference"))?;
        match repository.shared().read(name, MOST_REFERENCE_BYTES)? {
            Some(loose) => text = loose,
            None => return packed(repository, name),
        }
    }
    Err(WorkTreeError::TooMany { path, what: "references on the way", most: MOST_STEPS })
}

fn packed(repository: &Repository<'_>, name: &str) -> Result<ObjectId, WorkTreeError> {
    let none = || WorkTreeError::NoCommit { path: repository.top.clone() };
    let text = repository.shared().read("packed-refs", MOST_PACKED_BYTES)?.ok_or_else(none)?;
    let found = text.lines().find_map(|line| line.strip_suffix(name.as_bytes())?.strip_suffix(b" "));
    let damaged = || WorkTreeError::Damaged {
        path: repository.shared().path().join("packed-refs"),
        what: "the id of a reference is none",
    };
    id(found.ok_or_else(none)?).ok_or_else(damaged)
}

fn id(text: &[u8]) -> Option<ObjectId> {
    let id = (text.len() == gix::hash::Kind::Sha1.len_in_hex()).then(|| ObjectId::from_hex(text).ok())??;
    (!id.is_null()).then_some(id)
}
