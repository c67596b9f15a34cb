//! Virtual environments of Python below `target`, each with what a `requirements.txt` of this clone pins.

use crate::place::Place;
use crate::step::{self, Output};
use anyhow::Context;
use std::path::Path;
use tokio::process::Command;

/// Installs what is pinned, unless it is there; says what it is.
pub(crate) async fn install(place: &Place, what: &str, dir: &Path, pinned: &Path) -> anyhow::Result<()> {
    if is_there(dir, pinned) {
        return Ok(());
    }
    eprintln!("setup     will install {what} into {} with pip", dir.display());
    fresh(dir)?;
    let mut venv = Command::new("python3");
    venv.args(["-m", "venv"]).arg(dir);
    step::run(place, "venv", Output::Logged, &mut venv).await.context("install Python 3.10 or newer with venv")?;
    let mut pip = Command::new(dir.join("bin/pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(pinned);
    step::run(place, "pip", Output::Logged, &mut pip).await?;
    done(dir, pinned)
}

/// What was pinned when it was installed is written down last, so that half an installation is none.
pub(crate) fn is_there(dir: &Path, pinned: &Path) -> bool {
    let read = |path: &Path| std::fs::read(path).ok();
    read(pinned).is_some_and(|text| read(&dir.join(".installed")) == Some(text))
}

/// An empty directory.
pub(crate) fn fresh(dir: &Path) -> anyhow::Result<()> {
    match std::fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    std::fs::create_dir_all(dir).with_context(|| format!("{} cannot be made", dir.display()))
}

/// Writes it down.
pub(crate) fn done(dir: &Path, pinned: &Path) -> anyhow::Result<()> {
    std::fs::copy(pinned, dir.join(".installed")).map(drop).context("the installation cannot be written down")
}
