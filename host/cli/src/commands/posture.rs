//! `safeclaw posture`: one container, from outside and from inside; or printed for those who start containers
//! by something else.

mod printed;

use crate::commands::{manifest::tool, token::profile};
use crate::engine::ImageIs;
use crate::manifests::ManifestAt;
use crate::operator::OperatorAt;
use crate::output::{self, Form};
use crate::rendered;
use anyhow::Context;
use manifest::{ProfileName, ToolName};
use std::process::ExitCode;

/// Show the container that serves a tool, or print it for those who start containers otherwise.
///
/// With --profile: as its runner read it from inside before it locked itself down, and as the running hub
/// asked the engine for it. A runner is taken for it, as a call would.
///
/// With --format: as a command line, a compose file or a step of a workflow that starts such a container; for
/// a tool of a manifest, or for a tier without mounts. `--format seccomp` prints the profile that these name.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The tool
    #[arg(value_parser = tool, required_unless_present = "format")]
    tool: Option<ToolName>,
    /// A profile that has the tool
    #[arg(long, value_name = "NAME", value_parser = profile, required_unless_present = "format")]
    profile: Option<ProfileName>,
    /// Print it for another program, and ask no hub
    #[arg(long, value_enum, conflicts_with_all = ["profile", "json"])]
    format: Option<printed::Format>,
    /// With --format: a tier, in place of a tool
    #[arg(long, value_enum, requires = "format", conflicts_with = "tool")]
    tier: Option<printed::TierWord>,
    /// With --tier: the container's size
    #[arg(long, value_enum, requires = "tier", default_value = "small")]
    size: printed::SizeWord,
    /// With --format: where the seccomp profile lies for whoever starts it
    #[arg(long, value_name = "FILE", requires = "format", default_value = "safeclaw-seccomp.json")]
    seccomp: String,
    #[command(flatten)]
    manifest: ManifestAt,
    #[command(flatten)]
    image: ImageIs,
    #[command(flatten)]
    hub: OperatorAt,
    #[command(flatten)]
    form: Form,
}

pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    if let Some(format) = arguments.format {
        output::line(printed::text(format, &arguments)?.trim_end_matches('\n'))?;
        return Ok(ExitCode::SUCCESS);
    }
    let tool = arguments.tool.context("which tool?")?;
    let profile = arguments.profile.context("which profile? say --profile NAME")?;
    let hub = arguments.hub.client()?;
    let view = hub.posture(&profile, &tool).await?;
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
