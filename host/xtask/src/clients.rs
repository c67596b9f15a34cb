//! Other people's MCP clients, for the tests that speak to the hub with them: the official conformance
//! suite with the Node it needs, and the official Python SDK. Both pinned beside the tests that use them.

use crate::place::Place;
use crate::step::{self, Output};
use crate::venv::{self, done, fresh, is_there};
use anyhow::Context;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::process::Command;
use tokio::time::timeout;

/// It takes a quarter of a minute, and sometimes waits for ever for what it has.
const NPM_WITHIN: Duration = Duration::from_secs(240);
const TRIES: u32 = 3;

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
    for _ in 0..TRIES {
        fresh(dir)?;
        std::fs::copy(&pinned, dir.join("package.json")).with_context(|| format!("{} is missing", pinned.display()))?;
        let mut npm = Command::new("npm");
        // Nothing in it has to be built, and no script of it is run here.
        npm.current_dir(dir).args(["install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"]);
        match timeout(NPM_WITHIN, step::run(place, "npm", Output::Logged, &mut npm)).await {
            Ok(ended) => {
                ended.context("install Node 20 or newer with npm")?;
                return done(dir, &pinned);
            }
            Err(_) => eprintln!("npm       has not come to its end in {} s, and is ended", NPM_WITHIN.as_secs()),
        }
    }
    anyhow::bail!("npm installs nothing: see {}", place.log("npm").display())
}

async fn python(place: &Place, dir: &Path) -> anyhow::Result<()> {
    let pinned = place.root.join("tests/python/requirements.txt");
    venv::install(place, "the MCP Python SDK", dir, &pinned).await
}
