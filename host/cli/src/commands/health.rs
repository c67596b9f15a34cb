//! `safeclaw health`: how the running hub is, for people and for scripts that wait for it.

use crate::operator::OperatorAt;
use crate::output::{self, Form};
use std::process::ExitCode;

/// Ask the running hub how it is; exit code 1 when something is wrong.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    hub: OperatorAt,
    #[command(flatten)]
    form: Form,
}

pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let health = arguments.hub.client()?.health().await?;
    if arguments.form.json {
        output::json(&health)?;
    } else {
        let state = if health.draining {
            "stopping"
        } else if health.ok {
            "well"
        } else {
            "not well"
        };
        output::line(&format!("hub       {state}, wall 2: {}", health.wall2))?;
        let version = health.manifest_version.map(|version| format!(", version {version}")).unwrap_or_default();
        output::line(&format!("manifest  {}{version}, {}", health.manifest, health.manifest_digest))?;
        output::line(&format!(
            "serving   {} tools, {} sessions, {} runners, {} parked",
            health.tools, health.sessions, health.runners, health.parked
        ))?;
        let stopped = if health.panic { ", everything is stopped" } else { "" };
        output::line(&format!("epoch     {}{stopped}", health.epoch))?;
        health.problems.iter().try_for_each(|problem| output::line(&format!("problem   {problem}")))?;
        health.warnings.iter().try_for_each(|warning| output::line(&format!("warning   {warning}")))?;
    }
    Ok(if health.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
