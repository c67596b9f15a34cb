//! `safeclaw sessions`: who is at work, with which runners.

use crate::operator::OperatorAt;
use crate::output::{self, Form};
use ::hub::{SessionId, SessionView};
use std::process::ExitCode;

/// List the sessions of the running hub, or end one.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// End this session: its calls are broken off, its runners killed
    #[arg(long, value_name = "ID")]
    end: Option<String>,
    #[command(flatten)]
    hub: OperatorAt,
    #[command(flatten)]
    form: Form,
}

pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
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
        let heads = ["SESSION", "PRINCIPAL", "PROFILE", "AGE", "IDLE", "CALLS", "OPEN", "DENIED", "RUNNERS"];
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
        if runners.is_empty() { "none".to_owned() } else { runners.join(" ") },
    ]
}
