//! `safeclaw revoke-all` and `safeclaw resume`: the red button, and what ends a stop.

use crate::operator::OperatorAt;
use crate::output::{self, Form};
use ::hub::button::{Press, Revoked, press_without_hub};
use ::hub::operator::ClientError;
use std::process::ExitCode;

/// Take back at once whatever a person has allowed.
///
/// Every lease and every approval that waits is void, every call of an admin or critical tool ends as denied, and the
/// runners of such calls are killed. It is never refused: what could not be done or recorded is said, and exit code 1
/// says that something is left to look at. What a call has already done in the world is done.
#[derive(Debug, clap::Args)]
pub(crate) struct RevokeAll {
    /// End every session as well; a token that should not come back is revoked apart
    #[arg(long)]
    sessions: bool,
    /// Call no tool of any tier any more, not even after a restart, until `safeclaw resume`
    #[arg(long)]
    panic: bool,
    #[command(flatten)]
    hub: OperatorAt,
    #[command(flatten)]
    form: Form,
}

/// Let tools be called again after `revoke-all --panic`. What was taken back stays so.
#[derive(Debug, clap::Args)]
pub(crate) struct Resume {
    #[command(flatten)]
    hub: OperatorAt,
    #[command(flatten)]
    form: Form,
}

pub(crate) async fn revoke_all(arguments: RevokeAll) -> anyhow::Result<ExitCode> {
    let press = Press { sessions: arguments.sessions, panic: arguments.panic };
    let revoked = match arguments.hub.client()?.revoke_all(press).await {
        // Nothing runs, and what was issued must not be good when a hub starts again.
        Err(ClientError::NoHub { .. }) if has_been(&arguments)? => return without_hub(&arguments, press).await,
        answer => answer?,
    };
    if arguments.form.json {
        output::json(&revoked)?;
    } else {
        told(&revoked)?;
    }
    Ok(if revoked.undone.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Whether a hub has ever run in this data directory: elsewhere nothing was issued.
fn has_been(arguments: &RevokeAll) -> anyhow::Result<bool> {
    Ok(arguments.hub.data.directory()?.join("hub.id").exists())
}

async fn without_hub(arguments: &RevokeAll, press: Press) -> anyhow::Result<ExitCode> {
    let data = arguments.hub.data.directory()?;
    let epoch = press_without_hub(&data, press, "a command, while no hub ran").await?;
    if arguments.form.json {
        let nothing = Revoked::of_nothing(epoch, press);
        output::json(&nothing)?;
    } else {
        output::line(&format!("no hub runs on {}; epoch {epoch} is in force when one starts", data.display()))?;
        if press.panic {
            output::line("nothing is called then until `safeclaw resume`")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn told(revoked: &Revoked) -> anyhow::Result<()> {
    let Revoked { epoch, calls, sessions, killed, took_ms, .. } = revoked;
    output::line(&format!(
        "epoch {epoch} is in force since {took_ms} ms: {calls} calls and {sessions} sessions ended, {killed} runners killed"
    ))?;
    if revoked.panic {
        output::line("everything is stopped: no tool is called until `safeclaw resume`")?;
    }
    revoked.unconfirmed.iter().try_for_each(|container| output::line(&format!("not confirmed dead  {container}")))?;
    revoked.undone.iter().try_for_each(|what| output::line(&format!("not done            {what}")))
}

pub(crate) async fn resume(arguments: Resume) -> anyhow::Result<ExitCode> {
    let resumed = arguments.hub.client()?.resume().await?;
    if arguments.form.json {
        output::json(&resumed)?;
    } else {
        output::line(&format!("tools are called again; epoch {} stays in force", resumed.epoch))?;
    }
    Ok(ExitCode::SUCCESS)
}
