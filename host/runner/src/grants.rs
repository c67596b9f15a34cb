//! Directories of the ticket, opened once, beneath the mounts this runner was born with.

use engine::beneath::Links;
use protocol::Preopen;
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The directories a runner was born with, held open from before the lockdown.
#[derive(Debug)]
pub struct Roots {
    /// Artefacts; absent in a container that has none.
    pub artefacts: Option<OwnedFd>,
    mounts: Vec<(PathBuf, OwnedFd)>,
}

/// A granted directory that cannot be given.
#[derive(Debug, thiserror::Error)]
pub enum GrantError {
    /// The ticket names a place that is not a mount of this container.
    #[error("`{0}` is not below a mount of this container")]
    NotAMount(String),
    /// Not there, not a directory, or reached through a symbolic link.
    #[error("`{path}` of `{root}` cannot be opened: {why}")]
    Open {
        /// The mount.
        root: String,
        /// The directory below it.
        path: String,
        /// What the kernel said, in our words where they help.
        why: String,
    },
}

impl Roots {
    /// Opens what exists of these directories.
    #[must_use]
    pub fn open(artefacts: &Path, mounts: &[PathBuf]) -> Self {
        let open =
            |path: &Path| openat(CWD, path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).ok();
        Self {
            artefacts: open(artefacts),
            mounts: mounts.iter().filter_map(|path| Some((path.clone(), open(path)?))).collect(),
        }
    }

    /// Opens a granted directory: beneath its mount, without following any symbolic link, so that what
    /// a tool plants there cannot move the grant elsewhere.
    ///
    /// # Errors
    /// [`GrantError`], with a sentence for the operator.
    pub fn grant(&self, preopen: &Preopen) -> Result<engine::GrantedDir, GrantError> {
        let root = Path::new(&preopen.root);
        let (base, below) = self
            .mounts
            .iter()
            .find_map(|(mount, fd)| Some((fd, root.strip_prefix(mount).ok()?)))
            .ok_or_else(|| GrantError::NotAMount(preopen.root.clone()))?;
        let failed = |errno: Errno| GrantError::Open {
            root: preopen.root.clone(),
            path: preopen.path.clone(),
            why: match errno {
                Errno::LOOP => "a symbolic link is in the way".to_owned(),
                Errno::XDEV => "it leads out of the mount".to_owned(),
                Errno::NOTDIR => "it is not a directory".to_owned(),
                other => other.to_string(),
            },
        };
        let mount = beneath(base, below).map_err(failed)?;
        let dir = beneath(&mount, Path::new(&preopen.path)).map_err(failed)?;
        Ok(engine::GrantedDir { dir: Arc::new(dir), guest: preopen.guest.clone(), access: preopen.access })
    }
}

fn beneath(base: &OwnedFd, path: &Path) -> Result<OwnedFd, Errno> {
    let path = path.to_str().ok_or(Errno::ILSEQ)?;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    engine::beneath::open(base, if path.is_empty() { "." } else { path }, flags, Mode::empty(), Links::Refuse)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use manifest::Access;
    use std::fs;

    fn preopen(root: &Path, path: &str) -> Preopen {
        Preopen {
            root: root.display().to_string(),
            path: path.to_owned(),
            guest: "/work".to_owned(),
            access: Access::Read,
        }
    }

    #[test]
    fn a_grant_stays_beneath_its_mount() {
        let base = tempfile::tempdir().unwrap();
        let mounts = base.path().join("mnt");
        let mount = mounts.join("work");
        fs::create_dir_all(mount.join("src/deep")).unwrap();
        fs::create_dir(base.path().join("secret")).unwrap();
        fs::write(mount.join("file"), "x").unwrap();
        std::os::unix::fs::symlink("../../secret", mount.join("out")).unwrap();
        std::os::unix::fs::symlink("src", mount.join("inside")).unwrap();
        let roots = Roots::open(Path::new("/nowhere"), std::slice::from_ref(&mounts));
        assert!(roots.artefacts.is_none());
        for good in [".", "src", "src/deep"] {
            assert_eq!(roots.grant(&preopen(&mount, good)).unwrap().guest, "/work");
        }
        for bad in ["out", "inside", "inside/deep", "..", "src/../../../secret", "file", "absent", "/etc"] {
            roots.grant(&preopen(&mount, bad)).unwrap_err();
        }
        assert!(matches!(roots.grant(&preopen(Path::new("/etc"), ".")), Err(GrantError::NotAMount(_))));
        let beside = mounts.join("work/../../secret");
        roots.grant(&preopen(&beside, ".")).unwrap_err();
    }
}
