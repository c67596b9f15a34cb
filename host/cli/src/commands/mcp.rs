//! `safeclaw mcp`: what an MCP client starts. Standard output carries the protocol and nothing else.

use crate::commands::token::profile;
use crate::started::{self, HubIs, Whom};
use ::hub::stdio;
use anyhow::Context;
use manifest::ProfileName;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio_util::sync::CancellationToken;

/// Speak MCP on standard input and output.
///
/// Without --solo this is a thin bridge to the running hub, and needs a token: in SAFECLAW_TOKEN, or in a
/// file. With --solo it is a hub for this one client; admin and critical tools do not exist there, since
/// there is nobody to approve them.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    hub: HubIs,
    /// A file with the token; a token is never an argument, since others can list those
    #[arg(long, value_name = "FILE", conflicts_with = "solo")]
    token_file: Option<PathBuf>,
    /// Start a hub in this process, for this client only
    #[arg(long)]
    solo: bool,
    /// With --solo: which tools the client may see, a profile of the manifest
    #[arg(long, value_name = "NAME", value_parser = profile, required_if_eq("solo", "true"))]
    profile: Option<ProfileName>,
}

pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    match (arguments.solo, &arguments.profile) {
        (true, Some(profile)) => solo(&arguments.hub, profile).await,
        (true, None) => anyhow::bail!("which profile? say --profile NAME"),
        (false, _) => bridge(&arguments).await,
    }
}

async fn solo(hub_is: &HubIs, profile: &ProfileName) -> anyhow::Result<ExitCode> {
    let hub = hub_is.start(Whom::OneAgent, 1).await?;
    let stop = CancellationToken::new();
    let served = match hub.local_caller("stdio", profile) {
        Ok(caller) => {
            let serving = stdio::serve_process(hub.clone(), caller, stop.clone());
            tokio::select! {
                ended = serving => ended.map_err(anyhow::Error::from),
                asked = started::asked_to_stop() => asked.map(drop),
            }
        }
        Err(unknown) => Err(unknown.into()),
    };
    stop.cancel();
    started::stop(&hub).await;
    served.map(|()| ExitCode::SUCCESS)
}

async fn bridge(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let token = token(arguments.token_file.as_ref())?;
    let socket = arguments.hub.data.directory()?.join("mcp.sock");
    let carried =
        tokio::task::spawn_blocking(move || stdio::bridge(&socket, &token, std::io::stdin(), std::io::stdout()));
    tokio::select! {
        ended = carried => ended.context("the bridge was lost")??,
        asked = started::asked_to_stop() => drop(asked?),
    }
    Ok(ExitCode::SUCCESS)
}

fn token(file: Option<&PathBuf>) -> anyhow::Result<String> {
    let text = match file {
        Some(file) => std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?,
        None => std::env::var("SAFECLAW_TOKEN").context(
            "a token is needed: set SAFECLAW_TOKEN, or say --token-file FILE; `safeclaw token create` makes one",
        )?,
    };
    Ok(text.trim().to_owned())
}
