//! `safeclaw manifest`: everything that is wrong with one, and what it means for a tool.

use crate::manifests::{self, ManifestAt};
use crate::output::{self, Form};
use crate::rendered;
use manifest::ToolName;
use std::path::PathBuf;
use std::process::ExitCode;

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
}

pub(crate) fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Check { dir, form } => check(&dir, form),
        Command::Explain { tool, manifest, form } => {
            let read = manifests::read(&manifest.directory()?)?;
            let explanation = manifest::explain(&read, &tool)?;
            let posture = rendered::posture(&read.manifest, &explanation.class, &manifest.mount_sources()?)?;
            if form.json {
                output::json(&serde_json::json!({ "tool": explanation, "container": posture }))?;
            } else {
                output::line(&format!("{explanation}\n  container\n{}", rendered::lines(&posture)))?;
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn check(dir: &std::path::Path, form: Form) -> anyhow::Result<ExitCode> {
    let files = manifests::files(dir)?;
    let result = manifest::read(&files);
    let sound = result.is_ok();
    match result {
        Ok(read) if form.json => output::json(&serde_json::json!({
            "ok": true,
            "manifest": read.manifest.name,
            "digest": read.manifest.digest(),
            "warnings": read.warnings,
        }))?,
        Ok(read) => {
            read.warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
            let (tools, classes) = (read.manifest.tools.len(), read.manifest.placements().len());
            output::line(&format!("{}: sound; {tools} tools in {classes} classes of containers", read.manifest.name))?;
        }
        Err(diagnostics) if form.json => output::json(&serde_json::json!({ "ok": false, "errors": diagnostics }))?,
        Err(diagnostics) => eprintln!("{diagnostics}"),
    }
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

pub(crate) fn tool(text: &str) -> Result<ToolName, String> {
    ToolName::try_from(text).map_err(|error| error.to_string())
}
