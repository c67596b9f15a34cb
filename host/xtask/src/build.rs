//! The builds, as few as features allow: one cargo call for everything outside the container, one for the
//! runner, one for `compile`, which is the engine with its compiler, and one for each guest workspace.

use crate::place::Place;
use crate::stages::{COMPILER, HOST, RUNNER};
use crate::step::{self, Output};
use std::path::PathBuf;
use tokio::process::Command;

/// Guest workspaces: what ships, and the hostile components of the tests and the demo.
const GUESTS: [&str; 2] = ["plugins", "tests/guests"];

/// How much of the host workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Host {
    /// What ships: `safeclaw`.
    Shipped,
    /// What ships and the demo, selected among the same packages as for the tests.
    Demo,
    /// What ships and the bench, selected in the same way.
    Bench,
    /// What ships, selected in the same way: of another revision, whose bench is not used.
    Compared,
    /// The programs and every test.
    Tests,
}

/// Whether a program's tests are built too: a minute more, and with them cargo settles on features for which
/// the test command need not build the Wasm engine a second time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Harness {
    /// Only the program.
    Without,
    /// The tests as well.
    With,
}

/// A cargo command in the clone, in its profile.
pub(crate) fn cargo(place: &Place, subcommand: &str) -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(&place.root).args([subcommand, "--locked", "--profile"]).arg(place.profile()?);
    command.env("CARGO_TARGET_DIR", &place.target);
    Ok(command)
}

/// Builds the host's programs, without `xtask`, which is running.
pub(crate) async fn host(place: &Place, what: Host) -> anyhow::Result<()> {
    let mut command = cargo(place, "build")?;
    match what {
        Host::Shipped => command.args(["-p", "cli", "--bin", "safeclaw"]),
        Host::Demo => programs(HOST.select(&mut command), &["demo"]),
        Host::Bench => programs(HOST.select(&mut command), &["bench"]),
        Host::Compared => programs(HOST.select(&mut command), &[]),
        Host::Tests => programs(HOST.select(&mut command), &["demo", "bench"]).args(["--examples", "--tests"]),
    };
    step::run(place, "host", Output::Logged, &mut command).await
}

/// `safeclaw` and others.
fn programs<'c>(command: &'c mut Command, others: &[&str]) -> &'c mut Command {
    command.args(["--bin", "safeclaw"]);
    for name in others {
        command.args(["--bin", name]);
    }
    command
}

/// Builds the runner; with its tests also the probe, which takes its place in tests of the container.
pub(crate) async fn runner(place: &Place, harness: Harness) -> anyhow::Result<()> {
    let mut command = cargo(place, "build")?;
    match harness {
        Harness::Without => RUNNER.select(&mut command).args(["--bin", "runner"]),
        Harness::With => RUNNER.select(&mut command).args(["--bins", "--tests"]),
    };
    step::run(place, "runner", Output::Logged, &mut command).await
}

/// Builds the compile program.
pub(crate) async fn compile(place: &Place, harness: Harness) -> anyhow::Result<()> {
    let mut command = cargo(place, "build")?;
    match harness {
        Harness::Without => command.args(["-p", "compile", "--bin", "compile"]),
        Harness::With => COMPILER.select(&mut command).args(["--bin", "compile", "--tests"]),
    };
    step::run(place, "compile", Output::Logged, &mut command).await
}

/// Builds the program that measures the engine alone.
pub(crate) async fn measure(place: &Place) -> anyhow::Result<()> {
    let mut command = cargo(place, "build")?;
    COMPILER.select(&mut command).args(["--example", "measure"]);
    step::run(place, "measure", Output::Logged, &mut command).await
}

/// Builds both guest workspaces; gives the directories with their components.
pub(crate) async fn guests(place: &Place) -> anyhow::Result<Vec<PathBuf>> {
    let mut directories = Vec::new();
    for workspace in GUESTS {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command
            .current_dir(place.root.join(workspace))
            .args([
                "build",
                "--workspace",
                "--examples",
                "--lib",
                "--release",
                "--locked",
                "--target",
                "wasm32-wasip2",
                "--target-dir",
                "target",
            ])
            // Flags of the caller are for its own machine, not for guests.
            .env_remove("RUSTFLAGS");
        let name = workspace.rsplit('/').next().unwrap_or(workspace);
        step::run(place, name, Output::Logged, &mut command).await?;
        directories.push(place.components(workspace));
    }
    Ok(directories)
}
