//! The operator's socket: `operator.sock` in the data directory, mode 0600.
//!
//! It is apart from MCP: nothing here can be reached over the MCP listener, with whatever token. It is not
//! apart from the operator's own user: an agent that has a shell under that user has this socket too.

mod client;
mod manifests;
mod metrics;
mod router;
mod view;

pub use client::{Client, ClientError};
#[cfg(test)]
pub(crate) use router::router;
pub use view::{DirectoryView, PostureView, ToolView};

use crate::Hub;
use crate::http::{Limits, serve_all};
use std::time::Duration;
use tokio::net::UnixListener;
use tokio_util::sync::CancellationToken;

/// Connections at once.
pub(crate) const MAX_CONNECTIONS: usize = 16;

/// After `stop`: for requests that run. A component that compiles may take two minutes; it is broken off.
const GRACE: Duration = Duration::from_secs(5);

/// Serves the operator until `stop`. [`crate::stdio::bind`] makes the listener.
pub async fn serve(hub: Hub, listener: UnixListener, stop: CancellationToken) {
    let limits = Limits { connections: MAX_CONNECTIONS, grace: GRACE };
    let cut = CancellationToken::new();
    serve_all(listener, router::router(hub), limits, stop, std::future::pending(), cut).await;
}
