//! Which protected paths exist below a writable mount. Nothing is followed: a tool that could write the
//! directory may have put a symbolic link there, and the engine would mount what it points to.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

/// What has to be mounted on top of a writable mount.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Held {
    /// Directories above protected paths: mounted on themselves, so that they cannot be renamed.
    pub(super) pinned: BTreeSet<String>,
    /// Mounted read-only.
    pub(super) protected: BTreeSet<String>,
}

/// Why a path cannot be held.
#[derive(Debug)]
pub(super) enum Unheld {
    /// It, or a directory above it, is a symbolic link.
    Link(PathBuf),
    /// It cannot be looked at.
    Io(io::Error),
}

/// Looks for each of `paths` below `root`.
pub(super) fn find(root: &Path, paths: &[String]) -> Result<Held, Unheld> {
    let mut held = Held::default();
    for path in paths {
        hold(root, path, &mut held)?;
    }
    let under = |path: &String, tops: &BTreeSet<String>| tops.iter().any(|top| below(path, top));
    // Under a read-only mount there is nothing left to hold.
    let protected = held.protected.iter().filter(|path| !under(path, &held.protected)).cloned().collect();
    let pinned = held
        .pinned
        .iter()
        .filter(|path| !held.protected.contains(*path) && !under(path, &held.protected))
        .cloned()
        .collect();
    Ok(Held { pinned, protected })
}

fn below(path: &str, top: &str) -> bool {
    path.strip_prefix(top).is_some_and(|rest| rest.starts_with('/'))
}

fn hold(root: &Path, path: &str, held: &mut Held) -> Result<(), Unheld> {
    let mut so_far = String::new();
    let mut components = path.split('/').filter(|component| !component.is_empty() && *component != ".").peekable();
    while let Some(component) = components.next() {
        // Nothing above the mount is ever mounted into it, whatever a list says.
        if component == ".." {
            return Err(Unheld::Io(io::Error::new(io::ErrorKind::InvalidInput, "a protected path with `..`")));
        }
        if !so_far.is_empty() {
            so_far.push('/');
        }
        so_far.push_str(component);
        let real = root.join(&so_far);
        let kind = match real.symlink_metadata() {
            Ok(metadata) => metadata.file_type(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(Unheld::Io(error)),
        };
        if kind.is_symlink() {
            return Err(Unheld::Link(real));
        }
        // A file where a directory was expected decides what the path means: the `.git` of a worktree
        // names the directory whose hooks run. It is held itself.
        if components.peek().is_none() || !kind.is_dir() {
            held.protected.insert(so_far);
            return Ok(());
        }
        held.pinned.insert(so_far.clone());
    }
    Ok(())
}
