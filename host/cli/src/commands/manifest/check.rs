//! `safeclaw manifest check`: everything that is wrong with one.

use crate::manifests;
use crate::output::{self, Form};
use std::path::Path;
use std::process::ExitCode;

pub(super) fn run(dir: &Path, form: Form) -> anyhow::Result<ExitCode> {
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
