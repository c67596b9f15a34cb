//! Opening beneath a directory: no path leads out of it, whatever links are planted on the way and whoever
//! swaps a directory for one meanwhile.
//!
//! The kernel does that in one step (`openat2`). gVisor has no such call; there each component is opened by
//! itself, as a mere place (`O_PATH`, never through a link), and looked at before the next one. What was
//! opened cannot be swapped any more, links are followed by reading them, and `..` goes back to the
//! directory that we came from, never to the one that the kernel now calls the parent. A test holds both
//! ways against each other.

use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, fstat, openat, openat2, readlinkat};
use rustix::io::Errno;
use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// What symbolic links do to a path. They never lead out of the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Links {
    /// They lead on.
    Follow,
    /// One anywhere in the path is an error, `ELOOP`.
    Refuse,
}

/// Links that one path may lead through, as in the kernel: bounds a circle of them.
const MAX_LINKS: usize = 40;
/// The longest path that the kernel takes.
const MAX_PATH_BYTES: usize = 4_096;

/// Opens beneath a directory. `XDEV` says that the path leads out of it.
///
/// # Errors
/// The kernel's, the same both ways.
pub fn open(dir: impl AsFd, path: &str, flags: OFlags, mode: Mode, links: Links) -> Result<OwnedFd, Errno> {
    match at_once(dir.as_fd(), path, flags, mode, links) {
        // gVisor refuses it as unknown, or by a profile whose rule for it it could not read. Where the refusal
        // was the file's, the walk ends in the same one.
        Err(Errno::NOSYS | Errno::PERM) => step_by_step(dir.as_fd(), path, flags, mode, links),
        answer => answer,
    }
}

fn at_once(dir: BorrowedFd<'_>, path: &str, flags: OFlags, mode: Mode, links: Links) -> Result<OwnedFd, Errno> {
    let mut how = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    how.set(ResolveFlags::NO_SYMLINKS, links == Links::Refuse);
    openat2(dir, path, flags, mode, how)
}

/// What is left of a path. An empty component would be the directory itself.
struct Left {
    components: VecDeque<String>,
    /// It ends with a slash: what it names is a directory, and a link there is followed.
    slash: bool,
}

impl Left {
    fn new(path: &str) -> Result<Self, Errno> {
        if path.is_empty() {
            return Err(Errno::NOENT);
        }
        if path.len() >= MAX_PATH_BYTES {
            return Err(Errno::NAMETOOLONG);
        }
        if path.starts_with('/') {
            return Err(Errno::XDEV);
        }
        let components = path.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        Ok(Self { components, slash: path.ends_with('/') })
    }

    /// Puts a link's target in the link's place.
    fn lead_on(&mut self, target: &str) -> Result<(), Errno> {
        let was_last = self.components.is_empty();
        let target = Self::new(target)?;
        self.slash |= was_last && target.slash;
        target.components.into_iter().rev().for_each(|name| self.components.push_front(name));
        Ok(())
    }
}

fn step_by_step(dir: BorrowedFd<'_>, path: &str, flags: OFlags, mode: Mode, links: Links) -> Result<OwnedFd, Errno> {
    let mut left = Left::new(path)?;
    // Where we are: the directories that lead here, each opened once.
    let mut here: Vec<OwnedFd> = Vec::new();
    let mut followed = 0;
    loop {
        let at = here.last().map_or(dir, AsFd::as_fd);
        let Some(name) = left.components.pop_front() else {
            // It ended in `.` or `..`.
            return openat(at, ".", flags | OFlags::CLOEXEC, mode);
        };
        match name.as_str() {
            "." => continue,
            ".." => {
                here.pop().ok_or(Errno::XDEV)?;
                continue;
            }
            _ => {}
        }
        let last = left.components.is_empty();
        let directory = !last || left.slash;
        if last && left.slash && flags.contains(OFlags::CREATE) {
            return Err(Errno::ISDIR);
        }
        let place = openat(at, name.as_str(), OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty());
        let place = match place {
            Ok(place) => place,
            Err(Errno::NOENT) if last && flags.contains(OFlags::CREATE) => {
                return finally(at, &name, flags, mode);
            }
            Err(error) => return Err(error),
        };
        match FileType::from_raw_mode(fstat(&place)?.st_mode) {
            FileType::Symlink if last && flags.contains(OFlags::CREATE | OFlags::EXCL) => return Err(Errno::EXIST),
            // A link at the end that is not to be followed is no directory, and itself where it is only looked at.
            FileType::Symlink if !directory && flags.contains(OFlags::NOFOLLOW) => {
                return match flags {
                    _ if flags.contains(OFlags::DIRECTORY) => Err(Errno::NOTDIR),
                    _ if flags.contains(OFlags::PATH) => finally(at, &name, flags, mode),
                    _ => Err(Errno::LOOP),
                };
            }
            FileType::Symlink if links == Links::Refuse => return Err(Errno::LOOP),
            FileType::Symlink => {
                followed += 1;
                if followed > MAX_LINKS {
                    return Err(Errno::LOOP);
                }
                let target = readlinkat(&place, "", Vec::new())?;
                left.lead_on(target.to_str().map_err(|_| Errno::ILSEQ)?)?;
            }
            FileType::Directory if directory => here.push(place),
            _ if directory => return Err(Errno::NOTDIR),
            // By name once more, since a place cannot be read from; a link that stands there by now is refused.
            _ => return finally(at, &name, flags, mode),
        }
    }
}

fn finally(at: BorrowedFd<'_>, name: &str, flags: OFlags, mode: Mode) -> Result<OwnedFd, Errno> {
    openat(at, name, flags | OFlags::NOFOLLOW | OFlags::CLOEXEC, mode)
}

#[cfg(test)]
#[path = "beneath/tests.rs"]
mod tests;
