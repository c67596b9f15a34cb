//! Paths as an agent writes them, and what went wrong with one, in words that an agent can act on.

use safeclaw_sdk::prelude::*;
use std::io::{Error as IoError, ErrorKind};
use std::path::{Component, Path, PathBuf};

/// A path below a granted directory: absolute, or relative to `/workspace` or to the only grant.
pub(crate) fn resolve(path: &str) -> Result<PathBuf> {
    let roots = roots();
    let names = || roots.iter().map(|r| r.display().to_string()).collect::<Vec<_>>().join(", ");
    ensure!(
        !roots.is_empty(),
        "no directory is granted to this tool; its operator grants one in the manifest (fs = …)"
    );
    ensure!(!path.contains('\0') && path.len() <= 4096, "a path has at most 4096 bytes, none of them NUL");
    let mut full = PathBuf::new();
    if !path.starts_with('/') {
        let base = roots
            .iter()
            .find(|r| r.as_path() == Path::new("/workspace"))
            .or(roots.first().filter(|_| roots.len() == 1));
        full.push(base.with_context(|| format!("{path:?} is relative; start it with one of {}", names()))?);
    }
    for part in Path::new(path).components() {
        match part {
            // Lexically, `a/../b` is not what it is on a disk with symlinks, so it is not guessed.
            Component::ParentDir => bail!("{path}: `..` is not accepted; write the path from {}", names()),
            Component::RootDir => full.push("/"),
            Component::Normal(name) => full.push(name),
            Component::CurDir | Component::Prefix(_) => {}
        }
    }
    ensure!(roots.iter().any(|root| full.starts_with(root)), "{path} is not granted to this tool; it sees {}", names());
    Ok(full)
}

/// [`resolve`], for what changes the entry itself: never a granted directory.
pub(crate) fn resolve_inside(path: &str) -> Result<PathBuf> {
    let full = resolve(path)?;
    ensure!(!roots().contains(&full), "{} is a granted directory itself; name something in it", full.display());
    Ok(full)
}

#[cfg(target_family = "wasm")]
fn roots() -> Vec<PathBuf> {
    wasip2::filesystem::preopens::get_directories().into_iter().map(|(_, path)| PathBuf::from(path)).collect()
}

#[cfg(not(target_family = "wasm"))]
fn roots() -> Vec<PathBuf> {
    GRANTED.with_borrow(Clone::clone)
}

#[cfg(not(target_family = "wasm"))]
thread_local! {
    /// On the host, where tests run, what would be granted.
    pub(crate) static GRANTED: std::cell::RefCell<Vec<PathBuf>> = const { std::cell::RefCell::new(Vec::new()) };
}

/// An error about a path.
pub(crate) fn failed(path: &Path, error: IoError) -> Error {
    let link = path.ancestors().any(|p| p.symlink_metadata().is_ok_and(|m| m.is_symlink()));
    let why = match error.kind() {
        ErrorKind::NotFound if link => "does not exist; a symlink on the way leads nowhere".into(),
        ErrorKind::NotFound => "does not exist; files_list shows what does".into(),
        ErrorKind::PermissionDenied if link => {
            "is not permitted; a symlink on the way leaves the granted directory, or the grant is read-only".into()
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            "is not permitted; it may be protected or granted read-only. Only the operator can change that".into()
        }
        ErrorKind::IsADirectory => "is a directory; files_list shows what is in it".into(),
        ErrorKind::NotADirectory => "is not a directory, or a part of its path is a file".into(),
        ErrorKind::AlreadyExists => "exists already; say so if it may be replaced".into(),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            "is too large for the space there is".into()
        }
        ErrorKind::CrossesDevices => {
            "cannot be moved there: it is another granted directory. Write it anew, then delete it".into()
        }
        _ => format!("failed: {error}"),
    };
    anyhow!("{} {why}", path.display())
}

/// An existing regular file: opening a FIFO would wait for ever, a device would never end.
pub(crate) fn regular_file(path: &Path) -> Result<u64> {
    let metadata = path.metadata().map_err(|e| failed(path, e))?;
    ensure!(!metadata.is_dir(), "{} is a directory; files_list shows what is in it", path.display());
    ensure!(metadata.is_file(), "{} is neither a file nor a directory; such things are not read", path.display());
    Ok(metadata.len())
}
