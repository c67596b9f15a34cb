//! `safeclaw hub`: every face of one hub, until it is asked to stop. The process that serves has no access to the
//! container engine: that has its launcher, which is started, or connected to, before anything else.

mod launcher;

use crate::listeners::{self, Listeners};
use crate::logs::Logs;
use crate::output::{self, Form};
use crate::secret;
use crate::started::{self, HubIs, Whom};
use ::egress::Declared;
use ::hub::confine::{self, Confined, Files, Reach};
use ::hub::identity::Config;
use ::hub::service::Secret;
use ::hub::traces::Collector;
use ::hub::{HeadCopies, Hub, Wall2, operator, stdio};
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
/// `safeclaw mcp`. It listens on this machine only, unless it is given a certificate, or the address of a proxy
/// that has one.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    hub: HubIs,
    /// Where agents reach it; a loopback address, unless there is TLS
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7300")]
    listen: SocketAddr,
    /// Runners that wait for each class of containers; 0 starts each when it is needed
    #[arg(long, value_name = "COUNT", default_value_t = 2)]
    parked: usize,
    /// Which identity providers' tokens are taken besides this hub's own: a TOML file, see docs/identity.md
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
    /// What the hub may reach for tools, and the credentials that it adds: a TOML file, see docs/credentials.md
    #[arg(long, value_name = "FILE")]
    egress: Option<PathBuf>,
    /// Copy each signed head of the audit log to a second place as well: file:PATH, stdout or command:PROGRAM
    #[arg(long, value_name = "PLACE")]
    audit_heads: Option<HeadCopies>,
    /// Send traces of calls to a collector, over OTLP/HTTP: http://HOST:4318 or https://HOST:4318
    #[arg(long, value_name = "URL", env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    otlp: Option<Collector>,
    #[command(flatten)]
    at: launcher::At,
    #[command(flatten)]
    listeners: Listeners,
    #[command(flatten)]
    form: Form,
}

impl Arguments {
    /// Variables of the environment that have a secret in them.
    pub(crate) fn variables(&self) -> anyhow::Result<Vec<String>> {
        let Some(path) = &self.egress else { return Ok(Vec::new()) };
        Ok(::egress::config::Config::read(path)?.variables().into_iter().map(str::to_owned).collect())
    }
}

/// Launcher first, since this process may start no program afterwards; then its rights; then everything else.
pub(crate) fn run(mut arguments: Arguments, logs: &Logs) -> anyhow::Result<ExitCode> {
    // While there is one thread, any file may be opened, and programs can be started: credentials come from these.
    let handed = secret::read()?;
    let secret = arguments.listeners.secret(handed.secret)?;
    let declared = |path: &Path| Declared::read(path, &handed.environment);
    arguments.hub.egress = arguments.egress.as_deref().map(declared).transpose()?.unwrap_or_default();
    // A program among them has to be started while programs can be.
    let opened = |place: HeadCopies| {
        let what = format!("{place:?}");
        place.opened().with_context(|| format!("heads of the audit log cannot be copied to {what}"))
    };
    arguments.hub.audit_heads = arguments.audit_heads.take().map(opened).transpose()?;
    arguments.hub.identity = arguments.identity.as_deref().map(Config::read).transpose()?.unwrap_or_default();
    take_descriptors();
    let data = arguments.hub.data.directory()?;
    let image = arguments.hub.image.id(&data)?;
    // It has to be there to be within reach.
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&data)
        .with_context(|| format!("the data directory {} cannot be made", data.display()))?;
    let reach = reach(&arguments, &data)?;
    arguments.at.outside(&reach.write, &data)?;
    let Connected { connection, child } = arguments.at.connect(&arguments.hub, &image, logs)?;
    let confined = confine::before_threads(&reach)?;
    if confined.files != Files::Limited {
        tracing::warn!(target: "safeclaw", "this kernel limits what files the hub can reach {}", match confined.files {
            Files::Partly => "only in part (its Landlock is old)",
            _ => "not at all (it has no Landlock)",
        });
    }
    let wall2 = Wall2::Launcher { connection: connection.into(), image };
    let code = crate::block_on(serve(arguments, data, wall2, confined, secret));
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
    let write = std::iter::once(data.to_owned()).chain(store).chain(arguments.listeners.writes()).collect();
    let read = manifest
        .into_iter()
        .chain(arguments.listeners.reads())
        .chain(hub.identity.reads())
        .chain(secret::file())
        .chain(hub.egress.config.reads());
    Ok(Reach { read: read.collect(), write })
}

async fn serve(
    mut arguments: Arguments,
    data: PathBuf,
    wall2: Wall2,
    confined: Confined,
    secret: Option<Secret>,
) -> anyhow::Result<ExitCode> {
    // Awaited from here on, so that a signal during the start is not lost.
    let asked = tokio::spawn(started::asked_to_stop());
    // The address first: whoever has a wrong one should not wait for containers.
    let doors = arguments.listeners.open(arguments.listen, secret).await?;
    let said = doors.said();
    // On plain loopback it has three names; elsewhere the one that everybody uses is what tokens are for.
    if let Some((_, url)) = said.first().filter(|(_, url)| url.starts_with("https://")) {
        arguments.hub.identity = std::mem::take(&mut arguments.hub.identity).or_resource(url);
    }
    let hub = arguments.hub.start_with(Whom::Everybody, arguments.parked, wall2).await?;
    if let Some(collector) = &arguments.otlp {
        if collector.is_open() {
            tracing::warn!(target: "safeclaw", "traces go to another machine unencrypted: say https:// to --otlp");
        }
        hub.trace_to(collector)?;
    }
    let stop = CancellationToken::new();
    let faces = Sockets::bind(&data).and_then(|sockets| {
        let tried = confine::after_listening(confined)?;
        tracing::info!(target: "safeclaw", "the hub has given up its rights; it can no longer {}", tried.join(", "));
        sockets.serve(&hub, doors, &stop)
    });
    let mut faces = match faces {
        Ok(faces) => faces,
        Err(error) => {
            started::stop(&hub).await;
            return Err(error);
        }
    };
    say(&hub, &said, &data, arguments.form)?;
    let why = asked.await.context("the signals were lost")??;
    eprintln!("{why}: taking no new calls, ending the runners");
    stop.cancel();
    started::stop(&hub).await;
    while faces.join_next().await.is_some() {}
    Ok(ExitCode::SUCCESS)
}

/// The sockets of the data directory, bound and not yet served.
struct Sockets {
    agents: UnixListener,
    operators: UnixListener,
}

impl Sockets {
    fn bind(data: &Path) -> anyhow::Result<Self> {
        let agents = stdio::bind(&data.join("mcp.sock"))?;
        let operators = stdio::bind(&data.join("operator.sock"))?;
        Ok(Self { agents, operators })
    }

    /// Serves them and every other door.
    fn serve(self, hub: &Hub, doors: listeners::Doors, stop: &CancellationToken) -> anyhow::Result<JoinSet<()>> {
        let mut faces = JoinSet::new();
        doors.serve(hub, stop, &mut faces)?;
        faces.spawn(stdio::serve_socket(hub.clone(), self.agents, stop.clone()));
        faces.spawn(operator::serve(hub.clone(), self.operators, stop.clone()));
        Ok(faces)
    }
}

/// As many descriptors as this process may have: a runner takes three, a connection one, and most logins give 1 024.
fn take_descriptors() {
    let now = getrlimit(Resource::Nofile);
    // Where that is refused there are as many as before, and what needs one more is told so.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: now.maximum, ..now });
}

fn say(hub: &Hub, doors: &[(&str, String)], data: &Path, form: Form) -> anyhow::Result<()> {
    let health = hub.health();
    if form.json {
        let mut ready = serde_json::json!({ "data": data, "manifest": health.manifest,
            "version": health.manifest_version, "tools": health.tools });
        if let Some(ready) = ready.as_object_mut() {
            ready.extend(doors.iter().map(|(name, place)| ((*name).to_owned(), place.as_str().into())));
        }
        return output::line(&ready.to_string());
    }
    doors.iter().try_for_each(|(name, place)| output::line(&format!("{name:<10}{place}")))?;
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
