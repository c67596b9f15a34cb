//! `safeclaw leases` and `revoke`: what stands of what a person allowed, and how it is taken back.

use super::approver;
use crate::approving::{signer, visible};
use crate::operator::OperatorAt;
use crate::output::{self, Form};
use ::hub::approvers::ApproverName;
use ::hub::{LeaseView, SessionId};
use std::process::ExitCode;

/// List the leases: calls that a person has allowed, until when, and how often they ran.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    hub: OperatorAt,
    #[command(flatten)]
    form: Form,
}

/// Take something back: a session, a lease or a waiting approval, a token, an approver.
#[derive(Debug, clap::Args)]
pub(crate) struct Revoke {
    /// What it is
    what: What,
    /// Its id, or an approver's name
    id: String,
    #[command(flatten)]
    sign: signer::SignWith,
    #[command(flatten)]
    hub: OperatorAt,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum What {
    /// Its calls are broken off, its runners killed
    Session,
    /// The call under it is broken off; a waiting approval is void
    Lease,
    /// Its session ends with it
    Token,
    /// Its key answers nothing any more; an enrolled approver signs for this
    Approver,
}

pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let leases = arguments.hub.client()?.leases().await?;
    if arguments.form.json {
        output::json(&leases)?;
    } else {
        let heads = ["LEASE", "TOOL", "TIER", "OF", "SESSION", "CALLS", "ENDS", "ARGUMENTS"];
        output::line(&output::table(&heads, &leases.iter().map(row).collect::<Vec<_>>()))?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn revoke(arguments: Revoke) -> anyhow::Result<ExitCode> {
    let Revoke { what, id, sign, hub } = arguments;
    match what {
        What::Session => hub.client()?.end_session(&SessionId(id.clone())).await?,
        What::Lease => hub.client()?.take_back(&id).await?,
        What::Token => hub.client()?.revoke_token(&SessionId(id.clone())).await?,
        What::Approver => {
            approver::remove(&hub, &ApproverName::try_from(id)?, sign.key.as_deref()).await?;
            return Ok(ExitCode::SUCCESS);
        }
    }
    eprintln!("revoked {}", visible::line(&id));
    Ok(ExitCode::SUCCESS)
}

fn row(lease: &LeaseView) -> Vec<String> {
    let calls = if lease.once { format!("{} of 1", lease.calls) } else { lease.calls.to_string() };
    vec![
        visible::line(&lease.id),
        visible::line(&lease.tool),
        lease.tier.to_string(),
        visible::line(&lease.principal),
        visible::line(&lease.session),
        calls,
        lease.ends.to_string(),
        visible::line(&lease.arguments_sha256),
    ]
}
