//! The demo: a hub with the shipped manifest, a real MCP client, every shipped tool, four attacks.
//! `cargo xtask demo` builds what it needs and starts it.
mod agent;
mod attacks;
mod boundaries;
mod governor;
mod ground;
mod overlay;
#[path = "../process.rs"]
mod process;
mod report;
mod times;
mod tour;

use agent::Agent;
use anyhow::Context;
use attacks::ATTACKS;
use boundaries::{Boundary, Wall};
use clap::Parser;
use governor::{Hub, Setting};
use ground::Ground;
use report::Report;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;
use times::Times;
use tokio::signal::unix::{SignalKind, signal};

/// The profile of the shipped manifest that sees reading and writing tools.
const PROFILE: &str = "developer";

/// Shows the two walls; started by `cargo xtask demo`.
#[derive(Debug, Parser)]
struct Arguments {
    /// This repository
    #[arg(long)]
    root: PathBuf,
    /// The directory of the built programs
    #[arg(long)]
    bin: PathBuf,
    /// The container engine
    #[arg(long)]
    engine: String,
    /// The runner image's id
    #[arg(long)]
    image: String,
    /// Directories of built components
    #[arg(long)]
    components: Vec<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Leave the hub running
    #[arg(long)]
    keep: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let result = runtime
        .context("the async runtime did not start")
        .and_then(|runtime| runtime.block_on(until_stopped(&arguments)));
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the demo, or drops it on Ctrl-C and SIGTERM: hub and files end with it.
async fn until_stopped(arguments: &Arguments) -> anyhow::Result<bool> {
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        result = demo(arguments) => result,
        _ = interrupted.recv() => Ok(arguments.keep),
        _ = terminated.recv() => Ok(arguments.keep),
    }
}

async fn demo(arguments: &Arguments) -> anyhow::Result<bool> {
    let ground = Ground::prepare(&arguments.root)?;
    let setting = |parked| Setting {
        bin: arguments.bin.clone(),
        engine: arguments.engine.clone(),
        image: arguments.image.clone(),
        parked,
    };
    say("starting a hub without parked runners, and registering the components");
    let cold = {
        let hub = Hub::start(&setting(0), &ground).await?;
        register(&hub, arguments).await?;
        say("timing cold sessions");
        times::sessions(&hub, PROFILE).await?
    };
    say("starting the hub again, with parked runners");
    let hub = Hub::start(&setting(2), &ground).await?;
    let (report, boundaries) = show(&hub, &ground, arguments, cold).await?;
    boundaries::write(&arguments.root, &boundaries)?;
    say(&format!("policy, attack, wall and time of each attempt are in {}", boundaries::FILE));
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        println!("{}", report.for_people());
    }
    if arguments.keep {
        keep(&hub).await?;
    }
    Ok(report.ok)
}

async fn show(
    hub: &Hub,
    ground: &Ground,
    arguments: &Arguments,
    cold: Vec<f64>,
) -> anyhow::Result<(Report, Vec<Boundary>)> {
    say("timing warm sessions");
    let warm = times::sessions(hub, PROFILE).await?;
    let token = hub.token(PROFILE).await?;
    let agent = Agent::connect(&hub.url, &token).await?;
    say("calling every shipped tool");
    let attack_tools: BTreeSet<String> = ATTACKS.iter().map(|attack| attack.tool.to_owned()).collect();
    let tools = tour::walk(&agent, &ground.workspace(), &attack_tools).await?;
    say("attacking");
    let attacks = attacks::run(&agent, hub).await?;
    let at_the_hub = boundaries::at_the_hub(&agent).await?;
    // After the attacks, in the very session that attacked: the runner answers as if nothing had happened.
    let calls = times::calls(&agent).await?;
    agent.leave().await;
    let posture = hub.posture("files_read", PROFILE).await?;
    let facts = |name: &str| -> Vec<(String, String)> {
        let list = posture.pointer(&format!("/inside/{name}")).cloned().unwrap_or(Value::Null);
        serde_json::from_value(list).unwrap_or_default()
    };
    let self_test = facts("self_test");
    let boundaries = boundaries::rows(&attacks, &self_test, at_the_hub);
    let mut report = Report {
        ok: false,
        url: hub.url.clone(),
        image: arguments.image.clone(),
        tools,
        attacks,
        posture: facts("facts"),
        self_test,
        lockdown: facts("lockdown"),
        times: Times {
            cold_session_ms: times::median(cold),
            warm_session_ms: times::median(warm),
            call_ms: times::median(calls),
        },
        boundaries: boundaries::FILE,
        failures: Vec::new(),
    };
    report.failures = failures(&report, &boundaries);
    report.ok = report.failures.is_empty();
    Ok((report, boundaries))
}

fn failures(report: &Report, boundaries: &[Boundary]) -> Vec<String> {
    let tools = report.tools.iter().filter(|shown| !shown.ok).map(|shown| format!("{}: {}", shown.tool, shown.result));
    let through =
        boundaries.iter().filter(|row| row.wall == Wall::None).map(|row| format!("{}: {}", row.attack, row.outcome));
    let lists = [("facts", &report.posture), ("self-test", &report.self_test), ("lockdown", &report.lockdown)];
    let empty =
        lists.into_iter().filter(|(_, list)| list.is_empty()).map(|(name, _)| format!("the runner reported no {name}"));
    tools.chain(through).chain(empty).collect()
}

/// Registers every component that ships and every one that attacks.
async fn register(hub: &Hub, arguments: &Arguments) -> anyhow::Result<()> {
    let mut names: Vec<&str> =
        ["files", "json", "time"].into_iter().chain(ATTACKS.iter().map(|a| a.component)).collect();
    names.dedup();
    for name in names {
        // Cargo names the file after the crate, where a hyphen is no letter.
        let file = format!("{}.wasm", name.replace('-', "_"));
        let path = arguments.components.iter().map(|dir| dir.join(&file)).find(|path| path.is_file());
        let path = path.with_context(|| format!("{file} was not built"))?;
        let registered = hub.add(name, &path).await?;
        let tools = registered.get("tools").and_then(Value::as_array).map_or(0, Vec::len);
        say(&format!("registered {name}: {tools} tools"));
    }
    Ok(())
}

async fn keep(hub: &Hub) -> anyhow::Result<()> {
    let token = hub.token(PROFILE).await?;
    eprintln!("The hub runs until you press Ctrl-C. For an MCP client, paste:\n");
    eprintln!("{}", hub.client_configuration(&token).await?);
    std::future::pending::<()>().await;
    Ok(())
}

fn say(what: &str) {
    eprintln!("demo      {what}");
}
