//! What wall 2 costs: the same hub, with its runner as a plain child process.

use anyhow::Context;
use hub::{Governed, Hub, HubConfig, PoolConfig, Wall2};
use manifest::{ComponentName, ProfileName, SourceFile};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use tokio_util::sync::CancellationToken;

/// Serves a manifest with one component over HTTP; prints URL and token, and runs until it is killed.
pub(crate) async fn serve(bin: &Path, data: &Path, manifest: &str, component: &Path) -> anyhow::Result<()> {
    let file = SourceFile { name: "bench.toml".to_owned(), text: manifest.to_owned() };
    let read = manifest::read(&[file]).map_err(|errors| anyhow::anyhow!("{errors}"))?;
    let hub = Hub::start(HubConfig {
        data: data.to_owned(),
        store: None,
        governed: Governed::Fixed { manifest: Box::new(read.manifest), mounts: BTreeMap::new() },
        private: Vec::new(),
        wall2: Wall2::Off { runner: bin.join("runner"), compile: bin.join("compile") },
        denied_tiers: BTreeSet::new(),
        pool: PoolConfig::default(),
        identity: hub::identity::Config::default(),
        audit_heads: None,
        egress: hub::EgressDeclared::default(),
    })
    .await?;
    hub.add_component(&ComponentName::try_from("bench")?, std::fs::read(component)?).await?;
    let token = hub::tokens::create(data, "bench", &ProfileName::try_from("bench")?, None).context("no token")?;
    let listener = hub::http::bind("127.0.0.1:0".parse()?).await?;
    println!("{} {token}", listener.mcp_url());
    hub::http::serve(hub, listener, CancellationToken::new()).await;
    Ok(())
}
