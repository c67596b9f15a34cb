//! What a container's mounts stand on. The kernel binds a mount to a file, not to its name: a directory that
//! was made anew, or a file that was replaced by renaming another over it, is no longer the one that a live
//! container holds, and a protected path that came to be later is held by nothing.

use super::CheckedMount;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

/// Each source and each path held on top of it, with device and inode. Two containers with equal footing
/// have the same mounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Footing(Vec<(PathBuf, Option<(u64, u64)>)>);

impl Footing {
    /// Of mounts that were checked a moment ago. What has gone since then is noted as gone.
    ///
    /// # Errors
    /// A path that cannot be looked at.
    pub(crate) fn of(mounts: &[CheckedMount]) -> io::Result<Self> {
        let paths = mounts.iter().flat_map(|mount| {
            let held = mount.pinned.iter().chain(&mount.protected).map(|path| mount.source.join(path));
            std::iter::once(mount.source.clone()).chain(held)
        });
        paths.map(identified).collect::<io::Result<_>>().map(Self)
    }
}

fn identified(path: PathBuf) -> io::Result<(PathBuf, Option<(u64, u64)>)> {
    match path.symlink_metadata() {
        Ok(metadata) => Ok((path, Some((metadata.dev(), metadata.ino())))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok((path, None)),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use crate::class::MountSpec;
    use crate::mounts::{Forbidden, check, footing::Footing};
    use manifest::{Access, MountName};
    use std::fs;
    use std::path::Path;

    fn now(directory: &Path, access: Access) -> Footing {
        let name = MountName::try_from("work").unwrap();
        let mounts = [MountSpec { name, source: directory.to_owned(), access }];
        let protected = [".envrc", ".git", ".git/config"].map(str::to_owned);
        Footing::of(&check(&mounts, &Forbidden::with([]), &protected).unwrap().0).unwrap()
    }

    #[test]
    fn it_changes_with_every_protected_path_and_with_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let work = folder.path().join("work");
        fs::create_dir_all(work.join(".git")).unwrap();
        let first = now(&work, Access::Write);
        fs::write(work.join("plain"), "x").unwrap();
        assert_eq!(now(&work, Access::Write), first);

        fs::write(work.join(".envrc"), "one").unwrap();
        let second = now(&work, Access::Write);
        assert_ne!(second, first);
        fs::write(work.join(".envrc"), "the same file, other words").unwrap();
        assert_eq!(now(&work, Access::Write), second);

        // As editors save, and git its configuration: the live mount lies on the old file.
        fs::write(work.join("new"), "two").unwrap();
        fs::rename(work.join("new"), work.join(".envrc")).unwrap();
        assert_ne!(now(&work, Access::Write), second);
    }

    #[test]
    fn a_directory_that_was_made_anew_is_another() {
        let folder = tempfile::tempdir().unwrap();
        let work = folder.path().join("work");
        fs::create_dir(&work).unwrap();
        let first = now(&work, Access::Read);
        fs::write(work.join(".envrc"), "nothing is held in what tools only read").unwrap();
        assert_eq!(now(&work, Access::Read), first);
        // Kept, so that its number is not given to the new one.
        fs::rename(&work, folder.path().join("old")).unwrap();
        fs::create_dir(&work).unwrap();
        assert_ne!(now(&work, Access::Read), first);
    }
}
