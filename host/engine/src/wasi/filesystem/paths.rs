//! From a guest's path to a descriptor or to the place of a change, resolved in one step where the kernel can.

use crate::beneath;
pub(super) use crate::beneath::Links;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

/// Opens beneath a directory, without waiting. The result may be anything: a FIFO, a device, a directory.
pub(super) fn open(dir: impl AsFd, path: &str, flags: OFlags, links: Links) -> io::Result<File> {
    let flags = flags | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let mode = if flags.contains(OFlags::CREATE) { Mode::from_raw_mode(0o666) } else { Mode::empty() };
    Ok(File::from(resolve(dir, path, flags, mode, links)?))
}

/// Opens what a path names beneath a directory only to look at it: a link at the end is itself, unless it
/// is to be followed. Nothing is asked of what is found there, so that nothing waits.
pub(super) fn glance(dir: impl AsFd, path: &str, at_the_end: Links) -> io::Result<File> {
    let mut flags = OFlags::PATH | OFlags::CLOEXEC;
    flags.set(OFlags::NOFOLLOW, at_the_end == Links::Refuse);
    Ok(File::from(resolve(dir, path, flags, Mode::empty(), Links::Follow)?))
}

/// Whether a path was refused for a link in it.
pub(super) fn link_in_the_way(error: &io::Error) -> bool {
    Errno::from_io_error(error) == Some(Errno::LOOP)
}

/// The directory that holds the last component of a path, reached without links, and that component. A
/// change acts on it by name, so that the last component is never followed either.
pub(super) fn parent(dir: impl AsFd, path: &str) -> io::Result<(OwnedFd, &str)> {
    // A slash at the end says "a directory"; it would also make the kernel follow a link that stands there.
    let path = match path.trim_end_matches('/') {
        "" if !path.is_empty() => return Err(Errno::PERM.into()),
        trimmed => trimmed,
    };
    let (parent, last) = match path.rfind('/') {
        Some(0) => ("/", path.get(1..).unwrap_or_default()),
        Some(slash) => path.split_at(slash),
        None => (".", path),
    };
    let last = last.trim_start_matches('/');
    if last == ".." {
        // Whatever `..` names from there, it was not resolved beneath the granted directory.
        return Err(Errno::PERM.into());
    }
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let parent = resolve(dir, parent, flags, Mode::empty(), Links::Refuse).map_err(refused)?;
    Ok((parent, last))
}

/// A link in the way of a change is a denial: the error that programs know for links would make them look
/// for a circle.
pub(super) fn refused(error: io::Error) -> io::Error {
    if link_in_the_way(&error) { Errno::PERM.into() } else { error }
}

fn resolve(dir: impl AsFd, path: &str, flags: OFlags, mode: Mode, links: Links) -> io::Result<OwnedFd> {
    // EAGAIN: something was renamed somewhere while the kernel looked for `..`. A guest that renames in
    // a loop must not hold us here.
    for _ in 0..8 {
        match beneath::open(&dir, path, flags, mode, links) {
            Ok(fd) => return Ok(fd),
            Err(Errno::AGAIN) => {}
            // Out of the directory (XDEV), or no other end or driver (NXIO): said as a denial.
            Err(Errno::XDEV | Errno::NXIO) => return Err(Errno::PERM.into()),
            Err(error) => return Err(error.into()),
        }
    }
    Err(Errno::BUSY.into())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::parent;
    use std::fs::File;

    #[test]
    fn a_path_ends_in_the_name_that_changes() {
        // Any directory will do: nothing is changed.
        let dir = File::open(env!("CARGO_MANIFEST_DIR")).unwrap();
        for (path, name) in
            [("a", "a"), ("a/", "a"), ("src/a", "a"), ("src//a//", "a"), ("src/../b", "b"), ("./.", "."), ("", "")]
        {
            assert_eq!(parent(&dir, path).unwrap().1, name, "{path}");
        }
        for path in ["/", "//", "/a", "..", "src/..", "../a", "src/../../a", "/etc/a"] {
            let refused = parent(&dir, path).unwrap_err();
            assert_eq!(refused.kind(), std::io::ErrorKind::PermissionDenied, "{path}");
        }
        assert_eq!(parent(&dir, "absent/a").unwrap_err().kind(), std::io::ErrorKind::NotFound);
    }
}
