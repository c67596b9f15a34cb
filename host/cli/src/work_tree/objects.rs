//! Commits and trees by their ids. Each is hashed: an object under another's name is damage, not an answer.

use super::WorkTreeError;
use super::beneath::Directory;
use super::find::{Repository, no_repository};
use super::packs::Packs;
use gix::hash::{ObjectId, oid};
use gix::objs::{Kind, compute_hash};
use gix::zlib::Inflate;
use std::path::{Path, PathBuf};

/// A tree of some 100 000 entries. What an object's header claims beyond it is not believed and not made room for.
pub(super) const MOST_OBJECT_BYTES: usize = 4 << 20;
/// `commit 4194304`, with a good deal to spare.
const MOST_HEADER_BYTES: usize = 64;

/// The objects of a repository, its own only.
pub(super) struct Objects<'a> {
    top: PathBuf,
    directory: Directory<'a>,
    packs: Packs<'a>,
}

impl<'a> Objects<'a> {
    pub(super) fn of(repository: &Repository<'a>) -> Result<Self, WorkTreeError> {
        let shared = repository.shared();
        let directory = shared.directory("objects")?.ok_or_else(|| no_repository(shared.path()))?;
        let packs = Packs::new(directory.directory("pack")?);
        Ok(Self { top: repository.top.clone(), directory, packs })
    }

    /// The bytes of an object of this kind.
    pub(super) fn find(&mut self, id: &oid, kind: Kind) -> Result<Vec<u8>, WorkTreeError> {
        let hex = id.to_string();
        let (folder, name) = hex.split_at_checked(2).unwrap_or_default();
        let loose = Path::new(folder).join(name);
        let (found, data) = match self.directory.read(&loose, MOST_OBJECT_BYTES as u64)? {
            Some(deflated) => inflated(&self.directory.path().join(&loose), &deflated)?,
            None => {
                let missing = || WorkTreeError::Missing { path: self.top.clone(), id: hex.clone() };
                self.packs.find(id)?.ok_or_else(missing)?
            }
        };
        let damaged = |what| Err(WorkTreeError::Damaged { path: self.directory.path().join(&loose), what });
        if found != kind {
            return damaged("it is an object of another kind");
        }
        match hash(found, &data) {
            Some(hash) if hash == id => Ok(data),
            _ => damaged("it is another object than its name says"),
        }
    }
}

/// The id of these bytes, unless they are made to collide with others.
pub(super) fn hash(kind: Kind, data: &[u8]) -> Option<ObjectId> {
    compute_hash(gix::hash::Kind::Sha1, kind, data).ok()
}

/// A loose object: its header first, which says how much room it gets, and no more is inflated than that.
fn inflated(path: &Path, deflated: &[u8]) -> Result<(Kind, Vec<u8>), WorkTreeError> {
    let damaged = |what| WorkTreeError::Damaged { path: path.to_owned(), what };
    let unclear = || damaged("it does not begin as an object");
    let mut inflate = Inflate::default();
    let mut header = [0_u8; MOST_HEADER_BYTES];
    let (_, _, length) = inflate.prefix(deflated, &mut header).map_err(|_| damaged("it cannot be inflated"))?;
    let header = header.get(..length).ok_or_else(unclear)?;
    let (kind, size, start) = gix::objs::decode::loose_header(header).map_err(|_| unclear())?;
    let size = usize::try_from(size).ok().filter(|size| *size <= MOST_OBJECT_BYTES);
    let size = size.ok_or_else(|| WorkTreeError::TooLarge { path: path.to_owned(), most: MOST_OBJECT_BYTES as u64 })?;
    let mut data = vec![0_u8; start.saturating_add(size)];
    inflate.reset();
    let (_, _, length) = inflate.once(deflated, &mut data).map_err(|_| damaged("it cannot be inflated"))?;
    if length != data.len() {
        return Err(damaged("it is shorter than it says"));
    }
    Ok((kind, data.split_off(start)))
}
