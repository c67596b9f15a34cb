//! Everything that a demo or a bench stands on: programs, guests, the image, and an engine that has it.

use crate::build::{self, Harness, Host};
use crate::engine::{self, Engine, Missing, Prefer};
use crate::place::Place;
use crate::{image, setup};
use anyhow::Context;
use std::path::PathBuf;

/// What has been prepared.
#[derive(Debug)]
pub(crate) struct Ready {
    /// Lives as long as it is used.
    pub(crate) engine: Engine,
    /// Directories of built components.
    pub(crate) guests: Vec<PathBuf>,
    /// The runner image's id.
    pub(crate) image: String,
}

/// Prepares it, with these programs of the host's.
pub(crate) async fn ready(place: &Place, host: Host) -> anyhow::Result<Ready> {
    setup::platform()?;
    setup::disk(place, setup::DEMO_DISK_GB)?;
    setup::wasm_target(place).await?;
    let engine = engine::find(place, Prefer::TheUsers, Missing::IsStarted)
        .await?
        .context("a container engine is needed, see above")?;
    build::host(place, host).await?;
    build::runner(place, Harness::Without).await?;
    build::compile(place, Harness::Without).await?;
    let guests = build::guests(place).await?;
    let image = image::make(place).await?;
    image::load(place, &image, &engine).await?;
    Ok(Ready { engine, guests, image })
}
