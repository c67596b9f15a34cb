//! `safeclaw hub`: every face of one hub, until it is asked to stop.

use crate::output::{self, Form};
use crate::started::{self, HubIs, Whom};
use ::hub::identity::Config;
use ::hub::{Hub, http, operator, stdio};
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
    /// Which identity providers' tokens are taken besides this hub's own: a TOML file, see docs/identity.md
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
    #[command(flatten)]
    form: Form,
}

pub(crate) async fn run(mut arguments: Arguments) -> anyhow::Result<ExitCode> {
    // Awaited from here on, so that a signal during the start is not lost.
    let asked = tokio::spawn(started::asked_to_stop());
    take_descriptors();
    // The address first: whoever has a wrong one should not wait for containers.
    let listener = http::bind(arguments.listen).await?;
    let url = listener.mcp_url();
    arguments.hub.identity = identity(arguments.identity.as_deref(), &url)?;
    let hub = arguments.hub.start(Whom::Everybody, arguments.parked).await?;
    let data = arguments.hub.data.directory()?;
    let stop = CancellationToken::new();
    let served = serve(&hub, &data, listener, &stop);
    let mut faces = match served {
        Ok(faces) => faces,
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

fn serve(
    hub: &Hub,
    data: &Path,
    listener: http::HttpListener,
    stop: &CancellationToken,
) -> anyhow::Result<JoinSet<()>> {
    let agents = stdio::bind(&data.join("mcp.sock"))?;
    let operators = stdio::bind(&data.join("operator.sock"))?;
    let mut faces = JoinSet::new();
    faces.spawn(http::serve(hub.clone(), listener, stop.clone()));
    faces.spawn(stdio::serve_socket(hub.clone(), agents, stop.clone()));
    faces.spawn(operator::serve(hub.clone(), operators, stop.clone()));
    Ok(faces)
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
