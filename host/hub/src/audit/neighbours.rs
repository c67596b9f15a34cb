//! Who else writes to the log's disk. Each file that a tool makes is bounded, and so is each container; their sum in
//! a mount that may be written is not.

use manifest::{Access, Manifest, MountName};
use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A warning for each mount that some tool may write, and that lies on the file system of `log`. `sources` are the
/// directories of mounts.
pub(crate) fn warnings(manifest: &Manifest, source: impl Fn(&MountName) -> Option<PathBuf>, log: &Path) -> Vec<String> {
    let Ok(ours) = log.metadata() else { return Vec::new() };
    let grants = manifest.tools.values().flat_map(|tool| &tool.grants.fs);
    let written: BTreeSet<_> = grants.filter(|grant| grant.access == Access::Write).map(|grant| &grant.mount).collect();
    let shares = |name: &&MountName| {
        source(name).and_then(|directory| directory.metadata().ok()).is_some_and(|found| found.dev() == ours.dev())
    };
    let warning = |name: &MountName| {
        format!(
            "mount `{name}` can be written and lies on the file system of the audit log: tools that fill it stop all \
             calls; put the data directory or the mount on a file system of its own"
        )
    };
    written.into_iter().filter(shares).map(warning).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::testing::{manifest, tool};
    use manifest::Tier;

    #[test]
    fn only_a_mount_that_is_written_and_shares_the_disk_is_warned_of() {
        let dir = tempfile::tempdir().unwrap();
        let mut read = tool("read", Tier::User);
        let said = |tool: &manifest::Tool, source: &Path, log: &Path| {
            warnings(&manifest([tool.clone()]), |_| Some(source.to_owned()), log).len()
        };
        assert_eq!(said(&read, dir.path(), dir.path()), 0);
        read.grants.fs.iter_mut().for_each(|grant| grant.access = Access::Write);
        assert_eq!(said(&read, dir.path(), dir.path()), 1);
        // Another file system, wherever this runs.
        assert_eq!(said(&read, Path::new("/proc"), dir.path()), 0);
        assert_eq!(said(&read, dir.path(), &dir.path().join("not there")), 0);
    }
}
