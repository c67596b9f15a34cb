//! `safeclaw approver`: who may answer.

use crate::approving::{signer, visible};
use crate::data::Data;
use crate::operator::OperatorAt;
use crate::output::{self, Form};
use crate::store::StoreAt;
use ::hub::approvers::{
    APPROVER_NAMESPACE, ApproverKey, ApproverName, ApproverView, ApproversView, Change, ChangeKind, Enrol, NewApprover,
    Revoke, SignedChange, good_until,
};
use anyhow::Context;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Enrol an approver by a public key; from the second one on, an enrolled approver signs for it
    Add(Add),
    /// List the approvers
    List {
        #[command(flatten)]
        hub: OperatorAt,
        #[command(flatten)]
        form: Form,
    },
    /// Revoke an approver: its key answers nothing any more, and is never taken again
    Revoke(Remove),
    /// With the hub stopped, forget all approvers, so that the next one is the first again; for lost keys
    Reset {
        /// The hub is stopped, and I know that this is recorded
        #[arg(long, required = true)]
        offline: bool,
        #[command(flatten)]
        data: Data,
        #[command(flatten)]
        store: StoreAt,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct Add {
    /// What to call it in manifests and records
    #[arg(value_name = "NAME", value_parser = name)]
    name: ApproverName,
    /// The public key: a .pub file with an ssh-ed25519 or sk-ssh-ed25519 key
    #[arg(long, value_name = "FILE.pub")]
    key: PathBuf,
    /// A principal that is this person, for whom it then cannot answer; may be repeated
    #[arg(long = "principal", value_name = "NAME")]
    principals: Vec<String>,
    /// The key asks for its passphrase each time; its private file beside the .pub file is looked at for that
    #[arg(long)]
    passphrase: bool,
    #[command(flatten)]
    sign: signer::SignWith,
    #[command(flatten)]
    hub: OperatorAt,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Remove {
    /// Its name
    #[arg(value_name = "NAME", value_parser = name)]
    name: ApproverName,
    #[command(flatten)]
    sign: signer::SignWith,
    #[command(flatten)]
    hub: OperatorAt,
}

fn name(text: &str) -> Result<ApproverName, String> {
    ApproverName::try_from(text).map_err(|error| error.to_string())
}

pub(crate) async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Add(arguments) => add(arguments).await?,
        Command::List { hub, form } => list(&hub.client()?.approvers().await?, form)?,
        Command::Revoke(arguments) => revoke(arguments).await?,
        Command::Reset { offline: _, data, store } => {
            let forgotten = ::hub::approvers::reset(&data.directory()?, store.location()?, &crate::who::who()).await?;
            eprintln!(
                "{forgotten} approvers were forgotten; the audit log is told when the hub starts. The next `safeclaw approver add` is taken on the word of whoever says it."
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn add(arguments: Add) -> anyhow::Result<()> {
    let Add { name, key, principals, passphrase, sign, hub } = arguments;
    anyhow::ensure!(signer::is_public(&key), "{} does not end in .pub: give the public key", key.display());
    let public = signer::public_of(&key)?;
    if passphrase && !public.is_token() {
        signer::encrypted(&signer::private_of(&key), &public)?;
    }
    let principals: BTreeSet<String> = principals.into_iter().collect();
    let approver = NewApprover { name, key: public.as_str().to_owned(), principals, passphrase };
    let hub = hub.client()?;
    let view = hub.approvers().await?;
    let signed = if view.first {
        eprintln!(
            "This is the first approver: the hub takes it on the word of whoever has this door, and records that. Compare the fingerprint below with the one on its owner's machine."
        );
        None
    } else {
        Some(signed(&view, ChangeKind::Add, &approver, sign.key.as_deref())?)
    };
    let enrolled = hub.add_approver(&Enrol { approver, signed }).await?;
    output::line(&format!("enrolled {} {}", enrolled.name, enrolled.fingerprint))
}

async fn revoke(arguments: Remove) -> anyhow::Result<()> {
    let Remove { name, sign, hub } = arguments;
    remove(&hub, &name, sign.key.as_deref()).await
}

/// Revokes an approver, signed for by an enrolled one: it may be the same.
pub(crate) async fn remove(hub: &OperatorAt, name: &ApproverName, key: Option<&Path>) -> anyhow::Result<()> {
    let hub = hub.client()?;
    let view = hub.approvers().await?;
    let one = view.approvers.iter().find(|one| one.revoked.is_none() && one.name == *name);
    let one = one.with_context(|| format!("there is no approver {name} in force; `safeclaw approver list`"))?;
    // As the hub says it is, in its one spelling: another key in its place would be another statement.
    let key_text = ApproverKey::parse(&one.key).context("the hub's answer has no key in it")?.as_str().to_owned();
    let ApproverView { name, principals, passphrase, .. } = one.clone();
    let approver = NewApprover { name: name.clone(), key: key_text, principals, passphrase };
    let signed = signed(&view, ChangeKind::Revoke, &approver, key)?;
    hub.revoke_approver(&name, &Revoke { signed }).await?;
    eprintln!("revoked {name}");
    Ok(())
}

/// Shows what is signed, and has it signed.
fn signed(
    view: &ApproversView,
    kind: ChangeKind,
    approver: &NewApprover,
    key: Option<&Path>,
) -> anyhow::Result<SignedChange> {
    let key = key.context("there are approvers, so one of them has to sign for this: say --sign-with KEY")?;
    let (nonce, expires) = (view.nonce.clone(), good_until());
    let text = Change { kind, hub: &view.hub, approver, nonce: &nonce, expires }.text()?;
    eprintln!("signing: {}", visible::line(&text));
    let signature = signer::sign(key, &view.approvers, APPROVER_NAMESPACE, &text)?;
    Ok(SignedChange { nonce, expires, signature })
}

fn list(view: &ApproversView, form: Form) -> anyhow::Result<()> {
    if form.json {
        return output::json(view);
    }
    let heads = ["APPROVER", "KEY", "SHOWS PRESENCE BY", "IS", "ADDED", "SIGNED BY", "REVOKED"];
    output::line(&output::table(&heads, &view.approvers.iter().map(row).collect::<Vec<_>>()))
}

fn row(one: &ApproverView) -> Vec<String> {
    let token = one.key.starts_with("sk-");
    let presence = match (token, one.passphrase) {
        (true, _) => "touch",
        (false, true) => "passphrase",
        (false, false) => "nothing",
    };
    let principals = one.principals.iter().cloned().collect::<Vec<_>>().join(" ");
    vec![
        one.name.to_string(),
        visible::line(&one.fingerprint),
        presence.to_owned(),
        visible::line(&principals),
        one.added.to_string(),
        one.by.as_ref().map_or_else(|| "nobody: the first".to_owned(), ToString::to_string),
        one.revoked.map(|at| at.to_string()).unwrap_or_default(),
    ]
}
