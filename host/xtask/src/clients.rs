//! Other people's MCP clients, for the tests that speak to the hub with them: the official conformance
//! suite with the Node it needs, and the official Python SDK. Both pinned beside the tests that use them.

use crate::place::Place;
use crate::step::{self, Output};
use anyhow::Context;
use std::path::{Path, PathBuf};
use tokio::process::Command;

/// Installs both below `target/clients`, unless what is pinned is there; gives that directory.
pub(crate) async fn install(place: &Place) -> anyhow::Result<PathBuf> {
    let home = place.target.join("clients");
    node(place, &home.join("node")).await?;
    python(place, &home.join("python")).await?;
    Ok(home)
}

async fn node(place: &Place, dir: &Path) -> anyhow::Result<()> {
    let pinned = place.root.join("tests/conformance/package.json");
    if is_there(dir, &pinned) {
        return Ok(());
    }
    eprintln!("setup     will install the MCP conformance suite into {} with npm", dir.display());
    fresh(dir)?;
    std::fs::copy(&pinned, dir.join("package.json")).with_context(|| format!("{} is missing", pinned.display()))?;
    let mut npm = Command::new("npm");
    npm.current_dir(dir).args(["install", "--no-audit", "--no-fund", "--no-package-lock"]);
    step::run(place, "npm", Output::Logged, &mut npm).await.context("install Node 20 or newer with npm")?;
    done(dir, &pinned)
}

async fn python(place: &Place, dir: &Path) -> anyhow::Result<()> {
    let pinned = place.root.join("tests/python/requirements.txt");
    if is_there(dir, &pinned) {
        return Ok(());
    }
    eprintln!("setup     will install the MCP Python SDK into {} with pip", dir.display());
    fresh(dir)?;
    let mut venv = Command::new("python3");
    venv.args(["-m", "venv"]).arg(dir);
    step::run(place, "venv", Output::Logged, &mut venv).await.context("install Python 3.10 or newer with venv")?;
    let mut pip = Command::new(dir.join("bin/pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(&pinned);
    step::run(place, "pip", Output::Logged, &mut pip).await?;
    done(dir, &pinned)
}

/// What was pinned when it was installed is written down last, so that half an installation is none.
fn is_there(dir: &Path, pinned: &Path) -> bool {
    let read = |path: &Path| std::fs::read(path).ok();
    read(pinned).is_some_and(|text| read(&dir.join(".installed")) == Some(text))
}

fn fresh(dir: &Path) -> anyhow::Result<()> {
    match std::fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    std::fs::create_dir_all(dir).with_context(|| format!("{} cannot be made", dir.display()))
}

fn done(dir: &Path, pinned: &Path) -> anyhow::Result<()> {
    std::fs::copy(pinned, dir.join(".installed")).map(drop).context("the installation cannot be written down")
}
