//! `cargo xtask demo`: prepares everything, then hands over to the `demo` program.

use crate::build::Host;
use crate::place::Place;
use crate::process::Owned;
use crate::ready::{self, Ready};
use anyhow::Context;
use clap::Args;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// How long the demo may take to end its hub when it is stopped.
const STOP_WITHIN: Duration = Duration::from_secs(30);

/// What the demo does.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Print one JSON object on standard output; policy, wall and time of each attack are also in
    /// target/boundaries.json
    #[arg(long)]
    json: bool,
    /// Leave the hub running until Ctrl-C, and print what to paste into an MCP client
    #[arg(long)]
    pub(crate) keep: bool,
}

/// Runs it.
pub(crate) async fn demo(place: &Place, options: &Options) -> anyhow::Result<()> {
    let Ready { engine, guests, image } = ready::ready(place, Host::Demo).await?;
    let mut command = Command::new(place.program("demo"));
    command.arg("--root").arg(&place.root).arg("--bin").arg(&place.bin);
    command.args(["--engine", &engine.address(), "--image", &image]);
    for directory in &guests {
        command.arg("--components").arg(directory);
    }
    if options.json {
        command.arg("--json");
    }
    if options.keep {
        command.arg("--keep");
    }
    command.stdin(Stdio::null());
    let mut demo = Owned::start(&mut command, STOP_WITHIN).context("the demo program does not start")?;
    let status = demo.child().wait().await.context("the demo program was lost")?;
    if !status.success() {
        anyhow::bail!("the demo did not go as it should, see above");
    }
    Ok(())
}
