//! Files of a directory: through no link, only regular ones, and never more of them than there is budget for.

use super::WorkTreeError;
use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, openat2};
use rustix::io::Errno;
use std::cell::Cell;
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What may still be read, and until when.
pub(super) struct Budget {
    bytes: Cell<u64>,
    most: u64,
    until: Instant,
    longest: Duration,
}

impl Budget {
    pub(super) fn new(bytes: u64, longest: Duration) -> Self {
        Self { bytes: Cell::new(bytes), most: bytes, until: Instant::now() + longest, longest }
    }

    fn take(&self, path: &Path, bytes: u64) -> Result<(), WorkTreeError> {
        if Instant::now() >= self.until {
            return Err(WorkTreeError::TimedOut { path: path.to_owned(), seconds: self.longest.as_secs() });
        }
        let Some(left) = self.bytes.get().checked_sub(bytes) else {
            return Err(WorkTreeError::TooLarge { path: path.to_owned(), most: self.most });
        };
        self.bytes.set(left);
        Ok(())
    }
}

/// An open directory.
pub(super) struct Directory<'a> {
    fd: OwnedFd,
    path: PathBuf,
    budget: &'a Budget,
}

impl<'a> Directory<'a> {
    /// Opens a directory by its canonical path, of which no part is a link any more.
    pub(super) fn open(path: &Path, budget: &'a Budget) -> Result<Self, WorkTreeError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS)
            .map_err(|errno| unreadable(path, errno))?;
        Ok(Self { fd, path: path.to_owned(), budget })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn fd(&self) -> &OwnedFd {
        &self.fd
    }

    /// Refuses a directory of another user, who could say in it what he likes.
    pub(super) fn is_ours(&self) -> Result<(), WorkTreeError> {
        let owner = fstat(&self.fd).map_err(|errno| unreadable(&self.path, errno))?.st_uid;
        ours(&self.path, owner)
    }

    /// A directory in it, or `None`.
    pub(super) fn directory(&self, name: &str) -> Result<Option<Self>, WorkTreeError> {
        let path = self.path.join(name);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        match openat2(&self.fd, name, flags, Mode::empty(), INSIDE) {
            Ok(fd) => Ok(Some(Self { fd, path, budget: self.budget })),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
            Err(Errno::LOOP) => Err(link(&path)),
            Err(errno) => Err(unreadable(&path, errno)),
        }
    }

    /// A regular file in it, whole, or `None` if there is none; one of more than `most` bytes is refused.
    pub(super) fn read(&self, name: impl AsRef<Path>, most: u64) -> Result<Option<Vec<u8>>, WorkTreeError> {
        let path = self.path.join(name.as_ref());
        // Without waiting: a FIFO that nobody writes would be waited for.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let fd = match openat2(&self.fd, name.as_ref(), flags, Mode::empty(), INSIDE) {
            Ok(fd) => fd,
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
            Err(Errno::LOOP) => return Err(link(&path)),
            Err(errno) => return Err(unreadable(&path, errno)),
        };
        let stat = fstat(&fd).map_err(|errno| unreadable(&path, errno))?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => {}
            FileType::Directory => return Ok(None),
            _ => {
                let help = "put the file back that belongs there";
                return Err(WorkTreeError::Refused { path, what: "not a regular file", help });
            }
        }
        let size = u64::try_from(stat.st_size).unwrap_or(u64::MAX);
        if size > most {
            return Err(WorkTreeError::TooLarge { path, most });
        }
        self.budget.take(&path, size)?;
        let mut bytes = Vec::new();
        // What it grows by meanwhile is not read: the bytes are judged by themselves, never by the file.
        File::from(fd)
            .take(size)
            .read_to_end(&mut bytes)
            .map_err(|source| WorkTreeError::Unreadable { path, source })?;
        Ok(Some(bytes))
    }
}

/// Nothing outside, nothing through a link of any kind.
const INSIDE: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS).union(ResolveFlags::NO_MAGICLINKS);

pub(super) fn ours(path: &Path, owner: u32) -> Result<(), WorkTreeError> {
    let me = rustix::process::geteuid().as_raw();
    if owner == me { Ok(()) } else { Err(WorkTreeError::Foreign { path: path.to_owned(), owner, me }) }
}

pub(super) fn unreadable(path: &Path, errno: Errno) -> WorkTreeError {
    WorkTreeError::Unreadable { path: path.to_owned(), source: errno.into() }
}

pub(super) fn link(path: &Path) -> WorkTreeError {
    let help = "links are not followed here, since they lead where their writer likes: put the file itself there";
    WorkTreeError::Refused { path: path.to_owned(), what: "reached through a symbolic link", help }
}
