//! The runner image: two files, packed and loaded by `safeclaw` itself, so that what is tried here is
//! what an operator uses.

use crate::engine::Engine;
use crate::place::Place;
use anyhow::Context;
use std::ffi::OsStr;
use tokio::process::Command;

/// Packs `target/image/runner.tar`; gives its id, which is also written beside it.
pub(crate) async fn make(place: &Place) -> anyhow::Result<String> {
    let tar = place.image();
    std::fs::create_dir_all(tar.parent().unwrap_or(&place.target)).context("target/image cannot be made")?;
    let (runner, compile) = (place.program("runner"), place.program("compile"));
    let id = safeclaw(
        place,
        [
            OsStr::new("image"),
            OsStr::new("pack"),
            OsStr::new("--runner"),
            runner.as_ref(),
            OsStr::new("--compile"),
            compile.as_ref(),
            tar.as_ref(),
        ],
    )
    .await?;
    std::fs::write(tar.with_extension("id"), &id).context("target/image/runner.id cannot be written")?;
    let bytes = std::fs::metadata(&tar).map(|meta| meta.len()).unwrap_or(0);
    eprintln!("image     {} ({} MB, two files)", id.get(..19).unwrap_or(&id), bytes / 1_000_000);
    Ok(id)
}

/// Loads it, checking the id.
pub(crate) async fn load(place: &Place, image: &str, engine: &Engine) -> anyhow::Result<()> {
    let (tar, address) = (place.image(), engine.address());
    let loaded = safeclaw(
        place,
        [
            OsStr::new("image"),
            OsStr::new("load"),
            OsStr::new("--engine"),
            address.as_ref(),
            OsStr::new("--no-record"),
            tar.as_ref(),
        ],
    )
    .await?;
    if loaded != image {
        anyhow::bail!("the engine loaded {loaded}, but {image} was packed");
    }
    Ok(())
}

/// Runs `safeclaw` and gives what it printed.
async fn safeclaw<'a>(place: &Place, arguments: impl IntoIterator<Item = &'a OsStr>) -> anyhow::Result<String> {
    let output =
        Command::new(place.program("safeclaw")).args(arguments).output().await.context("safeclaw does not start")?;
    if !output.status.success() {
        anyhow::bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
