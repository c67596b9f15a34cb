//! The bench: one run, one machine, one table. `cargo xtask bench` builds what it needs and starts it.
mod against;
mod audit;
mod button;
mod calls;
mod client;
mod crowd;
mod docker;
mod egress;
mod first;
mod fresh;
mod governed;
mod ground;
mod load;
mod native;
mod pipe;
mod plan;
#[path = "../process.rs"]
mod process;
mod python;
mod report;
mod servers;
mod sessions;
mod spinning;
mod stand_in;
mod tools;
mod upstream;
mod usage;
mod wall1;

use anyhow::Context;
use clap::{Parser, Subcommand};
use plan::{Amount, Other, Part};
use report::Report;
use servers::Setting;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Measure everything, and write the table
    Run(Run),
    /// Be the native server
    Native {
        /// On standard input and output instead of HTTP
        #[arg(long)]
        stdio: bool,
    },
    /// Be what tools ask: HTTPS on a free port of loopback
    Upstream {
        /// Where its certificate goes
        #[arg(long)]
        certificate: PathBuf,
    },
    /// Be a hub whose runners are child processes
    Wall1 {
        /// The directory of the programs
        #[arg(long)]
        bin: PathBuf,
        /// The data directory
        #[arg(long)]
        data: PathBuf,
        /// The manifest's only file
        #[arg(long)]
        manifest: PathBuf,
        /// The component with the tools
        #[arg(long)]
        component: PathBuf,
    },
}

#[derive(Debug, clap::Args)]
struct Run {
    /// The directory of the built programs
    #[arg(long)]
    bin: PathBuf,
    /// The container engine
    #[arg(long)]
    engine: String,
    /// The runner image's id
    #[arg(long)]
    image: String,
    /// The component with the tools
    #[arg(long)]
    component: PathBuf,
    /// The component with the tool that makes requests
    #[arg(long)]
    requests: PathBuf,
    /// A component with the tool `python_add`
    #[arg(long)]
    python: Option<PathBuf>,
    /// The programs of another revision: it is compared with, and nothing else is measured
    #[arg(long, requires_all = ["against_image", "against_title"])]
    against_bin: Option<PathBuf>,
    /// Its runner image's id
    #[arg(long)]
    against_image: Option<String>,
    /// What it is
    #[arg(long)]
    against_title: Option<String>,
    /// Where the table goes
    #[arg(long)]
    out: PathBuf,
    /// For each row of calls
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// Watch what memory grows by between 10 000 and 100 000 calls
    #[arg(long)]
    long: bool,
    /// Another server with the tools `add` and `echo`: NAME=URL, or NAME="COMMAND"; may be said more than once
    #[arg(long)]
    peer: Vec<Other>,
    /// Only this part; may be said more than once
    #[arg(long)]
    only: Vec<Part>,
    /// Sessions of the part that measures the governor by itself
    #[arg(long, default_value_t = 10_000)]
    governed: usize,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // The client has one thread: a second one would take a processor from what is measured.
    let mut builder = match &arguments.task {
        Task::Run(_) => tokio::runtime::Builder::new_current_thread(),
        Task::Native { .. } | Task::Upstream { .. } | Task::Wall1 { .. } => tokio::runtime::Builder::new_multi_thread(),
    };
    let result = builder
        .enable_all()
        .build()
        .context("the async runtime did not start")
        .and_then(|runtime| runtime.block_on(until_stopped(arguments.task)));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the task, or drops it on Ctrl-C and SIGTERM: whatever it owns ends with it.
async fn until_stopped(task: Task) -> anyhow::Result<()> {
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        result = perform(task) => result,
        _ = interrupted.recv() => Ok(()),
        _ = terminated.recv() => Ok(()),
    }
}

async fn perform(task: Task) -> anyhow::Result<()> {
    match task {
        Task::Run(run) => measure(run).await,
        Task::Native { stdio: true } => native::stdio().await,
        Task::Native { stdio: false } => native::http().await,
        Task::Upstream { certificate } => upstream::serve(&certificate).await,
        Task::Wall1 { bin, data, manifest, component } => {
            let text = std::fs::read_to_string(&manifest).context("the manifest cannot be read")?;
            wall1::serve(&bin, &data, &text, &component).await
        }
    }
}

async fn measure(run: Run) -> anyhow::Result<()> {
    let Run { bin, engine, image, component, requests, .. } = run;
    let setting = Setting { bin, engine, image, component, requests };
    let time = Duration::from_secs(run.seconds);
    let other = run
        .against_bin
        .zip(run.against_image)
        .zip(run.against_title)
        .map(|((bin, image), title)| against::Other { title, setting: Setting { bin, image, ..setting.clone() } });
    if let Some(other) = other {
        let report = plan::compare(&setting, &other, time).await?;
        return write(&report, &run.out, "against");
    }
    let amount = Amount {
        only: run.only,
        python: run.python,
        time,
        calls: 10_000,
        until: run.long.then_some(100_000),
        crowd: 64,
        idle: 100,
        governed: run.governed,
    };
    let report = plan::run(&setting, &amount, &run.peer).await?;
    write(&report, &run.out, "bench")
}

fn write(report: &Report, out: &Path, name: &str) -> anyhow::Result<()> {
    std::fs::create_dir_all(out).with_context(|| format!("{} cannot be made", out.display()))?;
    let (table, path) = (report.markdown(), out.join(name).with_extension("md"));
    std::fs::write(&path, &table)?;
    std::fs::write(path.with_extension("json"), serde_json::to_vec_pretty(report)?)?;
    println!("{table}");
    eprintln!("bench     written to {}", path.display());
    Ok(())
}
