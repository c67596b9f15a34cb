//! A hub in this process: what `safeclaw hub` runs, and what a command starts for a moment.

use crate::data::Data;
use crate::engine::{EngineAt, ImageIs};
use crate::manifests::{self, ManifestAt};
use ::hub::identity::Config;
use ::hub::{Hub, HubConfig, PoolConfig, Wall2};
use anyhow::Context;
use clap::Args;
use manifest::Tier;
use std::collections::BTreeSet;
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
    pub(crate) engine: EngineAt,
    #[command(flatten)]
    pub(crate) image: ImageIs,
    /// Said by the one command that lets others in.
    #[arg(skip)]
    pub(crate) identity: Config,
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
        let directory = self.manifest.directory()?;
        let read = manifests::read(&directory)?;
        for warning in &read.warnings {
            tracing::warn!(target: "safeclaw", "{warning}");
        }
        let denied_tiers = match whom {
            Whom::OneAgent => BTreeSet::from([Tier::Admin, Tier::Critical]),
            Whom::Everybody | Whom::TheOperator => BTreeSet::new(),
        };
        let config = HubConfig {
            data: self.data.directory()?,
            manifest: read.manifest,
            mount_sources: self.manifest.mount_sources()?,
            private: vec![directory],
            wall2,
            denied_tiers,
            identity: self.identity.clone(),
            pool: PoolConfig { per_class: parked, ..PoolConfig::default() },
        };
        Hub::start(config).await.context("the hub did not start")
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
