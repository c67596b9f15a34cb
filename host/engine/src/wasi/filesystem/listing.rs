//! The entries of a directory, one batch of the kernel's at a time.
//!
//! The attack: a directory of a million files, opened once. Whoever reads it whole in one host call holds
//! the runner's only thread, where no deadline and no CPU budget looks, and all the names at once.

use super::paths::{self, Links};
use rustix::fs::{AtFlags, FileType, OFlags, RawDir};
use std::collections::VecDeque;
use std::ffi::CString;
use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::sync::Arc;
use wasmtime_wasi::p2::bindings::filesystem::types::{DescriptorType, DirectoryEntry, ErrorCode};

/// What one getdents64(2) may return: some hundred names. The longest single one takes 280 bytes.
const BATCH_BYTES: usize = 4 << 10;

/// A directory that is being read.
pub(super) struct Listing {
    dir: Arc<File>,
    batch: VecDeque<(CString, FileType)>,
    ended: bool,
}

impl Listing {
    /// Opens the directory anew, since a position belongs to the open file and not to its reader.
    pub(super) fn open(dir: impl AsFd) -> io::Result<Self> {
        let dir = paths::open(dir, ".", OFlags::RDONLY | OFlags::DIRECTORY, Links::Refuse)?;
        Ok(Self { dir: Arc::new(dir), batch: VecDeque::new(), ended: false })
    }

    /// The open directory, to be counted.
    pub(super) fn file(&self) -> &Arc<File> {
        &self.dir
    }

    /// The next entry; costs at most one batch and one look at a file.
    pub(super) fn next(&mut self) -> Result<Option<DirectoryEntry>, ErrorCode> {
        if self.batch.is_empty() && !self.ended {
            self.read_batch()?;
        }
        let Some((name, kind)) = self.batch.pop_front() else { return Ok(None) };
        let type_ = self.kind(&name, kind);
        // A name that is no text has no spelling in WASI: the guest is told and can read on.
        let name = name.into_string().map_err(|_| ErrorCode::IllegalByteSequence)?;
        Ok(Some(DirectoryEntry { type_, name }))
    }

    fn read_batch(&mut self) -> Result<(), ErrorCode> {
        let mut buffer = [MaybeUninit::uninit(); BATCH_BYTES];
        let mut entries = RawDir::new(&*self.dir, &mut buffer);
        loop {
            match entries.next() {
                None => {
                    self.ended = true;
                    return Ok(());
                }
                Some(Err(errno)) => {
                    self.ended = true;
                    return Err(io::Error::from(errno).into());
                }
                Some(Ok(entry)) if [c".", c".."].contains(&entry.file_name()) => {}
                Some(Ok(entry)) => self.batch.push_back((entry.file_name().to_owned(), entry.file_type())),
            }
            if entries.is_buffer_empty() && !self.batch.is_empty() {
                return Ok(());
            }
        }
    }

    /// Some file systems do not say in a directory what its entries are.
    fn kind(&self, name: &CString, kind: FileType) -> DescriptorType {
        let kind = match kind {
            FileType::Unknown => rustix::fs::statat(&*self.dir, name, AtFlags::SYMLINK_NOFOLLOW)
                .map_or(FileType::Unknown, |stat| FileType::from_raw_mode(stat.st_mode)),
            known => known,
        };
        match kind {
            FileType::RegularFile => DescriptorType::RegularFile,
            FileType::Directory => DescriptorType::Directory,
            FileType::Symlink => DescriptorType::SymbolicLink,
            FileType::BlockDevice => DescriptorType::BlockDevice,
            FileType::CharacterDevice => DescriptorType::CharacterDevice,
            FileType::Fifo | FileType::Socket | FileType::Unknown => DescriptorType::Unknown,
        }
    }
}
