//! `safeclaw posture`: one container, from outside and from inside.

use crate::commands::{manifest::tool, token::profile};
use crate::data::Data;
use crate::output::{self, Form};
use crate::rendered;
use ::hub::operator::Client;
use manifest::{ProfileName, ToolName};
use std::process::ExitCode;

/// Show the container that serves a tool.
///
/// As its runner read it from inside before it locked itself down, and as the hub asked the engine for it.
/// A runner is taken for it, as a call would.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The tool
    #[arg(value_parser = tool)]
    tool: ToolName,
    /// A profile that has the tool
    #[arg(long, value_name = "NAME", value_parser = profile)]
    profile: ProfileName,
    #[command(flatten)]
    data: Data,
    #[command(flatten)]
    form: Form,
}

pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let hub = Client::new(arguments.data.directory()?.join("operator.sock"));
    let view = hub.posture(&arguments.profile, &arguments.tool).await?;
    if arguments.form.json {
        output::json(&view)?;
        return Ok(ExitCode::SUCCESS);
    }
    let inside = [
        ("read from inside", &view.inside.facts),
        ("tried from inside, and refused", &view.inside.self_test),
        ("locked down by the runner itself", &view.inside.lockdown),
    ];
    for (head, facts) in inside {
        output::line(head)?;
        for (name, value) in facts {
            output::line(&format!("    {name:<34}{value}"))?;
        }
    }
    output::line("asked for")?;
    output::line(&rendered::lines(&view.rendered))?;
    Ok(ExitCode::SUCCESS)
}
