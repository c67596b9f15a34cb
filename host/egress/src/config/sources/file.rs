//! A file that only this user reads.

use super::super::SourceError;
use rustix::fs::OFlags;
use std::fs::OpenOptions;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use zeroize::Zeroizing;

/// Whose file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::config) enum Of {
    /// The user's that the hub runs as.
    ThisUser,
    /// systemd's: root's, in a directory that only the service sees.
    Systemd,
}

/// Reads it.
pub(in crate::config) fn read(path: &Path, of: Of) -> Result<Zeroizing<Vec<u8>>, SourceError> {
    let failed = |source| SourceError::File { path: path.to_owned(), source };
    let not_private = |what| SourceError::NotPrivate { path: path.to_owned(), what };
    // A link leads to what somebody else chooses; a FIFO would wait for its writer for ever.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(|source| {
        match rustix::io::Errno::from_io_error(&source) {
            Some(rustix::io::Errno::LOOP) => not_private("it is a symbolic link; name the file itself".to_owned()),
            _ => failed(source),
        }
    })?;
    // Of the very file that is read: what lies at its path now may be another.
    let found = file.metadata().map_err(failed)?;
    if !found.is_file() {
        return Err(not_private("it is no file".to_owned()));
    }
    let this = rustix::process::geteuid().as_raw();
    let (owned, open) = match of {
        Of::ThisUser => (found.uid() == this, 0o177),
        // Its access list for the service shows as rights of the group.
        Of::Systemd => ([0, this].contains(&found.uid()), 0o137),
    };
    if !owned {
        return Err(not_private(format!("it belongs to user {}, and the hub runs as {this}", found.uid())));
    }
    if found.mode() & open != 0 {
        return Err(not_private(format!(
            "its mode is {:o}; run `chmod 600 {}`",
            found.mode() & 0o7777,
            path.display()
        )));
    }
    super::bounded(file).map_err(failed)
}
