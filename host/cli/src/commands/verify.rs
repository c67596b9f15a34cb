//! `safeclaw verify`: whether what is there is what was rendered. One line for each thing looked at.

mod check;
mod governing;
mod hub;
mod keys;
mod profile;
mod reading;
mod workflows;

use crate::output::{self, Form};
use crate::started::HubIs;
use check::{Check, State};
use std::path::PathBuf;
use std::process::ExitCode;

/// Compare what is there with what SafeClaw renders.
///
/// The hub's containers, setting by setting, as the container engine reports them; its image; the modes of its
/// files; a seccomp profile; what workflows start. Each line says ok, DIFFERS or UNKNOWN. Exit code 0 if all is
/// ok, 1 if anything differs, 2 if something could not be looked at.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Also compare what the workflows in this directory start
    #[arg(long, value_name = "DIR")]
    workflows: Option<PathBuf>,
    /// Also compare this seccomp profile with the one that is built in
    #[arg(long, value_name = "FILE")]
    profile: Option<PathBuf>,
    #[command(flatten)]
    hub: HubIs,
    #[command(flatten)]
    form: Form,
}

pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let checks: Vec<Check> = all(&arguments).await.into_iter().map(Check::cleaned).collect();
    let code = check::code(&checks);
    if arguments.form.json {
        let count = |state| checks.iter().filter(|check| check.state == state).count();
        output::json(&serde_json::json!({
            "ok": code == 0,
            "exit_code": code,
            "differs": count(State::Differs),
            "unknown": count(State::Unknown),
            "checks": checks,
        }))?;
    } else {
        checks.iter().try_for_each(|check| output::line(&check.to_string()))?;
    }
    Ok(ExitCode::from(code))
}

async fn all(arguments: &Arguments) -> Vec<Check> {
    let mut checks = Vec::new();
    match arguments.hub.data.directory() {
        Err(error) => checks.push(Check::unknown("data", format!("{error:#}"), "say --data DIR")),
        Ok(data) if data.is_dir() => {
            let data = hub::canonical(data);
            checks.extend(keys::check(&data));
            checks.extend(hub::check(arguments, &data).await);
        }
        Ok(data) => {
            let found = format!("there is no hub's data in {}", data.display());
            // Whoever asks about files alone has named no hub; whoever named one wants to hear of it.
            let files_alone = arguments.workflows.is_some() || arguments.profile.is_some();
            checks.push(if files_alone && !arguments.hub.data.is_said() {
                Check::ok("data", found + ", and so no container of it")
            } else {
                Check::unknown("data", found, "say --data DIR, or start `safeclaw hub`")
            });
        }
    }
    checks.push(profile::check(arguments.profile.as_deref()));
    if let Some(directory) = &arguments.workflows {
        let data = arguments.hub.data.directory();
        let recorded = data.and_then(|data| arguments.hub.image.id(&data)).ok();
        checks.extend(workflows::check(directory, recorded.as_ref()));
    }
    checks
}
