//! The record as a file: this user's alone, read without waiting and without following a link, replaced whole.

use super::State;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

pub(super) const NAME: &str = "admitted.json";
const LOCK: &str = "lock";
/// Three manifests, each within a frame.
const MOST_BYTES: u64 = 16 << 20;
/// Permissions of anybody but the owner.
const OTHERS: u32 = 0o077;

/// The lock of a directory, which is made if it is missing; `None` while another process has it.
pub(super) fn lock(directory: &Path) -> io::Result<Option<File>> {
    match DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => ours(&fs::symlink_metadata(directory)?, true)?,
    }
    let file = options().write(true).create(true).truncate(false).open(directory.join(LOCK))?;
    ours(&file.metadata()?, false)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// What is written there; `None` if nothing was ever.
pub(super) fn read(path: &Path) -> io::Result<Option<State>> {
    let file = match options().read(true).open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    ours(&file.metadata()?, false)?;
    let mut text = Vec::new();
    file.take(MOST_BYTES).read_to_end(&mut text)?;
    // Of a damaged record nothing is believed; the first manifest after its removal is the first ever.
    serde_json::from_slice(&text).map(Some).map_err(|error| io::Error::new(ErrorKind::InvalidData, error))
}

pub(super) fn write(path: &Path, state: &State) -> io::Result<()> {
    let draft = path.with_extension("new");
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = options().write(true).create_new(true).open(&draft)?;
    file.write_all(&serde_json::to_vec(state)?)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    options.mode(0o600).custom_flags(flags.bits().cast_signed());
    options
}

fn ours(found: &fs::Metadata, directory: bool) -> io::Result<()> {
    let kind = if directory { found.is_dir() } else { found.is_file() && found.nlink() == 1 };
    let of_us = found.uid() == rustix::process::geteuid().as_raw() && found.mode() & OTHERS == 0;
    if kind && of_us {
        return Ok(());
    }
    let what = format!("mode {:o} of user {}, with {} names", found.mode(), found.uid(), found.nlink());
    Err(io::Error::new(ErrorKind::PermissionDenied, what))
}
