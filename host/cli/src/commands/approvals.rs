//! `safeclaw approvals`, `approve` and `deny`: what waits for a person, and the person's answer.

mod live;

use crate::approving::keygen;
use crate::approving::seen::{Decision, Seen, seen};
use crate::approving::{signer, visible};
use crate::operator::OperatorAt;
use crate::output::{self, Form};
use ::hub::ApprovalSummary;
use ::hub::approvers::APPROVAL_NAMESPACE;
use ::hub::operator::Client;
use anyhow::Context;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Show what waits for an answer, live in a terminal: y and n answer, with your key.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Your key, as `ssh-keygen -f` takes it; without one this only shows
    #[arg(long, value_name = "KEY", env = "SAFECLAW_APPROVER_KEY")]
    key: Option<PathBuf>,
    /// List what waits and the last that do not, and end
    #[arg(long)]
    list: bool,
    #[command(flatten)]
    hub: OperatorAt,
    #[command(flatten)]
    form: Form,
}

/// Allow a call: shown in full, then signed with your key.
#[derive(Debug, clap::Args)]
pub(crate) struct Approve {
    #[command(flatten)]
    answer: Answer,
}

/// Do not allow a call, nor the same one again in its session.
#[derive(Debug, clap::Args)]
pub(crate) struct Deny {
    /// Why, for the agent and the audit log
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
    #[command(flatten)]
    answer: Answer,
}

/// Which request, and how it is signed.
#[derive(Debug, clap::Args)]
struct Answer {
    /// The approval's id
    id: String,
    /// Your key, as `ssh-keygen -f` takes it: an encrypted file, a token's file, or a .pub file whose key is in the agent
    #[arg(long, value_name = "KEY", env = "SAFECLAW_APPROVER_KEY", conflicts_with = "statement")]
    key: Option<PathBuf>,
    /// A signature that was made elsewhere, with `ssh-keygen -Y sign -n safeclaw-approval@1`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["key", "statement"])]
    signature: Option<PathBuf>,
    /// Print exactly what is to be signed, without a line end, and end; the request is shown on standard error
    #[arg(long)]
    statement: bool,
    #[command(flatten)]
    hub: OperatorAt,
}

pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { key, list, hub, form } = arguments;
    let hub = hub.client()?;
    if !list && !form.json && std::io::stdout().is_terminal() && std::io::stdin().is_terminal() {
        return live::run(&hub, key.as_deref()).await;
    }
    let all = hub.approvals().await?;
    if form.json {
        output::json(&all)?;
    } else {
        let heads = ["APPROVAL", "STATE", "TOOL", "TIER", "ASKED BY", "SESSION", "UNTIL", "ANSWERED BY", "WHY"];
        output::line(&output::table(&heads, &all.iter().map(row).collect::<Vec<_>>()))?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn approve(arguments: Approve) -> anyhow::Result<ExitCode> {
    answer(arguments.answer, Decision::Approve, None).await
}

pub(crate) async fn deny(arguments: Deny) -> anyhow::Result<ExitCode> {
    answer(arguments.answer, Decision::Deny, arguments.why.as_deref()).await
}

async fn answer(arguments: Answer, decision: Decision, why: Option<&str>) -> anyhow::Result<ExitCode> {
    let Answer { id, key, signature, statement, hub } = arguments;
    let hub = hub.client()?;
    let seen = seen(&hub.approval(&id).await?, &id, decision)?;
    eprintln!("{}", seen.text);
    if statement {
        use std::io::Write as _;
        let mut out = std::io::stdout().lock();
        out.write_all(seen.statement.as_bytes()).and_then(|()| out.flush()).context("it cannot be printed")?;
        return Ok(ExitCode::SUCCESS);
    }
    let signature = match (signature, key) {
        (Some(file), _) => keygen::read(&file)?,
        (None, Some(key)) => signed(&hub, &key, &seen).await?,
        (None, None) => anyhow::bail!(
            "who answers? say --key KEY, or sign what `--statement` prints elsewhere and give --signature FILE"
        ),
    };
    hub.answer(&id, decision.word(), &signature, why).await?;
    eprintln!("answered: {}", decision.word());
    Ok(ExitCode::SUCCESS)
}

/// Signed with an enrolled key.
async fn signed(hub: &Client, key: &Path, seen: &Seen) -> anyhow::Result<String> {
    let enrolled = hub.approvers().await?.approvers;
    signer::sign(key, &enrolled, APPROVAL_NAMESPACE, &seen.statement)
}

fn row(one: &ApprovalSummary) -> Vec<String> {
    let shown = |text: &Option<String>| text.as_deref().map(visible::line).unwrap_or_default();
    vec![
        visible::line(&one.id),
        visible::line(&one.state),
        visible::line(&one.tool),
        one.tier.to_string(),
        visible::line(&one.principal),
        visible::line(&one.session),
        one.expires.to_string(),
        shown(&one.approver),
        shown(&one.why),
    ]
}
