//! `safeclaw hub`: every face of one hub, until it is asked to stop. The process that serves has no access to the
//! container engine: that has its launcher, which is started, or connected to, before anything else.

mod launcher;

use crate::logs::Logs;
use crate::output::{self, Form};
use crate::started::{self, HubIs, Whom};
use ::hub::confine::{self, Confined, Files, Reach};
use ::hub::traces::Collector;
use ::hub::{Hub, Wall2, http, operator, stdio};
use anyhow::Context;
use launcher::Connected;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::fs::DirBuilder;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tokio::net::UnixListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Run the hub until SIGTERM or Ctrl-C.
///
/// Agents reach it over MCP at the printed address with a token of `safeclaw token create`, or through
/// `safeclaw mcp`. It listens on this machine only.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    hub: HubIs,
    /// Where agents reach it; a loopback address
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7300")]
    listen: SocketAddr,
    /// Runners that wait for each class of containers; 0 starts each when it is needed
    #[arg(long, value_name = "COUNT", default_value_t = 2)]
    parked: usize,
    /// Send traces of calls to a collector, over OTLP/HTTP: http://HOST:4318 or https://HOST:4318
    #[arg(long, value_name = "URL", env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    otlp: Option<Collector>,
    #[command(flatten)]
    at: launcher::At,
    #[command(flatten)]
    form: Form,
}

/// Launcher first, since this process may start no program afterwards; then its rights; then everything else.
pub(crate) fn run(arguments: Arguments, logs: &Logs) -> anyhow::Result<ExitCode> {
    take_descriptors();
    let data = arguments.hub.data.directory()?;
    let image = arguments.hub.image.id(&data)?;
    // It has to be there to be within reach.
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&data)
        .with_context(|| format!("the data directory {} cannot be made", data.display()))?;
    let Connected { connection, child } = arguments.at.connect(&arguments.hub, &image, logs)?;
    let confined = confine::before_threads(&reach(&arguments, &data)?)?;
    if confined.files != Files::Limited {
        tracing::warn!(target: "safeclaw", "this kernel limits what files the hub can reach {}", match confined.files {
            Files::Partly => "only in part (its Landlock is old)",
            _ => "not at all (it has no Landlock)",
        });
    }
    let wall2 = Wall2::Launcher { connection: connection.into(), image };
    let code = crate::block_on(serve(arguments, data, wall2, confined));
    // With the last of the hub its connection is gone: the launcher ends what is left, and itself.
    launcher::wait(child);
    code
}

/// What the hub opens after its start: whoever takes it over has no more.
fn reach(arguments: &Arguments, data: &Path) -> anyhow::Result<Reach> {
    let hub = &arguments.hub;
    let manifest = hub.manifest.is_said().then(|| hub.manifest.directory()).transpose()?;
    // SQLite keeps two more files beside its own.
    let store = hub.store.location()?.and_then(|at| at.path().parent().map(Path::to_owned));
    Ok(Reach { read: manifest.into_iter().collect(), write: std::iter::once(data.to_owned()).chain(store).collect() })
}

async fn serve(arguments: Arguments, data: PathBuf, wall2: Wall2, confined: Confined) -> anyhow::Result<ExitCode> {
    // Awaited from here on, so that a signal during the start is not lost.
    let asked = tokio::spawn(started::asked_to_stop());
    // The address first: whoever has a wrong one should not wait for containers.
    let listener = http::bind(arguments.listen).await?;
    let url = listener.mcp_url();
    let hub = arguments.hub.start_with(Whom::Everybody, arguments.parked, wall2).await?;
    if let Some(collector) = &arguments.otlp {
        if collector.is_open() {
            tracing::warn!(target: "safeclaw", "traces go to another machine unencrypted: say https:// to --otlp");
        }
        hub.trace_to(collector)?;
    }
    let stop = CancellationToken::new();
    let doors = Doors::open(&data, listener).and_then(|doors| {
        let tried = confine::after_listening(confined)?;
        tracing::info!(target: "safeclaw", "the hub has given up its rights; it can no longer {}", tried.join(", "));
        Ok(doors)
    });
    let mut faces = match doors {
        Ok(doors) => doors.serve(&hub, &stop),
        Err(error) => {
            started::stop(&hub).await;
            return Err(error);
        }
    };
    say(&hub, &url, &data, arguments.form)?;
    let why = asked.await.context("the signals were lost")??;
    eprintln!("{why}: taking no new calls, ending the runners");
    stop.cancel();
    started::stop(&hub).await;
    while faces.join_next().await.is_some() {}
    Ok(ExitCode::SUCCESS)
}

/// Every listener, bound and not yet served.
struct Doors {
    http: http::HttpListener,
    agents: UnixListener,
    operators: UnixListener,
}

impl Doors {
    fn open(data: &Path, http: http::HttpListener) -> anyhow::Result<Self> {
        let agents = stdio::bind(&data.join("mcp.sock"))?;
        let operators = stdio::bind(&data.join("operator.sock"))?;
        Ok(Self { http, agents, operators })
    }

    fn serve(self, hub: &Hub, stop: &CancellationToken) -> JoinSet<()> {
        let mut faces = JoinSet::new();
        faces.spawn(http::serve(hub.clone(), self.http, stop.clone()));
        faces.spawn(stdio::serve_socket(hub.clone(), self.agents, stop.clone()));
        faces.spawn(operator::serve(hub.clone(), self.operators, stop.clone()));
        faces
    }
}

/// As many descriptors as this process may have: a runner takes three, a connection one, and most logins give 1 024.
fn take_descriptors() {
    let now = getrlimit(Resource::Nofile);
    // Where that is refused there are as many as before, and what needs one more is told so.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: now.maximum, ..now });
}

fn say(hub: &Hub, url: &str, data: &Path, form: Form) -> anyhow::Result<()> {
    let health = hub.health();
    if form.json {
        let ready = serde_json::json!({ "mcp": url, "data": data, "manifest": health.manifest,
            "version": health.manifest_version, "tools": health.tools });
        return output::line(&ready.to_string());
    }
    output::line(&format!("mcp       {url}"))?;
    output::line(&format!("data      {}", data.display()))?;
    let version = health.manifest_version.map(|version| format!(", version {version}")).unwrap_or_default();
    output::line(&format!("manifest  {}{version} ({} tools can be called)", health.manifest, health.tools))?;
    health.problems.iter().for_each(|problem| eprintln!("warning: {problem}"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hub_takes_all_the_descriptors_that_it_may_have() {
        take_descriptors();
        let now = getrlimit(Resource::Nofile);
        assert!(now.maximum.is_none() || now.current == now.maximum, "{now:?}");
    }
}
