//! `cargo xtask`: what a newcomer, a developer and CI run. Sets up what is missing, saying so first;
//! builds, shows and proves: what ships in profile `release`, what is tested in `ci`, as this program itself. Output for people goes to standard error, so that
//! `demo --json` is one object on standard output.
mod against;
mod build;
mod clients;
mod daemon;
mod engine;
mod gvisor;
mod image;
mod measure;
mod place;
mod process;
mod progress;
mod python;
mod ready;
mod setup;
mod show;
mod stages;
mod step;
mod suite;
mod venv;

use anyhow::Context;
use clap::{Parser, Subcommand};
use place::Place;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

/// SafeClaw's own tasks: see it work, measure it, test it, build its parts.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Show tools at work on real files behind both walls, and four attacks that fail.
    Demo(show::Options),
    /// Measure calls, sessions, processor time and memory, beside a native server and without wall 2.
    Bench(measure::Options),
    /// Run the whole test suite.
    Test(suite::Options),
    /// Build the runner image into target/image and load it into the engine, where there is one.
    Image,
    /// Build the plugins that ship and the hostile guests of the tests.
    Plugins,
}

fn main() -> ExitCode {
    match Arguments::try_parse() {
        Ok(arguments) => run(arguments.task),
        Err(usage) => {
            let code = if usage.use_stderr() { 2 } else { 0 };
            let _ = usage.print();
            ExitCode::from(code)
        }
    }
}

fn run(task: Task) -> ExitCode {
    let result = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the async runtime did not start")
        .and_then(|runtime| runtime.block_on(until_stopped(task)));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the task, or drops it on Ctrl-C and SIGTERM; whatever it owns ends with it.
async fn until_stopped(task: Task) -> anyhow::Result<()> {
    // A demo that is kept runs until it is stopped: that is its good end.
    let kept = matches!(&task, Task::Demo(options) if options.keep);
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    let signal = tokio::select! {
        result = perform(task) => return result,
        _ = interrupted.recv() => "Ctrl-C",
        _ = terminated.recv() => "SIGTERM",
    };
    if kept {
        return Ok(());
    }
    anyhow::bail!("stopped by {signal}; what was started has been ended")
}

async fn perform(task: Task) -> anyhow::Result<()> {
    let place = Place::find()?;
    match task {
        Task::Demo(options) => show::demo(&place.as_it_ships(), &options).await,
        Task::Bench(options) => measure::bench(&place.as_it_ships(), &options).await,
        Task::Test(options) => suite::test(&place, &options).await,
        Task::Image => {
            let place = place.as_it_ships();
            setup::platform()?;
            build::host(&place, build::Host::Shipped).await?;
            build::runner(&place, build::Harness::Without).await?;
            build::compile(&place, build::Harness::Without).await?;
            let image = image::make(&place).await?;
            match engine::find(&place, engine::Prefer::TheUsers, engine::Missing::IsNone).await? {
                Some(engine) => image::load(&place, &image, &engine).await,
                None => Ok(eprintln!("image     not loaded: no container engine answers")),
            }
        }
        Task::Plugins => {
            setup::wasm_target(&place).await?;
            build::guests(&place).await.map(|_| ())
        }
    }
}
