//! `safeclaw hub`: every face of one hub, until it is asked to stop.

use crate::listeners::{Doors, Listeners};
use crate::output::{self, Form};
use crate::started::{self, HubIs, Whom};
use ::hub::identity::Config;
use ::hub::{Hub, operator, stdio};
use anyhow::Context;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
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
    #[command(flatten)]
    listeners: Listeners,
    #[command(flatten)]
    form: Form,
}

pub(crate) async fn run(mut arguments: Arguments) -> anyhow::Result<ExitCode> {
    // Awaited from here on, so that a signal during the start is not lost.
    let asked = tokio::spawn(started::asked_to_stop());
    take_descriptors();
    // The address first: whoever has a wrong one should not wait for containers.
    let doors = arguments.listeners.open(arguments.listen).await?;
    let said = doors.said();
    let url = said.first().map(|(_, url)| url.as_str()).unwrap_or_default();
    arguments.hub.identity = identity(arguments.identity.as_deref(), url)?;
    let hub = arguments.hub.start(Whom::Everybody, arguments.parked).await?;
    let data = arguments.hub.data.directory()?;
    let stop = CancellationToken::new();
    let served = serve(&hub, &data, doors, &stop);
    let mut faces = match served {
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

/// Whose tokens are taken. Where the file does not name the resource, and this hub has one name for everybody, that is
/// it; on plain loopback it has three.
fn identity(file: Option<&Path>, url: &str) -> anyhow::Result<Config> {
    let config = file.map(Config::read).transpose()?.unwrap_or_default();
    Ok(if url.starts_with("https://") { config.or_resource(url) } else { config })
}

/// As many descriptors as this process may have: a runner takes three, a connection one, and most logins give 1 024.
fn take_descriptors() {
    let now = getrlimit(Resource::Nofile);
    // Where that is refused there are as many as before, and what needs one more is told so.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: now.maximum, ..now });
}

fn serve(hub: &Hub, data: &Path, doors: Doors, stop: &CancellationToken) -> anyhow::Result<JoinSet<()>> {
    let agents = stdio::bind(&data.join("mcp.sock"))?;
    let operators = stdio::bind(&data.join("operator.sock"))?;
    let mut faces = JoinSet::new();
    doors.serve(hub, stop, &mut faces)?;
    faces.spawn(stdio::serve_socket(hub.clone(), agents, stop.clone()));
    faces.spawn(operator::serve(hub.clone(), operators, stop.clone()));
    Ok(faces)
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
