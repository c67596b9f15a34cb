//! Reads a manifest's directory: every `*.toml` in it, in name order, is one document.

use anyhow::Context;
use clap::Args;
use manifest::{MountName, Read, SourceFile};
use rustix::fs::OFlags;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// A manifest is a few files of a few kilobytes; more is a wrong directory.
const MAX_BYTES: u64 = 4 << 20;

/// Names the manifest and the directories of its mounts.
#[derive(Debug, Clone, Args)]
pub(crate) struct ManifestAt {
    /// The manifest: a directory of .toml files
    #[arg(long, value_name = "DIR", env = "SAFECLAW_MANIFEST")]
    manifest: Option<PathBuf>,
    /// The host directory of a mount to which the manifest gives none; may be repeated
    #[arg(long = "mount", value_name = "NAME=DIR", value_parser = mount)]
    mounts: Vec<(MountName, PathBuf)>,
}

impl ManifestAt {
    /// Whether one was named.
    pub(crate) fn is_said(&self) -> bool {
        self.manifest.is_some()
    }

    /// One that was named otherwise.
    pub(crate) fn at(manifest: Option<PathBuf>, mounts: Vec<(MountName, PathBuf)>) -> Self {
        Self { manifest, mounts }
    }

    /// The mounts as they were said.
    pub(crate) fn mounts(&self) -> Vec<(MountName, PathBuf)> {
        self.mounts.clone()
    }

    /// Its directory, absolute.
    pub(crate) fn directory(&self) -> anyhow::Result<PathBuf> {
        let dir = self.manifest.as_ref().context("which manifest? say --manifest DIR")?;
        std::path::absolute(dir).with_context(|| format!("{} is not a path", dir.display()))
    }

    /// The directories of the mounts, absolute.
    pub(crate) fn mount_sources(&self) -> anyhow::Result<BTreeMap<MountName, PathBuf>> {
        let mut sources = BTreeMap::new();
        for (name, dir) in &self.mounts {
            let dir = std::path::absolute(dir).with_context(|| format!("{} is not a path", dir.display()))?;
            if sources.insert(name.clone(), dir).is_some() {
                anyhow::bail!("--mount {name}=… is given twice");
            }
        }
        Ok(sources)
    }
}

/// Reads and checks a manifest; every error of it at once.
pub(crate) fn read(dir: &Path) -> anyhow::Result<Read> {
    manifest::read(&files(dir)?)
        .map_err(|diagnostics| anyhow::anyhow!("the manifest {} is not accepted\n{diagnostics}", dir.display()))
}

/// Its files, named by their paths, so that a message's place can be clicked.
pub(crate) fn files(dir: &Path) -> anyhow::Result<Vec<SourceFile>> {
    let unreadable = || format!("{} cannot be read; a manifest is a directory of .toml files", dir.display());
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(dir).with_context(unreadable)? {
        let path = entry.with_context(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            paths.push(path);
        }
    }
    if paths.is_empty() {
        anyhow::bail!("{} has no .toml file; a manifest is a directory of them", dir.display());
    }
    paths.sort();
    let bytes: u64 = paths.iter().filter_map(|path| path.metadata().ok()).map(|meta| meta.len()).sum();
    if bytes > MAX_BYTES {
        anyhow::bail!("the .toml files of {} have {bytes} bytes; a manifest has at most {MAX_BYTES}", dir.display());
    }
    paths.iter().map(|path| source(path)).collect()
}

/// An agent may be able to write where these lie: a FIFO would hold the command, a link lead elsewhere, and a file grow
/// while it is read.
fn source(path: &Path) -> anyhow::Result<SourceFile> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let opened = File::options().read(true).custom_flags(flags.bits().cast_signed()).open(path);
    let file = opened.with_context(|| format!("{} cannot be opened; a link is not followed", path.display()))?;
    let kind = file.metadata().with_context(|| format!("{} cannot be read", path.display()))?;
    anyhow::ensure!(kind.is_file(), "{} is not a regular file", path.display());
    let mut text = String::new();
    let read = file.take(MAX_BYTES + 1).read_to_string(&mut text);
    read.with_context(|| format!("{} is not readable as UTF-8", path.display()))?;
    anyhow::ensure!(text.len() as u64 <= MAX_BYTES, "{} has more than {MAX_BYTES} bytes", path.display());
    Ok(SourceFile { name: path.display().to_string(), text })
}

/// Takes `NAME=DIR`.
pub(crate) fn mount(text: &str) -> Result<(MountName, PathBuf), String> {
    let (name, dir) = text.split_once('=').ok_or("give NAME=DIR, such as workspace=/home/me/project")?;
    if dir.is_empty() {
        return Err("the directory is missing after `=`".to_owned());
    }
    Ok((MountName::try_from(name).map_err(|error| error.to_string())?, PathBuf::from(dir)))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn files_come_in_name_order_and_others_are_left() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b.toml", "a.toml", "notes.md"] {
            std::fs::write(dir.path().join(name), name).unwrap();
        }
        let texts: Vec<_> = files(dir.path()).unwrap().into_iter().map(|file| file.text).collect();
        assert_eq!(texts, ["a.toml", "b.toml"]);
    }

    #[test]
    fn what_is_no_file_is_refused_and_never_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let said = || format!("{:#}", files(dir.path()).unwrap_err());
        let path = dir.path().join("x.toml");
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        assert!(said().contains("not a regular file"), "{}", said());
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/etc/hostname", &path).unwrap();
        assert!(said().contains("a link is not followed"), "{}", said());
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, [0xff]).unwrap();
        assert!(said().contains("UTF-8"), "{}", said());
    }

    #[test]
    fn an_empty_directory_is_no_manifest() {
        assert!(files(tempfile::tempdir().unwrap().path()).is_err());
    }

    #[test]
    fn a_mount_needs_a_name_and_a_directory() {
        assert!(mount("workspace=/srv").is_ok());
        for text in ["workspace", "=/srv", "Work Space=/srv", "workspace="] {
            assert!(mount(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_mount_named_twice_is_refused() {
        let twice = ["w=/a", "w=/b"].map(|text| mount(text).unwrap()).to_vec();
        assert!(ManifestAt { manifest: None, mounts: twice }.mount_sources().is_err());
    }
}
