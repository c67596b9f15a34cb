//! `safeclaw doctor`: five checks, each failure with its remedy.

mod files;
mod finding;
mod machine;
mod session;
mod wall2;

use crate::output::{self, Form};
use crate::started::HubIs;
use finding::{Finding, State};
use std::process::ExitCode;

/// Check this machine in five steps.
///
/// The platform; the container engine; the runner image; the manifest and its mounts; the data directory
/// with, when all else is well, a runner started behind both walls. Exit code 1 if a check failed.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    hub: HubIs,
    #[command(flatten)]
    form: Form,
}

pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { hub, form } = arguments;
    let (engine, image) = wall2::check(&hub).await;
    let mut findings = vec![machine::check(), engine, image, files::manifest(&hub), files::data(&hub)];
    let well = findings.iter().all(|finding| finding.state != State::Failed);
    if let (true, Some(data)) = (well, findings.last_mut()) {
        match session::start(&hub).await {
            Ok(said) => data.notes.push(said),
            Err(error) => {
                *data = Finding::failed("data", format!("{error:#}"), "see above; `safeclaw hub --log debug` says more")
            }
        }
    }
    if form.json {
        output::json(&findings)?;
    } else {
        for finding in &findings {
            output::line(&finding.to_string())?;
        }
        output::line(summary(&findings))?;
    }
    let failed = findings.iter().any(|finding| finding.state == State::Failed);
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// What a newcomer wants to know first.
fn summary(findings: &[Finding]) -> &'static str {
    let any = |state| findings.iter().any(|finding| finding.state == state);
    if any(State::Failed) {
        "Something FAILED: do what the first remedy says, then ask again."
    } else if any(State::Warning) {
        "It works; a warning says what could be better."
    } else {
        "All is well."
    }
}
