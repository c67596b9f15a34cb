//! A hub in this process: what `safeclaw hub` runs, and what a command starts for a moment.

use crate::commands::manifest::versions::proposal;
use crate::data::Data;
use crate::engine::{EngineAt, ImageIs};
use crate::manifests::{self, ManifestAt};
use crate::store::StoreAt;
use ::hub::identity::Config;
use ::hub::{EgressDeclared, Governed, HeadCopies, Hub, HubConfig, PoolConfig, Wall2};
use anyhow::Context;
use clap::Args;
use manifest::Tier;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

/// How long calls that run may go on when the hub stops.
const GRACE: Duration = Duration::from_secs(10);

/// Everything a hub is started from.
#[derive(Debug, Clone, Args)]
pub(crate) struct HubIs {
    #[command(flatten)]
    pub(crate) data: Data,
    #[command(flatten)]
    pub(crate) manifest: ManifestAt,
    #[command(flatten)]
    pub(crate) store: StoreAt,
    #[command(flatten)]
    pub(crate) engine: EngineAt,
    #[command(flatten)]
    pub(crate) image: ImageIs,
    /// Said by the one command that lets others in.
    #[arg(skip)]
    pub(crate) identity: Config,
    /// Of `safeclaw hub` alone.
    #[arg(skip)]
    pub(crate) audit_heads: Option<HeadCopies>,
    /// Of `safeclaw hub` alone.
    #[arg(skip)]
    pub(crate) egress: EgressDeclared,
}

/// For whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whom {
    /// Agents with tokens, under an operator's eyes.
    Everybody,
    /// One agent that started it itself: there is nobody to approve anything.
    OneAgent,
    /// The operator, for one command.
    TheOperator,
}

impl HubIs {
    /// Starts it behind both walls.
    pub(crate) async fn start(&self, whom: Whom, parked: usize) -> anyhow::Result<Hub> {
        let image = self.image.id(&self.data.directory()?)?;
        let wall2 = Wall2::Engine { socket: self.engine.socket()?, image };
        self.start_with(whom, parked, wall2).await
    }

    /// Starts it.
    pub(crate) async fn start_with(&self, whom: Whom, parked: usize, wall2: Wall2) -> anyhow::Result<Hub> {
        let (governed, private) = match whom {
            Whom::Everybody => self.versions()?,
            Whom::OneAgent | Whom::TheOperator => self.fixed()?,
        };
        let denied_tiers = match whom {
            Whom::OneAgent => BTreeSet::from([Tier::Admin, Tier::Critical]),
            Whom::Everybody | Whom::TheOperator => BTreeSet::new(),
        };
        let config = HubConfig {
            data: self.data.directory()?,
            store: self.store.location()?,
            governed,
            private: private.into_iter().chain(self.egress.config.files()).collect(),
            wall2,
            denied_tiers,
            identity: self.identity.clone(),
            pool: PoolConfig { per_class: parked, ..PoolConfig::default() },
            audit_heads: self.audit_heads.clone(),
            egress: self.egress.clone(),
        };
        Hub::start(config).await.context("the hub did not start")
    }

    /// One manifest, for as long as this process lives.
    fn fixed(&self) -> anyhow::Result<(Governed, Vec<PathBuf>)> {
        let directory = self.manifest.directory()?;
        let read = manifests::read(&directory)?;
        for warning in &read.warnings {
            tracing::warn!(target: "safeclaw", "{warning}");
        }
        let (manifest, mounts) = (Box::new(read.manifest), self.manifest.mount_sources()?);
        Ok((Governed::Fixed { manifest, mounts }, vec![directory]))
    }

    /// The version in force. A manifest that is named becomes the first one where there is none yet; the operator
    /// who starts the hub with it is asked nothing, and whether it is committed is not looked at.
    fn versions(&self) -> anyhow::Result<(Governed, Vec<PathBuf>)> {
        if !self.manifest.is_said() {
            return Ok((Governed::Versions { first: None }, Vec::new()));
        }
        let directory = self.manifest.directory()?;
        manifests::read(&directory)?;
        let first = proposal(&directory, self.manifest.mounts(), true)?;
        Ok((Governed::Versions { first: Some(first) }, vec![directory]))
    }
}

/// Ends it: no new calls, some time for those that run, every runner killed.
pub(crate) async fn stop(hub: &Hub) {
    hub.drain(GRACE).await;
}

/// Completes at SIGTERM or Ctrl-C.
pub(crate) async fn asked_to_stop() -> anyhow::Result<&'static str> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminated = signal(SignalKind::terminate()).context("SIGTERM cannot be awaited")?;
    let mut interrupted = signal(SignalKind::interrupt()).context("Ctrl-C cannot be awaited")?;
    Ok(tokio::select! {
        _ = terminated.recv() => "SIGTERM",
        _ = interrupted.recv() => "Ctrl-C",
    })
}
