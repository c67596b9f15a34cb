//! The ground the demo stands on: a temporary directory with the hub's data, its manifest, and a clone of
//! this repository that tools may change, so that nothing of the user's is touched.

use crate::overlay;
use anyhow::Context;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// Who a tool is, inside its container and on the mount.
const RUNNER_ID: u32 = 1000;

/// The directories; removed when dropped.
#[derive(Debug)]
pub(crate) struct Ground {
    dir: TempDir,
}

impl Ground {
    /// Prepares them from the repository.
    pub(crate) fn prepare(root: &Path) -> anyhow::Result<Self> {
        let dir = tempfile::Builder::new().prefix("safeclaw-demo-").tempdir().context("no temporary directory")?;
        let ground = Self { dir };
        copy_manifest(&root.join("manifests/default"), &ground.manifest())?;
        std::fs::write(ground.manifest().join(overlay::FILE), overlay::hostile())?;
        clone(root, &ground.workspace())?;
        give_to_tools(&ground.workspace())?;
        Ok(ground)
    }

    /// The hub's data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// The shipped manifest and one file more.
    pub(crate) fn manifest(&self) -> PathBuf {
        self.dir.path().join("manifest")
    }

    /// The clone.
    pub(crate) fn workspace(&self) -> PathBuf {
        self.dir.path().join("workspace")
    }

    /// The hub's log, in which the operator finds what an agent is not told.
    pub(crate) fn log(&self) -> PathBuf {
        self.dir.path().join("hub.log")
    }
}

fn copy_manifest(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir(to)?;
    for entry in std::fs::read_dir(from).with_context(|| format!("{} is missing", from.display()))? {
        let path = entry?.path();
        if let (Some("toml"), Some(name)) = (path.extension().and_then(|e| e.to_str()), path.file_name()) {
            std::fs::copy(&path, to.join(name))?;
        }
    }
    Ok(())
}

fn clone(root: &Path, to: &Path) -> anyhow::Result<()> {
    let output = Command::new("git")
        .args(["clone", "--quiet", "--depth=1"])
        .arg(format!("file://{}", root.display()))
        .arg(to)
        .output()
        .context("git does not start; the demo clones this repository")?;
    if !output.status.success() {
        anyhow::bail!("this repository cannot be cloned: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

/// Tools run as uid 1000. As root the clone is given to that user; otherwise it is opened to everybody,
/// below a directory that only we can enter.
fn give_to_tools(path: &Path) -> anyhow::Result<()> {
    let meta = path.symlink_metadata()?;
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::lchown(path, Some(RUNNER_ID), Some(RUNNER_ID))?;
    } else if !meta.is_symlink() {
        let mode = meta.permissions().mode();
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode | (mode >> 6 & 0o7) * 0o11))?;
    }
    if meta.is_dir() {
        for entry in std::fs::read_dir(path)? {
            give_to_tools(&entry?.path())?;
        }
    }
    Ok(())
}
