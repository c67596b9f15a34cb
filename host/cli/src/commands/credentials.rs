//! `safeclaw credentials`: what the hub adds to requests, and how another value gets there without a restart.
//!
//! A hub that serves opens files, and has given up programs and keyrings. What comes from these is read here, as the
//! operator, by what the operator's own file says: never by what a hub answers, since whoever has taken a hub over
//! would choose the program.

use crate::operator::OperatorAt;
use crate::output::{self, Form};
use ::egress::config::{Config, Environment};
use ::egress::credentials::{CredentialView, MAX_VALUE_BYTES, ReadBy, Value};
use ::hub::operator::Client;
use anyhow::Context;
use manifest::CredentialName;
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List them: where each may go, since when its value is in force, how often it was used; never a value
    List {
        #[command(flatten)]
        hub: OperatorAt,
        #[command(flatten)]
        form: Form,
    },
    /// Read sources again: files by the hub, commands and keyrings by this command; variables not at all
    Reload {
        /// Which; without one, all that can be read again
        #[arg(value_name = "NAME", value_parser = name)]
        name: Option<CredentialName>,
        /// The file that the hub was started with, for commands and keyrings
        #[arg(long, value_name = "FILE")]
        egress: Option<PathBuf>,
        #[command(flatten)]
        hub: OperatorAt,
    },
    /// Put the value that is on standard input in force, wherever the credential came from
    Set {
        /// Which
        #[arg(value_name = "NAME", value_parser = name)]
        name: CredentialName,
        #[command(flatten)]
        hub: OperatorAt,
    },
}

fn name(text: &str) -> Result<CredentialName, String> {
    CredentialName::try_from(text).map_err(|error| error.to_string())
}

pub(crate) async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::List { hub, form } => {
            list(&hub.client()?.credentials().await?, form)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Reload { name, egress, hub } => reload(&hub.client()?, name.as_ref(), egress.as_deref()).await,
        Command::Set { name, hub } => {
            hub.client()?.set_credential(&name, &given()?).await?;
            eprintln!("{name}: another value is in force");
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// One that cannot be read again keeps no other from it.
async fn reload(hub: &Client, name: Option<&CredentialName>, egress: Option<&Path>) -> anyhow::Result<ExitCode> {
    let config = egress.map(Config::read).transpose()?;
    let mut wanted = hub.credentials().await?;
    if let Some(name) = name {
        wanted.retain(|one| one.name == *name);
        anyhow::ensure!(!wanted.is_empty(), "the hub has no credential `{name}`; see `safeclaw credentials list`");
    }
    let mut code = ExitCode::SUCCESS;
    for one in &wanted {
        if one.read_by == ReadBy::Nobody && name.is_none() {
            eprintln!("{}: from a variable, which is not read again; `safeclaw credentials set {0}`", one.name);
            continue;
        }
        match again(hub, one, config.as_ref()).await {
            Ok(()) => eprintln!("{}: another value is in force", one.name),
            Err(error) => {
                eprintln!("{}: {error:#}", one.name);
                code = ExitCode::FAILURE;
            }
        }
    }
    Ok(code)
}

async fn again(hub: &Client, one: &CredentialView, config: Option<&Config>) -> anyhow::Result<()> {
    let name = &one.name;
    if one.read_by == ReadBy::Hub {
        return Ok(hub.reload_credential(name).await?);
    }
    anyhow::ensure!(
        one.read_by == ReadBy::Operator,
        "it is from a variable, which is not read again; pipe its value into `safeclaw credentials set {name}`"
    );
    let config = config.with_context(|| {
        format!("its source is a {}, which is read here: say --egress FILE, or pipe its value into `set`", one.source)
    })?;
    let rule = config.credentials().get(name).context("the --egress file does not declare it")?;
    anyhow::ensure!(
        rule.source.read_by() == ReadBy::Operator,
        "the --egress file names another source: restart the hub"
    );
    let source = rule.source.clone();
    let value = tokio::task::spawn_blocking(move || source.read(&Environment::default())).await??;
    Ok(hub.set_credential(name, &value).await?)
}

/// From standard input, which shows nothing and is in no list of processes.
fn given() -> anyhow::Result<Value> {
    let input = std::io::stdin();
    anyhow::ensure!(
        !input.is_terminal(),
        "the value is read from standard input, where a terminal would show it: pipe it"
    );
    let mut bytes = Vec::with_capacity(MAX_VALUE_BYTES + 4);
    input.take(MAX_VALUE_BYTES as u64 + 3).read_to_end(&mut bytes).context("standard input cannot be read")?;
    let value = Value::copied(&bytes);
    bytes.fill(0);
    Ok(value?)
}

fn list(credentials: &[CredentialView], form: Form) -> anyhow::Result<()> {
    if form.json {
        return output::json(&credentials);
    }
    let heads = [
        "CREDENTIAL",
        "SOURCE",
        "READ AGAIN BY",
        "HOSTS",
        "METHODS",
        "PATHS",
        "TIERS",
        "HEADER",
        "IF IT COMES BACK",
        "LOADED",
        "USED",
    ];
    output::line(&output::table(&heads, &credentials.iter().map(row).collect::<Vec<_>>()))
}

fn row(one: &CredentialView) -> Vec<String> {
    let joined = |words: Vec<String>| words.join(" ");
    let by = match one.read_by {
        ReadBy::Hub => "hub",
        ReadBy::Operator => "operator",
        ReadBy::Nobody => "nobody",
    };
    let ports = one.ports.iter().map(|port| format!(":{port}"));
    let plain = one.plain.then(|| "(http too)".to_owned());
    let leaks = match one.leaks {
        ::egress::leaks::OnLeak::Block => "block",
        ::egress::leaks::OnLeak::Remove => "remove",
    };
    vec![
        one.name.to_string(),
        one.source.clone(),
        by.to_owned(),
        joined(one.hosts.iter().map(ToString::to_string).chain(ports).chain(plain).collect()),
        joined(one.methods.iter().map(ToString::to_string).collect()),
        joined(one.paths.iter().map(ToString::to_string).collect()),
        joined(one.tiers.iter().map(ToString::to_string).collect()),
        one.header.clone(),
        leaks.to_owned(),
        one.loaded.to_string(),
        one.uses.to_string(),
    ]
}
