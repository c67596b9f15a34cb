//! The operator's doors: `operator.sock` in the data directory, mode 0600, and, if the operator asks for it, TCP
//! with TLS 1.3 and client certificates.
//!
//! They are apart from MCP: nothing here can be reached over the MCP listener, with whatever token. The socket is
//! not apart from the operator's own user: an agent that has a shell under that user has it too.

mod actor;
mod approvals;
mod approvers;
mod button;
mod client;
mod credentials;
mod manifests;
mod metrics;
mod refused;
mod router;
mod routes;
mod view;

pub(crate) use actor::Actor;
pub use client::{Client, ClientError};
pub(crate) use refused::Refused;
#[cfg(test)]
pub(crate) use router::router;
pub(crate) use router::routes;
pub(crate) use routes::{About, Route, Who, router_of};
pub use view::{DirectoryView, PostureView, ToolView};

use crate::Hub;
use crate::http::{After, Door, Guests, Limits, Refusals, serve_all};
use crate::tls::ServerTls;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, UnixListener};
use tokio_util::sync::CancellationToken;

/// Connections at once.
pub(crate) const MAX_CONNECTIONS: usize = 16;

/// After `stop`: for requests that run. A component that compiles may take two minutes; it is broken off.
const GRACE: Duration = Duration::from_secs(5);

const LIMITS: Limits = Limits { connections: MAX_CONNECTIONS, grace: GRACE, after: After::Close };

/// Why the operator has no door on TCP.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// Whoever reaches the port would be the operator.
    #[error("the operator's door on TCP needs client certificates: give --operator-client-ca")]
    NoClientCertificates,
    /// The address cannot be had.
    #[error("cannot listen on {address} for the operator")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
}

/// A bound address for the operator that nothing serves yet.
#[derive(Debug)]
pub struct OperatorListener {
    listener: TcpListener,
    address: SocketAddr,
    tls: Arc<ServerTls>,
}

impl OperatorListener {
    /// The address it got.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Takes an address on which operators show a certificate.
///
/// # Errors
/// When clients are not asked for one, or the address is in use.
pub async fn bind(address: SocketAddr, tls: Arc<ServerTls>) -> Result<OperatorListener, OperatorError> {
    if !tls.asks_for_certificates() {
        return Err(OperatorError::NoClientCertificates);
    }
    let failed = |source| OperatorError::Bind { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok(OperatorListener { listener, address, tls })
}

/// Serves the operator on a Unix socket until `stop`: processes of the hub's own user, and root's.
/// [`crate::stdio::bind`] makes the listener.
pub async fn serve(hub: Hub, listener: UnixListener, stop: CancellationToken) {
    let refusals = Refusals::of(&hub, "operator socket");
    let door = Door { limits: LIMITS, guests: Guests::OwnUser, tls: None, refusals };
    let cut = CancellationToken::new();
    serve_all(listener, router::router(hub), door, stop, std::future::pending(), cut).await;
}

/// Serves operators with certificates until `stop`.
pub async fn serve_tls(hub: Hub, listener: OperatorListener, stop: CancellationToken) {
    let OperatorListener { listener, tls, .. } = listener;
    hub.look_after(std::iter::once(&tls));
    let refusals = Refusals::of(&hub, "operator");
    let door = Door { limits: LIMITS, guests: Guests::Anyone, tls: Some(tls), refusals };
    let cut = CancellationToken::new();
    serve_all(listener, router::router(hub), door, stop, std::future::pending(), cut).await;
}
