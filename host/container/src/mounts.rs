//! What an operator wants to mount, checked against the real file system each time a container is made:
//! between two containers anything may have been put in a directory that tools can write.

mod footing;
mod forbidden;
mod protected;
#[cfg(test)]
mod tests;

pub(crate) use footing::Footing;
pub use forbidden::Forbidden;

use crate::class::MountSpec;
use manifest::{Access, MountName};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// A mount whose source exists, is a directory by its canonical path, and lies nowhere it must not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedMount {
    /// Its name.
    pub name: MountName,
    /// The canonical path; valid UTF-8.
    pub source: PathBuf,
    /// Read-only, or not.
    pub access: Access,
    /// Real directories above protected paths, relative to the source, parents first.
    pub pinned: Vec<String>,
    /// Protected paths that exist, relative to the source.
    pub protected: Vec<String>,
}

/// Why a mount is refused.
#[derive(Debug, thiserror::Error)]
pub enum MountError {
    /// The source cannot be looked at.
    #[error("mount `{name}`: {path} cannot be opened")]
    Source {
        /// Which mount.
        name: MountName,
        /// Its source.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The source is no directory.
    #[error("mount `{name}`: {path} is not a directory")]
    NotADirectory {
        /// Which mount.
        name: MountName,
        /// Its source.
        path: PathBuf,
    },
    /// The source's path is not UTF-8: the engine takes text.
    #[error("mount `{name}`: the path {path} is not valid UTF-8")]
    NotText {
        /// Which mount.
        name: MountName,
        /// Its source.
        path: PathBuf,
    },
    /// The source lies in, or contains, what no tool may see.
    #[error("mount `{name}`: {path} contains or lies in {forbidden}, which no tool may see: name another directory")]
    Forbidden {
        /// Which mount.
        name: MountName,
        /// Its canonical source.
        path: PathBuf,
        /// What it touches.
        forbidden: PathBuf,
    },
    /// A protected path is a symbolic link: a mount cannot lie on top of one, and following it would mount
    /// whatever it points to.
    #[error(
        "mount `{name}`: {path} is a protected path and a symbolic link, which cannot be held: replace it, or mount read-only"
    )]
    ProtectedLink {
        /// Which mount.
        name: MountName,
        /// The link.
        path: PathBuf,
    },
}

/// What an operator should know about a mount that is allowed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum MountWarning {
    /// Programs on it can be executed; the container engine cannot change that for a bind mount.
    Executable {
        /// Which mount.
        name: MountName,
        /// Its source.
        path: PathBuf,
    },
    /// It was granted for writing and user 1000 cannot write it.
    NotWritable {
        /// Which mount.
        name: MountName,
        /// Its source.
        path: PathBuf,
    },
    /// User 1000 cannot list it.
    NotReadable {
        /// Which mount.
        name: MountName,
        /// Its source.
        path: PathBuf,
    },
}

impl fmt::Display for MountWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Executable { name, path } => {
                write!(f, "mount `{name}`: {} is writable and on a file system without noexec", path.display())
            }
            Self::NotWritable { name, path } => {
                write!(f, "mount `{name}`: user 1000, as whom tools run, cannot write {}", path.display())
            }
            Self::NotReadable { name, path } => {
                write!(f, "mount `{name}`: user 1000, as whom tools run, cannot list {}", path.display())
            }
        }
    }
}

/// The user and group of every container.
const TOOL_ID: u32 = 1000;

/// Checks a class's mounts. `protected` are paths relative to a mount that stay read-only in writable ones.
///
/// # Errors
/// The first mount that is refused.
pub fn check(
    mounts: &[MountSpec],
    forbidden: &Forbidden,
    protected: &[String],
) -> Result<(Vec<CheckedMount>, Vec<MountWarning>), MountError> {
    let mut warnings = Vec::new();
    let mut checked = Vec::new();
    for mount in mounts {
        let name = &mount.name;
        let unreadable = |source| MountError::Source { name: name.clone(), path: mount.source.clone(), source };
        let path = mount.source.canonicalize().map_err(unreadable)?;
        let metadata = path.metadata().map_err(unreadable)?;
        if !metadata.is_dir() {
            return Err(MountError::NotADirectory { name: name.clone(), path });
        }
        if path.to_str().is_none() {
            return Err(MountError::NotText { name: name.clone(), path });
        }
        if let Some(touched) = forbidden.touched_by(&path).map_err(unreadable)? {
            return Err(MountError::Forbidden { name: name.clone(), path, forbidden: touched });
        }
        warnings.extend(warn(name, &path, &metadata, mount.access).map_err(unreadable)?);
        let held = match mount.access {
            Access::Read => protected::Held::default(),
            Access::Write => protected::find(&path, protected).map_err(|error| match error {
                protected::Unheld::Link(path) => MountError::ProtectedLink { name: name.clone(), path },
                protected::Unheld::Io(source) => unreadable(source),
            })?,
        };
        checked.push(CheckedMount {
            name: name.clone(),
            source: path,
            access: mount.access,
            pinned: held.pinned.into_iter().collect(),
            protected: held.protected.into_iter().collect(),
        });
    }
    Ok((checked, warnings))
}

fn warn(name: &MountName, path: &Path, metadata: &Metadata, access: Access) -> std::io::Result<Vec<MountWarning>> {
    let mut warnings = Vec::new();
    let of = || (name.clone(), path.to_owned());
    if !allowed(metadata, 0o5) {
        let (name, path) = of();
        warnings.push(MountWarning::NotReadable { name, path });
    }
    if access == Access::Write {
        if !allowed(metadata, 0o3) {
            let (name, path) = of();
            warnings.push(MountWarning::NotWritable { name, path });
        }
        if !rustix::fs::statvfs(path)?.f_flag.contains(rustix::fs::StatVfsMountFlags::NOEXEC) {
            let (name, path) = of();
            warnings.push(MountWarning::Executable { name, path });
        }
    }
    Ok(warnings)
}

/// Whether user 1000 has all of `bits` (as in the last digit of a mode). Access lists are not looked at:
/// this is for a warning.
fn allowed(metadata: &Metadata, bits: u32) -> bool {
    let mode = metadata.mode();
    let granted = match (metadata.uid(), metadata.gid()) {
        (TOOL_ID, _) => mode >> 6,
        (_, TOOL_ID) => mode >> 3,
        _ => mode,
    };
    granted & bits == bits
}
