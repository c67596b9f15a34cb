//! Where things are in this clone.

use anyhow::Context;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The triple of everything that the host workspace builds; `.cargo/config.toml` says why.
const TRIPLE: &str = "x86_64-unknown-linux-gnu";

/// The profile of what ships.
const SHIPS: &str = "release";

/// The directories that the tasks use.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The clone.
    pub(crate) root: PathBuf,
    /// Cargo's target directory.
    pub(crate) target: PathBuf,
    /// Where the programs of its profile are: `TARGET/TRIPLE/PROFILE`.
    pub(crate) bin: PathBuf,
}

impl Place {
    /// Reads them off this program's own path: `TARGET/TRIPLE/PROFILE/xtask`.
    pub(crate) fn find() -> anyhow::Result<Self> {
        let exe = std::env::current_exe().context("this program's own path is not known")?;
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let root = root.canonicalize().with_context(|| format!("{} has gone", root.display()))?;
        Self::from(root, &exe)
    }

    fn from(root: PathBuf, exe: &Path) -> anyhow::Result<Self> {
        let bin = exe.parent().context("this program has no directory")?;
        let triple = bin.parent().filter(|dir| dir.ends_with(TRIPLE));
        let target = triple
            .and_then(Path::parent)
            .with_context(|| format!("{} is not in a target directory; run `cargo xtask`", exe.display()))?;
        Ok(Self { root, target: target.to_owned(), bin: bin.to_owned() })
    }

    /// The same clone, built as it ships: what is shown and measured is what operators run.
    pub(crate) fn as_it_ships(&self) -> Self {
        self.built_in(SHIPS)
    }

    /// The same clone, built in another profile.
    pub(crate) fn built_in(&self, profile: &str) -> Self {
        Self { bin: self.bin.with_file_name(profile), ..self.clone() }
    }

    /// The profile that its programs are built in, as cargo knows it.
    pub(crate) fn profile(&self) -> anyhow::Result<&OsStr> {
        self.bin.file_name().context("the programs are in no directory of a profile")
    }

    /// Another work tree with a target directory of its own.
    pub(crate) fn beside(&self, root: PathBuf, target: PathBuf) -> anyhow::Result<Self> {
        let profile = self.bin.strip_prefix(&self.target).context("the programs are not in the target directory")?;
        Ok(Self { root, bin: target.join(profile), target })
    }

    /// A program of the host workspace.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }

    /// Where the components of a guest workspace end up.
    pub(crate) fn components(&self, workspace: &str) -> PathBuf {
        self.root.join(workspace).join("target/wasm32-wasip2/release")
    }

    /// The log file of a step.
    pub(crate) fn log(&self, step: &str) -> PathBuf {
        self.target.join("xtask").join(format!("{step}.log"))
    }

    /// The runner image, and beside it `runner.id`. One that was built for tests is not where operators look.
    pub(crate) fn image(&self) -> PathBuf {
        let beside = if self.bin.ends_with(SHIPS) { &self.target } else { &self.bin };
        beside.join("image/runner.tar")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_read_off_the_programs_own_path() {
        let exe = Path::new("/c/target/x86_64-unknown-linux-gnu/ci/xtask");
        let Ok(place) = Place::from(PathBuf::from("/c"), exe) else { unreachable!("it is in a target directory") };
        assert_eq!(place.target, Path::new("/c/target"));
        assert_eq!(place.program("safeclaw"), Path::new("/c/target/x86_64-unknown-linux-gnu/ci/safeclaw"));
        assert_eq!(place.image(), Path::new("/c/target/x86_64-unknown-linux-gnu/ci/image/runner.tar"));
    }

    #[test]
    fn what_ships_has_its_programs_and_its_image_elsewhere() -> anyhow::Result<()> {
        let exe = Path::new("/c/target/x86_64-unknown-linux-gnu/ci/xtask");
        let ships = Place::from(PathBuf::from("/c"), exe)?.as_it_ships();
        assert_eq!(ships.profile()?, "release");
        assert_eq!(ships.program("runner"), Path::new("/c/target/x86_64-unknown-linux-gnu/release/runner"));
        assert_eq!(ships.image(), Path::new("/c/target/image/runner.tar"));
        Ok(())
    }

    #[test]
    fn another_tree_has_its_programs_in_its_own_target_directory() -> anyhow::Result<()> {
        let place =
            Place::from(PathBuf::from("/c"), Path::new("/c/target/x86_64-unknown-linux-gnu/ci/xtask"))?.as_it_ships();
        let other = place.beside(PathBuf::from("/o"), PathBuf::from("/o/t"))?;
        assert_eq!(other.program("runner"), Path::new("/o/t/x86_64-unknown-linux-gnu/release/runner"));
        assert_eq!(other.image(), Path::new("/o/t/image/runner.tar"));
        Ok(())
    }

    #[test]
    fn a_copied_program_is_refused() {
        assert!(Place::from(PathBuf::from("/c"), Path::new("/usr/bin/xtask")).is_err());
    }
}
