//! `safeclaw manifest`: what is wrong with one, what it means for a tool, and which version is in force.

mod check;
pub(crate) mod versions;

use crate::manifests::{self, ManifestAt};
use crate::output::{self, Form};
use crate::rendered;
use manifest::ToolName;
use std::path::PathBuf;
use std::process::ExitCode;
use versions::{Apply, Rollback, Whose};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Read a manifest and show everything that is wrong with it; exit code 1 if anything is
    Check {
        /// The manifest: a directory of .toml files
        dir: PathBuf,
        #[command(flatten)]
        form: Form,
    },
    /// Show what one tool may do, the line each grant comes from, and its container's posture
    Explain {
        /// The tool
        #[arg(value_parser = tool)]
        tool: ToolName,
        #[command(flatten)]
        manifest: ManifestAt,
        #[command(flatten)]
        form: Form,
    },
    Apply(Apply),
    /// List the versions, newest first: the first line is in force
    History(Whose),
    /// Print the files of one version
    Show {
        /// Which version
        version: u64,
        #[command(flatten)]
        whose: Whose,
    },
    /// Tell in words what changes from one version to another
    Diff {
        /// From this version
        old: u64,
        /// To this version
        new: u64,
        #[command(flatten)]
        whose: Whose,
    },
    Rollback(Rollback),
}

pub(crate) async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Check { dir, form } => check::run(&dir, form),
        Command::Explain { tool, manifest, form } => explain(&tool, &manifest, form),
        Command::Apply(arguments) => versions::apply(arguments).await,
        Command::History(whose) => versions::history(whose).await,
        Command::Show { version, whose } => versions::show(version, whose).await,
        Command::Diff { old, new, whose } => versions::diff(old, new, whose).await,
        Command::Rollback(arguments) => versions::rollback(arguments).await,
    }
}

fn explain(tool: &ToolName, manifest: &ManifestAt, form: Form) -> anyhow::Result<ExitCode> {
    let read = manifests::read(&manifest.directory()?)?;
    let explanation = manifest::explain(&read, tool)?;
    let posture = rendered::posture(&read.manifest, &explanation.class, &manifest.mount_sources()?)?;
    if form.json {
        output::json(&serde_json::json!({ "tool": explanation, "container": posture }))?;
    } else {
        output::line(&format!("{explanation}\n  container\n{}", rendered::lines(&posture)))?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn tool(text: &str) -> Result<ToolName, String> {
    ToolName::try_from(text).map_err(|error| error.to_string())
}
