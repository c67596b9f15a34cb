//! `safeclaw config`: what to paste into other programs.

mod services;
mod settings;

use crate::data::Data;
use crate::output;
use serde_json::{Value, json};
use settings::{Said, Settings};
use std::process::ExitCode;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Print the `mcpServers` entry that most MCP clients take
    Client {
        /// The hub's address, as `safeclaw hub` prints it; without one, the client starts `safeclaw mcp`
        #[arg(long, value_name = "URL", env = "SAFECLAW_GOVERNOR_URL")]
        url: Option<String>,
        /// The token; without one, a place holder is printed
        #[arg(long, value_name = "TOKEN")]
        token: Option<String>,
        #[command(flatten)]
        data: Data,
    },
    /// Print hub and launcher as two hardened containers: runner-image/compose.yml, or with values what starts them
    ///
    /// The compose file takes its values from `.env`, the other formats from options; docs/images.md tells the whole
    /// way.
    Compose {
        /// In whose words
        #[arg(long, value_enum, default_value = "compose")]
        format: Format,
        #[command(flatten)]
        said: Said,
    },
}

/// Whose words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// A compose file
    Compose,
    /// Commands for a shell
    Docker,
    /// Bodies for the container engine's API, by name
    Engine,
}

pub(crate) fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Client { url, token, data } => client(url, token, &data),
        Command::Compose { format, said } => {
            match format {
                Format::Compose => {
                    anyhow::ensure!(said.nothing(), "a compose file takes its values from .env: give no options");
                    output::line(services::compose(&Settings::variables()).trim_end())?;
                }
                Format::Docker => output::line(services::docker(&said.settings()?).trim_end())?,
                Format::Engine => output::json(&services::engine(&said.settings()?))?,
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn client(url: Option<String>, token: Option<String>, data: &Data) -> anyhow::Result<ExitCode> {
    let token = token.unwrap_or_else(|| "<token of `safeclaw token create`>".to_owned());
    // Set and empty is what a compose file makes of a variable that nobody gave.
    let entry = match url.filter(|url| !url.is_empty()) {
        Some(url) => over_http(&endpoint(&url), &token),
        None => {
            let program = std::env::current_exe().map_or_else(|_| "safeclaw".into(), |path| path.display().to_string());
            over_stdio(&program, &data.directory()?.display().to_string(), &token)
        }
    };
    output::json(&json!({ "mcpServers": { "safeclaw": entry } }))?;
    Ok(ExitCode::SUCCESS)
}

/// `SAFECLAW_GOVERNOR_URL` is where the hub is, and its MCP face is one path of it.
fn endpoint(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    match rest.trim_end_matches('/').contains('/') {
        true => url.to_owned(),
        false => format!("{}/mcp", url.trim_end_matches('/')),
    }
}

fn over_http(url: &str, token: &str) -> Value {
    json!({ "type": "http", "url": url, "headers": { "Authorization": format!("Bearer {token}") } })
}

fn over_stdio(program: &str, data: &str, token: &str) -> Value {
    json!({ "command": program, "args": ["mcp", "--data", data], "env": { "SAFECLAW_TOKEN": token } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_a_hub_is_completed_to_its_mcp_face() {
        for (said, wanted) in [
            ("https://hub.example:7300", "https://hub.example:7300/mcp"),
            ("https://hub.example/", "https://hub.example/mcp"),
            ("https://hub.example/mcp", "https://hub.example/mcp"),
            ("https://proxy.example/safeclaw/mcp", "https://proxy.example/safeclaw/mcp"),
        ] {
            assert_eq!(endpoint(said), wanted, "{said}");
        }
    }

    #[test]
    fn a_token_is_never_an_argument_since_others_can_list_those() {
        let entry = over_stdio("safeclaw", "/data", "sc_secret");
        assert!(!entry.pointer("/args").map(ToString::to_string).unwrap_or_default().contains("sc_secret"));
        assert_eq!(entry.pointer("/env/SAFECLAW_TOKEN"), Some(&json!("sc_secret")));
        assert_eq!(over_http("u", "t").pointer("/headers/Authorization"), Some(&json!("Bearer t")));
    }
}
