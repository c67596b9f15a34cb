//! `cargo xtask bench`: prepares everything, then hands over to the `bench` program.

use crate::against;
use crate::build::{self, Host};
use crate::place::Place;
use crate::process::Owned;
use crate::python;
use crate::ready;
use anyhow::Context;
use clap::Args;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// How long the bench may take to end its servers when it is stopped.
const STOP_WITHIN: Duration = Duration::from_secs(30);

/// What is measured.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// For each row of calls
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// Watch what memory grows by between 10 000 and 100 000 calls
    #[arg(long)]
    long: bool,
    /// Another MCP server with the tools `add` and `echo`: NAME=URL, or NAME="COMMAND"; may be said more than once
    #[arg(long)]
    peer: Vec<String>,
    /// Compare with another revision of this clone instead, which is built first: a commit, a branch or a tag
    #[arg(long, value_name = "REV", conflicts_with_all = ["long", "peer", "only"])]
    against: Option<String>,
    /// Only this part: calls, sessions, fresh, python, spinning, crowd, governed, button, egress; may be said more than once
    #[arg(long)]
    only: Vec<String>,
}

/// Runs it.
pub(crate) async fn bench(place: &Place, options: &Options) -> anyhow::Result<()> {
    let revision = options.against.as_deref().map(|name| against::find(place, name)).transpose()?;
    let ready = ready::ready(place, Host::Bench).await?;
    let guest = |file: &str| {
        let built = ready.guests.iter().map(|directory| directory.join(file)).find(|path| path.is_file());
        built.with_context(|| format!("the bench's component {file} was not built"))
    };
    let mut command = Command::new(place.program("bench"));
    command.arg("run").arg("--bin").arg(&place.bin);
    command.arg("--component").arg(guest("bench.wasm")?).arg("--requests").arg(guest("bench_http.wasm")?);
    command.args(["--engine", &ready.engine.address(), "--image", &ready.image]);
    command.arg("--out").arg(place.target.join("bench")).args(["--seconds", &options.seconds.to_string()]);
    if let Some(revision) = &revision {
        let other = against::build(place, revision, &ready.engine).await?;
        command.arg("--against-bin").arg(other.bin);
        command.args(["--against-image", &other.image, "--against-title", &revision.title]);
    } else {
        build::measure(place).await?;
        match python::component(place).await {
            Ok(python) => drop(command.arg("--python").arg(python)),
            // A machine without Python measures everything else.
            Err(error) => eprintln!("python    no component in Python: {error:#}"),
        }
    }
    if options.long {
        command.arg("--long");
    }
    for peer in &options.peer {
        command.args(["--peer", peer]);
    }
    for part in &options.only {
        command.args(["--only", part]);
    }
    command.stdin(Stdio::null());
    let mut bench = Owned::start(&mut command, STOP_WITHIN).context("the bench program does not start")?;
    let status = bench.child().wait().await.context("the bench program was lost")?;
    if !status.success() {
        anyhow::bail!("the bench did not get to its end, see above");
    }
    Ok(())
}
