//! `safeclaw sessions`: who is at work, with which runners.

use crate::operator::OperatorAt;
use crate::output::{self, Form};
use ::hub::{SessionId, SessionView};
use ::manifest::Tier;
use std::process::ExitCode;

/// List the sessions of the running hub, end one, or let one go on.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// End this session: its calls are broken off, its runners killed
    #[arg(long, value_name = "ID")]
    end: Option<String>,
    #[command(flatten)]
    hub: OperatorAt,
    #[command(flatten)]
    form: Form,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Let a session go on that was paused, since it made identical calls with identical results in a row
    Resume(Resume),
}

#[derive(Debug, clap::Args)]
struct Resume {
    /// The session, as the list or the agent's refusal names it
    #[arg(value_name = "ID")]
    session: String,
    #[command(flatten)]
    hub: OperatorAt,
}

pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    if let Some(Command::Resume(Resume { session, hub })) = arguments.command {
        let tiers = hub.client()?.resume_session(&SessionId(session.clone())).await?;
        eprintln!("{session} goes on in tier {}", words(&tiers));
        return Ok(ExitCode::SUCCESS);
    }
    let hub = arguments.hub.client()?;
    if let Some(id) = arguments.end {
        hub.end_session(&SessionId(id.clone())).await?;
        eprintln!("ended {id}");
        return Ok(ExitCode::SUCCESS);
    }
    let sessions = hub.sessions().await?;
    if arguments.form.json {
        output::json(&sessions)?;
    } else {
        let heads = ["SESSION", "PRINCIPAL", "PROFILE", "AGE", "IDLE", "CALLS", "OPEN", "DENIED", "PAUSED", "RUNNERS"];
        output::line(&output::table(&heads, &sessions.iter().map(row).collect::<Vec<_>>()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn row(session: &SessionView) -> Vec<String> {
    let runners: Vec<String> = session.runners.iter().map(|runner| runner.class.to_string()).collect();
    vec![
        session.id.to_string(),
        session.principal.clone(),
        session.profile.to_string(),
        format!("{} s", session.age_s),
        format!("{} s", session.idle_s),
        session.calls.to_string(),
        session.open_calls.to_string(),
        session.denied.to_string(),
        if session.paused.is_empty() { "no".to_owned() } else { words(&session.paused) },
        if runners.is_empty() { "none".to_owned() } else { runners.join(" ") },
    ]
}

fn words(tiers: &[Tier]) -> String {
    tiers.iter().map(|tier| tier.as_str()).collect::<Vec<_>>().join(" ")
}
