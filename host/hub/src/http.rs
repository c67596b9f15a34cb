//! MCP over Streamable HTTP, on loopback.
//!
//! Whoever reaches the port is not yet anybody: a web page that the operator visits, another user of the
//! machine, an agent. So each request must be meant for this port ([`admit`]), must carry a token, and a
//! legacy session serves only the token that opened it ([`conversations`]).

mod admit;
mod authentication;
mod body;
mod connection;
mod conversations;
mod credentials;
mod direct;
#[doc(hidden)]
pub mod fuzzing;
mod router;
mod standing;
#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]
mod tests;

pub(crate) use body::read as read_body;
pub(crate) use connection::{Limits, serve_all};

use crate::mcp::Governor;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// Connections at once. Each holds at most one request, so this bounds requests too.
pub(crate) const MAX_CONNECTIONS: usize = 256;

/// How long calls that run may go on after `stop`, before their connections are cut.
pub(crate) const GRACE: Duration = Duration::from_secs(10);

/// Why there is no HTTP listener.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// Other machines could reach it.
    #[error("{0} is not a loopback address; SafeClaw listens on this machine only: use 127.0.0.1 or [::1]")]
    NotLoopback(SocketAddr),
    /// The address cannot be had.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
}

/// A bound address that nothing serves yet.
#[derive(Debug)]
pub struct HttpListener {
    listener: TcpListener,
    address: SocketAddr,
}

impl HttpListener {
    /// The address it got; a port 0 has become a real one.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What an MCP client is configured with.
    #[must_use]
    pub fn mcp_url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }
}

/// Takes an address of this machine.
///
/// # Errors
/// When it is not loopback, or in use.
pub async fn bind(address: SocketAddr) -> Result<HttpListener, HttpError> {
    if !address.ip().is_loopback() {
        return Err(HttpError::NotLoopback(address));
    }
    let failed = |source| HttpError::Bind { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok(HttpListener { listener, address })
}

/// Serves `/mcp` and `/healthz` until `stop`: then subscriptions end, and calls that run get some seconds.
pub async fn serve<G: Governor>(governor: G, listener: HttpListener, stop: CancellationToken) {
    let cut = CancellationToken::new();
    let running = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let router = router::router(governor, listener.address.port(), &running, &stop, &cut);
    let limits = Limits { connections: MAX_CONNECTIONS, grace: GRACE };
    // A client's standing stream (GET) is not waited for; its calls are.
    let settled = async {
        let _ = running.acquire_many(MAX_CONNECTIONS as u32).await;
    };
    serve_all(listener.listener, router, limits, stop, settled, cut).await;
}
