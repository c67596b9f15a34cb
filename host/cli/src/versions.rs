//! The versions of the manifest: asked of the running hub, or of its data directory when none runs.

use crate::approving::{signer, visible};
use ::hub::approvers::{MANIFEST_NAMESPACE, SignedManifest, good_until, manifest_statement};
use ::hub::manifests::{Agreed, Applied, Cold, Plan, Proposal, VersionView};
use ::hub::operator::{Client, ClientError};
use ::hub::store::Location;
use anyhow::Context;
use manifest::diff::Change;
use std::path::Path;

/// Whoever knows them.
pub(crate) enum Versions {
    /// A hub, in which a version is in force at once.
    Running(Client),
    /// A data directory, whose next hub starts with it.
    Cold(Box<Cold>),
}

impl Versions {
    /// The hub of a data directory if it runs, or the directory itself.
    pub(crate) async fn of(data: &Path, store: Option<Location>) -> anyhow::Result<Self> {
        let hub = Client::new(data.join("operator.sock"));
        match hub.health().await {
            Ok(_) => return Ok(Self::Running(hub)),
            Err(ClientError::NoHub { .. }) => {}
            Err(error) => return Err(error).context("the hub does not answer as it should"),
        }
        Ok(Self::Cold(Box::new(Cold::open(data, store).await?)))
    }

    /// Whether what is applied is in force at once.
    pub(crate) fn is_running(&self) -> bool {
        matches!(self, Self::Running(_))
    }

    pub(crate) async fn plan(&self, proposal: &Proposal) -> anyhow::Result<Plan> {
        Ok(match self {
            Self::Running(hub) => hub.plan(proposal).await?,
            Self::Cold(cold) => cold.plan(proposal.clone())?,
        })
    }

    /// The same, with an approver's signature where there are approvers and more is granted.
    pub(crate) async fn signed(&self, agreed: Agreed, plan: &Plan, key: Option<&Path>) -> anyhow::Result<Agreed> {
        let view = match self {
            Self::Running(hub) => hub.approvers().await?,
            Self::Cold(cold) => cold.approvers(),
        };
        if view.first || !agreed.widen {
            return Ok(agreed);
        }
        let key =
            key.context("it grants more, and there are approvers: one of them has to sign it, say --sign-with KEY")?;
        let expires = good_until();
        let text = manifest_statement(&view.hub, plan.base, &plan.digest, expires)?;
        eprintln!("signing: {}", visible::line(&text));
        let signature = signer::sign(key, &view.approvers, MANIFEST_NAMESPACE, &text)?;
        Ok(Agreed { signed: Some(SignedManifest { expires, signature }), ..agreed })
    }

    pub(crate) async fn apply(&self, proposal: Proposal, agreed: Agreed) -> anyhow::Result<Applied> {
        Ok(match self {
            Self::Running(hub) => hub.apply(proposal, agreed).await?,
            Self::Cold(cold) => cold.apply(proposal, agreed).await?,
        })
    }

    pub(crate) async fn plan_rollback(&self, to: u64) -> anyhow::Result<Plan> {
        Ok(match self {
            Self::Running(hub) => hub.plan_rollback(to).await?,
            Self::Cold(cold) => cold.plan_rollback(to).await?,
        })
    }

    pub(crate) async fn roll_back(&self, to: u64, by: &str, agreed: Agreed) -> anyhow::Result<Applied> {
        Ok(match self {
            Self::Running(hub) => hub.roll_back(to, by, agreed).await?,
            Self::Cold(cold) => cold.roll_back(to, by, agreed).await?,
        })
    }

    pub(crate) async fn all(&self) -> anyhow::Result<Vec<VersionView>> {
        Ok(match self {
            Self::Running(hub) => hub.versions().await?,
            Self::Cold(cold) => cold.versions().await?,
        })
    }

    pub(crate) async fn version(&self, number: u64) -> anyhow::Result<VersionView> {
        Ok(match self {
            Self::Running(hub) => hub.version(number).await?,
            Self::Cold(cold) => cold.version(number).await?,
        })
    }

    pub(crate) async fn compare(&self, old: u64, new: u64) -> anyhow::Result<Vec<Change>> {
        Ok(match self {
            Self::Running(hub) => hub.compare(old, new).await?,
            Self::Cold(cold) => cold.compare(old, new).await?,
        })
    }
}
