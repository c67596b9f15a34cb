//! `safeclaw manifest apply`, `history`, `show`, `diff` and `rollback`.

use crate::admission::LauncherAt;
use crate::approving::signer;
use crate::data::Data;
use crate::manifests::{self, ManifestAt};
use crate::output::{self, Form};
use crate::store::StoreAt;
use crate::versions::Versions;
use crate::who::who;
use crate::work_tree::{self, WorkTree};
use ::hub::manifests::{Agreed, Applied, Plan, Proposal, VersionView};
use anyhow::Context;
use manifest::diff::Change;
use manifest::{MountName, SourceFile};
use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Whose versions.
#[derive(Debug, clap::Args)]
pub(crate) struct Whose {
    #[command(flatten)]
    data: Data,
    #[command(flatten)]
    store: StoreAt,
    #[command(flatten)]
    launcher: LauncherAt,
    #[command(flatten)]
    form: Form,
}

/// Put a manifest in force as the next version.
///
/// It is checked, compared with the one in force, and the difference is shown in words; a manifest that grants
/// more is put in force only when you agree. A running hub takes it at once.
#[derive(Debug, clap::Args)]
pub(crate) struct Apply {
    /// The manifest: a directory of .toml files
    dir: PathBuf,
    /// The host directory of a mount to which the manifest gives none; those not named stay where they are
    #[arg(long = "mount", value_name = "NAME=DIR", value_parser = manifests::mount)]
    mounts: Vec<(MountName, PathBuf)>,
    /// Agree to what it grants, without being asked
    #[arg(long)]
    yes: bool,
    /// Take files that are not what the last commit of their Git work tree has
    #[arg(long)]
    dirty: bool,
    #[command(flatten)]
    sign: signer::SignWith,
    /// Only show what would change
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    whose: Whose,
}

/// Put the content of an older version in force again, as the next version.
#[derive(Debug, clap::Args)]
pub(crate) struct Rollback {
    /// The version to go back to
    version: u64,
    /// Agree to what it grants, without being asked
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    sign: signer::SignWith,
    /// Only show what would change
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    whose: Whose,
}

impl Whose {
    async fn versions(&self) -> anyhow::Result<Versions> {
        Versions::of(&self.data.directory()?, self.store.location()?).await
    }
}

pub(super) async fn apply(arguments: Apply) -> anyhow::Result<ExitCode> {
    let Apply { dir, mounts, yes, dirty, sign, dry_run, whose } = arguments;
    let proposal = proposal(&dir, mounts, dirty)?;
    let versions = whose.versions().await?;
    let plan = versions.plan(&proposal).await?;
    shown(&plan, whose.form)?;
    let Some(agreed) = agreed(&plan, yes, dry_run)? else { return Ok(ExitCode::SUCCESS) };
    let agreed = versions.signed(agreed, &plan, sign.key.as_deref()).await?;
    whose.launcher.admit(&whose.data.directory()?, &proposal.files, &plan.mounts).await?;
    done(&versions.apply(proposal, agreed).await?, &versions, whose.form)
}

pub(super) async fn rollback(arguments: Rollback) -> anyhow::Result<ExitCode> {
    let Rollback { version, yes, sign, dry_run, whose } = arguments;
    let versions = whose.versions().await?;
    let plan = versions.plan_rollback(version).await?;
    shown(&plan, whose.form)?;
    let Some(agreed) = agreed(&plan, yes, dry_run)? else { return Ok(ExitCode::SUCCESS) };
    let agreed = versions.signed(agreed, &plan, sign.key.as_deref()).await?;
    let files = versions.version(version).await?.files;
    whose.launcher.admit(&whose.data.directory()?, &files, &plan.mounts).await?;
    done(&versions.roll_back(version, &who(), agreed).await?, &versions, whose.form)
}

pub(super) async fn history(whose: Whose) -> anyhow::Result<ExitCode> {
    let all = whose.versions().await?.all().await?;
    if whose.form.json {
        output::json(&all)?;
    } else {
        let heads = ["VERSION", "APPLIED", "BY", "WHAT", "DIGEST"];
        output::line(&output::table(&heads, &all.iter().map(row).collect::<Vec<_>>()))?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn show(number: u64, whose: Whose) -> anyhow::Result<ExitCode> {
    let version = whose.versions().await?.version(number).await?;
    if whose.form.json {
        output::json(&version)?;
    } else {
        for SourceFile { name, text } in &version.files {
            output::line(&format!("# ---- {name}\n{}", text.trim_end()))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn diff(old: u64, new: u64, whose: Whose) -> anyhow::Result<ExitCode> {
    let changes = whose.versions().await?.compare(old, new).await?;
    if whose.form.json {
        output::json(&changes)?;
    } else if changes.is_empty() {
        output::line("nothing changes")?;
    } else {
        output::line(&told(&changes))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What a directory proposes. What an agent may have changed in a work tree is told from what somebody committed.
pub(crate) fn proposal(dir: &Path, mounts: Vec<(MountName, PathBuf)>, dirty: bool) -> anyhow::Result<Proposal> {
    let dir = std::path::absolute(dir).with_context(|| format!("{} is not a path", dir.display()))?;
    let files = manifests::files(&dir)?;
    let commit = match work_tree::look(&dir, &files) {
        Ok(WorkTree::None) => None,
        Ok(WorkTree::Clean { commit }) => Some(commit),
        Ok(WorkTree::Dirty { .. }) | Err(_) if dirty => None,
        Err(error) => {
            return Err(error).context("what was committed cannot be told; --dirty takes the files as they are");
        }
        Ok(WorkTree::Dirty { commit, paths }) => anyhow::bail!(
            "not what commit {} has: {}\ncommit what you have read, or say --dirty",
            commit.get(..12).unwrap_or(&commit),
            paths.join(", ")
        ),
    };
    let mounts = ManifestAt::at(None, mounts).mount_sources()?;
    let files = files.into_iter().map(named).collect::<anyhow::Result<_>>()?;
    Ok(Proposal { files, directory: Some(dir), mounts, commit, by: who() })
}

/// A version's files are named within it: the same files elsewhere are the same version.
fn named(file: SourceFile) -> anyhow::Result<SourceFile> {
    let name = Path::new(&file.name).file_name().and_then(|name| name.to_str()).map(str::to_owned);
    Ok(SourceFile { name: name.with_context(|| format!("{} has no name", file.name))?, text: file.text })
}

fn shown(plan: &Plan, form: Form) -> anyhow::Result<()> {
    plan.warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
    if form.json {
        return Ok(());
    }
    if plan.changes.is_empty() {
        return output::line("nothing changes");
    }
    output::line(&told(&plan.changes))
}

/// Each change in a line; a `+` before those that grant something.
fn told(changes: &[Change]) -> String {
    let line = |change: &Change| format!("{} {}", if change.widens { '+' } else { '-' }, change.text);
    changes.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// What the operator says to a plan; `None` if nothing is to be done.
fn agreed(plan: &Plan, yes: bool, dry_run: bool) -> anyhow::Result<Option<Agreed>> {
    let widening = plan.changes.iter().filter(|change| change.widens).count();
    if dry_run || plan.same {
        return Ok(None);
    }
    let widen = !plan.widens || yes || asked(plan.base, widening)?;
    if !widen {
        anyhow::bail!("nothing was changed");
    }
    Ok(Some(Agreed { base: plan.base, widen: plan.widens, signed: None }))
}

fn asked(base: u64, widening: usize) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        anyhow::bail!(
            "it grants more than version {base} ({widening} lines with a +), and there is nobody to ask: say --yes"
        );
    }
    eprint!("It grants more than version {base} ({widening} lines with a +). Put it in force? [y/N] ");
    std::io::stderr().flush().context("standard error cannot be written")?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).context("the answer cannot be read")?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn done(applied: &Applied, versions: &Versions, form: Form) -> anyhow::Result<ExitCode> {
    if form.json {
        output::json(applied)?;
        return Ok(ExitCode::SUCCESS);
    }
    let when = if versions.is_running() { "is in force" } else { "is in force when the hub starts" };
    output::line(&format!("version {} {when}", applied.version))?;
    if applied.broken_off > 0 {
        eprintln!("{} calls were broken off: they had lost something", applied.broken_off);
    }
    applied.problems.iter().for_each(|problem| eprintln!("warning: {problem}"));
    Ok(ExitCode::SUCCESS)
}

fn row(version: &VersionView) -> Vec<String> {
    let short = |text: &str| text.chars().take(12).collect::<String>();
    let what = match (&version.unverified, version.of, &version.commit) {
        (Some(why), ..) => why.clone(),
        (None, Some(of), _) => format!("back to {of}"),
        (None, None, Some(commit)) => format!("commit {}", short(commit)),
        (None, None, None) => "applied".to_owned(),
    };
    vec![
        version.version.to_string(),
        version.at.map(|at| format!("{at:.0}")).unwrap_or_default(),
        version.by.clone(),
        what,
        version.digest.as_ref().map(|digest| short(digest.as_str())).unwrap_or_default(),
    ]
}
