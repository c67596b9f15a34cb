//! `safeclaw config`: what to paste into other programs.

use crate::data::Data;
use crate::output;
use serde_json::{Value, json};
use std::process::ExitCode;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Print the `mcpServers` entry that most MCP clients take
    Client {
        /// The hub's address, as `safeclaw hub` prints it; without one, the client starts `safeclaw mcp`
        #[arg(long, value_name = "URL")]
        url: Option<String>,
        /// The token; without one, a place holder is printed
        #[arg(long, value_name = "TOKEN")]
        token: Option<String>,
        #[command(flatten)]
        data: Data,
    },
}

pub(crate) fn run(command: Command) -> anyhow::Result<ExitCode> {
    let Command::Client { url, token, data } = command;
    let token = token.unwrap_or_else(|| "<token of `safeclaw token create`>".to_owned());
    let entry = match url {
        Some(url) => over_http(&url, &token),
        None => {
            let program = std::env::current_exe().map_or_else(|_| "safeclaw".into(), |path| path.display().to_string());
            over_stdio(&program, &data.directory()?.display().to_string(), &token)
        }
    };
    output::json(&json!({ "mcpServers": { "safeclaw": entry } }))?;
    Ok(ExitCode::SUCCESS)
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
    fn a_token_is_never_an_argument_since_others_can_list_those() {
        let entry = over_stdio("safeclaw", "/data", "sc_secret");
        assert!(!entry.pointer("/args").map(ToString::to_string).unwrap_or_default().contains("sc_secret"));
        assert_eq!(entry.pointer("/env/SAFECLAW_TOKEN"), Some(&json!("sc_secret")));
        assert_eq!(over_http("u", "t").pointer("/headers/Authorization"), Some(&json!("Bearer t")));
    }
}
