//! `cargo xtask test`: every stage in order, each timed; the first that fails ends it.

use crate::build::{self, Harness, Host, cargo};
use crate::engine::{self, Engine, Missing, Prefer};
use crate::place::Place;
use crate::stages::{self, COMPILER, HOST, PURE, RUNNER, Selection, Took};
use crate::step::{self, Output};
use crate::{clients, gvisor, image, setup};
use anyhow::Context;
use clap::Args;
use std::ffi::OsString;
use std::future::Future;
use std::path::PathBuf;
use std::time::Instant;
use tokio::process::Command;

/// How much to test.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Only the pure crates: no container engine, no Wasm engine, under two minutes from nothing
    #[arg(long)]
    quick: bool,
}

/// Runs the suite and prints how long its stages took, whether they passed or not.
pub(crate) async fn test(place: &Place, options: &Options) -> anyhow::Result<()> {
    let mut clock = Clock::default();
    let result = if options.quick { quick(place, &mut clock).await } else { full(place, &mut clock).await };
    eprintln!("\n{}", stages::table(&clock.0));
    result
}

#[derive(Default)]
struct Clock(Vec<Took>);

impl Clock {
    async fn time<T>(
        &mut self,
        stage: &'static str,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        let started = Instant::now();
        let result = work.await;
        self.0.push(Took { stage, time: started.elapsed() });
        result.context(stage)
    }
}

async fn quick(place: &Place, clock: &mut Clock) -> anyhow::Result<()> {
    setup::platform()?;
    clock.time("format", format(place)).await?;
    let mut tests = cargo(place, "test")?;
    PURE.select(&mut tests);
    clock.time("pure crates", step::run(place, "pure", Output::Shown, &mut tests)).await
}

async fn full(place: &Place, clock: &mut Clock) -> anyhow::Result<()> {
    clock.time("set up", set_up(place)).await?;
    clock.time("format", format(place)).await?;
    clock.time("build the host", build::host(place, Host::Tests)).await?;
    clock.time("build the runner", build::runner(place, Harness::With)).await?;
    clock.time("build the compile program", build::compile(place, Harness::With)).await?;
    let guests = clock.time("build the guests", build::guests(place)).await?;
    let image = clock.time("pack the image", image::make(place)).await?;
    gvisor::fetch(place).await;
    let engine = clock.time("start a container engine", test_engine(place)).await?;
    if let Some(engine) = &engine {
        clock.time("load the image", image::load(place, &image, engine)).await?;
    }
    let mut around = Around::new(place, &guests, &image, engine.as_ref())?;
    clock.time("unit tests", units(place, &around)).await?;
    clock.time("tests of the plugins", plugins(place)).await?;
    clock.time("tests of the runner", package(place, "runner-tests", &RUNNER, &around)).await?;
    clock.time("tests of the Wasm engine", package(place, "compiler", &COMPILER, &around)).await?;
    if engine.is_none() {
        if std::env::var_os("CI").is_some() {
            anyhow::bail!("CI is set and there is no container engine: the tests through both walls were not run");
        }
        eprintln!("NOT RUN: the tests through both walls, since there is no container engine");
        return Ok(());
    }
    let clients = clock.time("install other clients", clients::install(place)).await?;
    around.0.push(("SAFECLAW_TEST_TOOLS", clients.into_os_string()));
    clock.time("tests through both walls", walls(place, &around)).await
}

async fn set_up(place: &Place) -> anyhow::Result<()> {
    setup::platform()?;
    setup::disk(place, setup::TEST_DISK_GB)?;
    setup::openssh().await;
    setup::wasm_target(place).await
}

async fn format(place: &Place) -> anyhow::Result<()> {
    let mut command = Command::new("cargo");
    command.current_dir(&place.root).args(["fmt", "--all", "--check"]);
    step::run(place, "format", Output::Logged, &mut command).await.context("run: cargo fmt --all")
}

/// A private engine where one can be started; else the user's, in which the tests make and remove
/// containers of their own and touch no other.
async fn test_engine(place: &Place) -> anyhow::Result<Option<Engine>> {
    match engine::find(place, Prefer::Private, Missing::IsStarted).await? {
        Some(engine) => Ok(Some(engine)),
        None => engine::find(place, Prefer::TheUsers, Missing::IsNone).await,
    }
}

/// What the tests are told of the place they run in.
struct Around(Vec<(&'static str, OsString)>);

impl Around {
    fn new(place: &Place, guests: &[PathBuf], image: &str, engine: Option<&Engine>) -> anyhow::Result<Self> {
        let guests = std::env::join_paths(guests).context("a directory of guests has a colon in its name")?;
        let mut told = vec![
            ("SAFECLAW_BIN_DIR", place.bin.clone().into_os_string()),
            ("SAFECLAW_GUESTS", guests),
            ("SAFECLAW_TEST_IMAGE", image.into()),
        ];
        if let Some(engine) = engine {
            told.push(("SAFECLAW_TEST_ENGINE", engine.socket.clone().into_os_string()));
            if engine.is_private() && gvisor::is_there(place) {
                told.push(("SAFECLAW_TEST_RUNSC", "1".into()));
            }
        }
        Ok(Self(told))
    }

    fn tell<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command.envs(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// Unit tests, and each host package's own integration tests.
async fn units(place: &Place, around: &Around) -> anyhow::Result<()> {
    let mut tests = cargo(place, "test")?;
    // One run shows everything that is wrong.
    HOST.select(&mut tests).args(["--no-fail-fast", "--lib", "--bins"]);
    for name in HOST.integration_tests(&place.root.join("host")) {
        tests.args(["--test", &name]);
    }
    step::run(place, "units", Output::Shown, around.tell(&mut tests)).await
}

/// The tools that ship, as plain Rust: what they do with files and text, without a sandbox around them.
async fn plugins(place: &Place) -> anyhow::Result<()> {
    let mut tests = Command::new("cargo");
    tests.current_dir(place.root.join("plugins")).args(["test-native", "--locked"]).env_remove("RUSTFLAGS");
    step::run(place, "plugin-tests", Output::Shown, &mut tests).await
}

/// All tests of packages that are built by themselves.
async fn package(place: &Place, name: &str, selection: &Selection, around: &Around) -> anyhow::Result<()> {
    let mut tests = cargo(place, "test")?;
    selection.select(&mut tests);
    step::run(place, name, Output::Shown, around.tell(&mut tests)).await
}

/// The `tests` package, selected among the same packages, so that cargo builds nothing again.
async fn walls(place: &Place, around: &Around) -> anyhow::Result<()> {
    let mut tests = cargo(place, "test")?;
    HOST.select(&mut tests).args(["--test", "all"]);
    step::run(place, "walls", Output::Shown, around.tell(&mut tests)).await
}
