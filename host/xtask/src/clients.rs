//! Other people's MCP clients, for the tests that speak to the hub with them: the official conformance
//! suite with the Node it needs, and the official Python SDK. Both pinned beside the tests that use them.

use crate::place::Place;
use crate::step::{self, Output};
use crate::venv::{self, done, fresh, is_there};
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
    venv::install(place, "the MCP Python SDK", dir, &pinned).await
}
