//! Files of the data directory, opened so that what somebody planted in their place can neither hold the hub
//! nor lead it elsewhere: a FIFO waits for its writer for ever, a link ends in another file, and what others
//! may write is another thing a moment after it was read.

use manifest::Digest;
use rustix::fs::OFlags;
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

/// Write permission of anybody but the owner.
const OTHERS_WRITE: u32 = 0o022;

/// Why a file is not used, so that it ends a sentence that names the file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotOurs {
    #[error("is missing")]
    Missing,
    #[error("is a symbolic link")]
    Link,
    #[error("is not a regular file")]
    NotAFile,
    #[error("belongs to user {0}")]
    Owner(u32),
    #[error("has {0} names (hard links): it can be written through another one")]
    Names(u64),
    #[error("can be written by others (mode {0:o})")]
    Mode(u32),
    #[error("has {found} bytes; the most is {most}")]
    TooLarge { found: u64, most: u64 },
    #[error("cannot be read ({0})")]
    Read(#[from] io::Error),
}

/// Opens one for reading. Never waits, follows no link, and takes a regular file of this user alone.
pub(crate) fn open(path: &Path) -> Result<(File, Metadata), NotOurs> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let opened = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path);
    let file = opened.map_err(|error| match Errno::from_io_error(&error) {
        Some(Errno::NOENT) => NotOurs::Missing,
        Some(Errno::LOOP) => NotOurs::Link,
        // What a socket answers.
        Some(Errno::NXIO) => NotOurs::NotAFile,
        _ => NotOurs::Read(error),
    })?;
    let found = file.metadata()?;
    if !found.is_file() {
        return Err(NotOurs::NotAFile);
    }
    if found.uid() != rustix::process::geteuid().as_raw() {
        return Err(NotOurs::Owner(found.uid()));
    }
    if found.nlink() != 1 {
        return Err(NotOurs::Names(found.nlink()));
    }
    if found.mode() & OTHERS_WRITE != 0 {
        return Err(NotOurs::Mode(found.mode() & 0o7777));
    }
    Ok((file, found))
}

/// Reads one whole.
pub(crate) fn read(path: &Path, most: u64) -> Result<Vec<u8>, NotOurs> {
    let (file, found) = bounded(path, most)?;
    let mut bytes = Vec::with_capacity(usize::try_from(found).unwrap_or_default());
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    let read = bytes.len() as u64;
    if read > most { Err(NotOurs::TooLarge { found: read, most }) } else { Ok(bytes) }
}

/// The digest of one, without holding it.
pub(crate) fn digest(path: &Path, most: u64) -> Result<Digest, NotOurs> {
    let (file, _) = bounded(path, most)?;
    let mut hasher = Sha256::new();
    // Bounded also when it grows meanwhile.
    let mut file = file.take(most.saturating_add(1));
    let mut buffer = vec![0; 256 << 10];
    loop {
        let count = file.read(&mut buffer)?;
        let Some(read) = buffer.get(..count).filter(|read| !read.is_empty()) else { break };
        hasher.update(read);
    }
    Digest::try_from(hex::encode(hasher.finalize())).map_err(|error| NotOurs::Read(io::Error::other(error)))
}

fn bounded(path: &Path, most: u64) -> Result<(File, u64), NotOurs> {
    let (file, found) = open(path)?;
    if found.len() > most { Err(NotOurs::TooLarge { found: found.len(), most }) } else { Ok((file, found.len())) }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::os::unix::net::UnixListener;

    fn said(path: &Path) -> String {
        let read = read(path, 8).map(|_| String::new()).unwrap_or_else(|error| error.to_string());
        let digest = digest(path, 8).map(|_| String::new()).unwrap_or_else(|error| error.to_string());
        assert_eq!(read, digest);
        read
    }

    #[test]
    fn only_a_regular_file_of_ours_alone_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let at = |name: &str| dir.path().join(name);
        fs::write(&path, b"12345678").unwrap();
        assert_eq!(said(&path), "");
        assert_eq!(read(&path, 8).unwrap(), b"12345678");
        assert_eq!(digest(&path, 8).unwrap(), Digest::of(b"12345678"));

        fs::write(at("long"), b"123456789").unwrap();
        assert_eq!(said(&at("long")), "has 9 bytes; the most is 8");
        assert_eq!(said(&at("none")), "is missing");
        symlink(&path, at("link")).unwrap();
        assert_eq!(said(&at("link")), "is a symbolic link");
        assert_eq!(said(dir.path()), "is not a regular file");
        assert_eq!(said(Path::new("/dev/zero")), "is not a regular file");
        let _listener = UnixListener::bind(at("socket")).unwrap();
        assert_eq!(said(&at("socket")), "is not a regular file");
        crate::testing::fifo(&at("fifo"));
        assert_eq!(said(&at("fifo")), "is not a regular file");

        fs::set_permissions(&path, Permissions::from_mode(0o620)).unwrap();
        assert_eq!(said(&path), "can be written by others (mode 620)");
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        fs::hard_link(&path, at("second")).unwrap();
        assert!(said(&path).starts_with("has 2 names"));
    }
}
