//! Objects in packs. The library reads bytes that were read for it, bounded, rather than files that it opens itself:
//! it would follow links, wait for FIFOs, and map files that whoever writes the tree can cut short meanwhile.

use super::WorkTreeError;
use super::beneath::Directory;
use super::objects::MOST_OBJECT_BYTES;
use gix::hash::{Kind, oid};
use gix::odb::pack::{cache, data, index};
use gix::zlib::Inflate;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// An index of some nine million objects.
const MOST_INDEX_BYTES: u64 = 256 << 20;
/// A pack is read whole.
const MOST_PACK_BYTES: u64 = 512 << 20;
/// Git repacks at 50.
const MOST_PACKS: usize = 512;
/// Indices, packs, and what else lies beside them.
const MOST_NAMES: usize = 8_192;

/// The packs of a repository, opened as they are needed.
pub(super) struct Packs<'a> {
    directory: Option<Directory<'a>>,
    open: Option<Vec<Pack>>,
}

struct Pack {
    /// Without its ending.
    name: String,
    index: index::File<Vec<u8>>,
    data: Option<data::File<Vec<u8>>>,
}

impl<'a> Packs<'a> {
    pub(super) fn new(directory: Option<Directory<'a>>) -> Self {
        Self { directory, open: None }
    }

    /// An object and its kind, if a pack has it. Whether it is the one that was asked for is for its hash to say.
    pub(super) fn find(&mut self, id: &oid) -> Result<Option<(gix::objs::Kind, Vec<u8>)>, WorkTreeError> {
        let Some(directory) = &self.directory else { return Ok(None) };
        let packs = match &mut self.open {
            Some(packs) => packs,
            none => none.insert(indices(directory)?),
        };
        for pack in packs {
            if let Some(at) = pack.index.lookup(id) {
                return pack.object(directory, at).map(Some);
            }
        }
        Ok(None)
    }
}

impl Pack {
    fn object(
        &mut self,
        directory: &Directory<'_>,
        at: index::EntryIndex,
    ) -> Result<(gix::objs::Kind, Vec<u8>), WorkTreeError> {
        let name = format!("{}.pack", self.name);
        let path = directory.path().join(&name);
        let damaged = |what| WorkTreeError::Damaged { path: path.clone(), what };
        let pack = match &mut self.data {
            Some(pack) => pack,
            none => {
                let bytes =
                    directory.read(&name, MOST_PACK_BYTES)?.ok_or_else(|| damaged("there is only its index"))?;
                let pack = data::File::from_data(bytes, path.clone(), Kind::Sha1);
                let pack = pack.map_err(|_| damaged("it does not begin as a pack"))?;
                none.insert(pack.with_alloc_limit_bytes(Some(MOST_OBJECT_BYTES)))
            }
        };
        let unclear = || damaged("an object in it cannot be understood, or is too large");
        let entry = pack.entry(self.index.pack_offset_at_index(at)).map_err(|_| unclear())?;
        // A difference may name its base, which is then in the same pack: one that is not was never stored so.
        let base = |id: &oid, _: &mut Vec<u8>| {
            let at = self.index.lookup(id);
            let entry = at.map(|at| pack.entry(self.index.pack_offset_at_index(at)));
            Ok(entry.transpose()?.map(data::decode::entry::ResolvedBase::InPack))
        };
        let mut bytes = Vec::new();
        let outcome = pack.decode_entry(entry, &mut bytes, &mut Inflate::default(), &base, &mut cache::Never);
        let outcome = outcome.map_err(|_| unclear())?;
        bytes.truncate(usize::try_from(outcome.object_size).unwrap_or(usize::MAX));
        Ok((outcome.kind, bytes))
    }
}

fn indices(directory: &Directory<'_>) -> Result<Vec<Pack>, WorkTreeError> {
    let mut packs = Vec::new();
    for name in names(directory)? {
        let file = format!("{name}.idx");
        let path = directory.path().join(&file);
        // Gone meanwhile: repacked.
        let Some(bytes) = directory.read(&file, MOST_INDEX_BYTES)? else { continue };
        let index = index::File::from_data(bytes, path.clone(), Kind::Sha1)
            .map_err(|_| WorkTreeError::Damaged { path, what: "it is no index of a pack" })?;
        packs.push(Pack { name, index, data: None });
    }
    Ok(packs)
}

/// `pack-…` for each `pack-….idx`, in order.
fn names(directory: &Directory<'_>) -> Result<BTreeSet<String>, WorkTreeError> {
    let path = || -> PathBuf { directory.path().to_owned() };
    let unreadable = |errno| super::beneath::unreadable(directory.path(), errno);
    let mut names = BTreeSet::new();
    let entries = rustix::fs::Dir::read_from(directory.fd()).map_err(unreadable)?;
    for (count, entry) in entries.enumerate() {
        if count == MOST_NAMES {
            return Err(WorkTreeError::TooMany { path: path(), what: "files", most: MOST_NAMES });
        }
        let entry = entry.map_err(unreadable)?;
        let Ok(name) = entry.file_name().to_str() else { continue };
        if let Some(name) = name.strip_suffix(".idx").filter(|name| name.starts_with("pack-")) {
            names.insert(name.to_owned());
        }
    }
    if names.len() > MOST_PACKS {
        return Err(WorkTreeError::TooMany { path: path(), what: "packs", most: MOST_PACKS });
    }
    Ok(names)
}
