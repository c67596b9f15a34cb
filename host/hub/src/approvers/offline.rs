//! The way out for whoever has lost every key: with the hub stopped, by its data directory. Whoever can do this can
//! read the hub's own keys as well; what keeps an agent out is that the hub runs as another user than the agent.

use crate::api::StartError;
use crate::data::DataDir;
use crate::store::{Location, Store};
use std::path::Path;

/// Forgets every approver, so that the next one is the first again. Takes the data directory's lock; the audit log is
/// told when the hub starts. Returns how many were enrolled.
///
/// # Errors
/// When a hub runs, or the store cannot be used.
pub async fn reset(data: &Path, store: Option<Location>, by: &str) -> Result<usize, StartError> {
    let data = DataDir::open(data)?;
    let store = Store::open(&store.unwrap_or_else(|| Location::within(data.root()))).await?;
    let forgotten = store.forget_approvers(&crate::clean::line(by, 64)).await?;
    store.close().await;
    Ok(forgotten)
}
