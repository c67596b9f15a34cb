//! MCP over Streamable HTTP: on loopback as it is, for other machines over TLS or behind a proxy that does TLS.
//!
//! Whoever reaches the port is not yet anybody: a web page that the operator visits, another user of the
//! machine, an agent. So each request must be meant for this port ([`front`], [`admit`]), must carry a token, and
//! a legacy session serves only the token that opened it ([`conversations`]).

mod admit;
mod authentication;
mod body;
mod connection;
mod conversations;
mod credentials;
mod direct;
mod front;
#[doc(hidden)]
pub mod fuzzing;
mod public;
mod refusals;
mod router;
mod standing;
#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]
mod tests;

pub(crate) use body::read as read_body;
pub(crate) use connection::{After, Door, Guests, Limits, Peer, serve_all};
pub use public::PublicUrl;
pub(crate) use refusals::Refusals;

use crate::Hub;
use crate::mcp::Governor;
use crate::tls::ServerTls;
use axum::middleware;
use connection::{PER_ADDRESS, Places};
use front::{Front, Proxied};
use http::HeaderValue;
use public::Names;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// Connections at once. Each holds at most one request, so this bounds requests too.
pub(crate) const MAX_CONNECTIONS: usize = 256;

/// How long calls that run may go on after `stop`, before their connections are cut.
pub(crate) const GRACE: Duration = Duration::from_secs(10);

/// How agents reach a hub.
#[derive(Debug, Clone)]
pub struct McpDoor {
    /// What it listens on.
    pub address: SocketAddr,
    /// Its certificate.
    pub tls: Option<Arc<ServerTls>>,
    /// The proxies that do TLS for it; nobody else may connect then.
    pub proxies: Vec<IpAddr>,
    /// The one name that it is reached by.
    pub public_url: Option<PublicUrl>,
}

/// Why there is no HTTP listener.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// Other machines could reach it, and read every token on the way.
    #[error(
        "{0} is not a loopback address, and tokens do not travel in the clear: give --tls-cert and --tls-key, or \
         --behind-tls-proxy with the address of the proxy that does TLS, or listen on 127.0.0.1 or [::1]"
    )]
    NotLoopback(SocketAddr),
    /// Nobody said by which name it is reached, so any name would do.
    #[error(
        "{0} is reached by others than this machine: say by which name, --public-url https://NAME, so that requests \
         for another one are refused"
    )]
    NoPublicUrl(SocketAddr),
    /// A name with `https` where nobody speaks it.
    #[error("--public-url says https; give --tls-cert and --tls-key, or --behind-tls-proxy, for that to be true")]
    NoTls,
    /// Not an address that a hub is reached by.
    #[error("`{0}` is not https://NAME or https://NAME:PORT, without a path")]
    PublicUrl(String),
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
    door: McpDoor,
    refusals: Refusals,
}

impl HttpListener {
    /// The address it got; a port 0 has become a real one.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.door.address
    }

    /// What an MCP client is configured with.
    #[must_use]
    pub fn mcp_url(&self) -> String {
        match (&self.door.public_url, &self.door.tls) {
            (Some(public), _) => format!("{public}/mcp"),
            (None, Some(_)) => format!("https://{}/mcp", self.door.address),
            (None, None) => format!("http://{}/mcp", self.door.address),
        }
    }

    /// Writes into this hub's audit log who was turned away, has its health look after the certificate, and keeps
    /// its tools out.
    #[must_use]
    pub fn of(mut self, hub: &Hub) -> Self {
        self.refusals = Refusals::of(hub, "mcp");
        hub.look_after(self.door.tls.iter());
        hub.keep_tools_out(self.door.address);
        self
    }
}

/// Takes a loopback address of this machine.
///
/// # Errors
/// When it is not loopback, or in use.
pub async fn bind(address: SocketAddr) -> Result<HttpListener, HttpError> {
    open(McpDoor { address, tls: None, proxies: Vec::new(), public_url: None }).await
}

/// Takes an address for agents, if nobody can listen on the way to it.
///
/// # Errors
/// When others could reach it in the clear or by any name, or it is in use.
pub async fn open(mut door: McpDoor) -> Result<HttpListener, HttpError> {
    let address = door.address;
    let encrypted = door.tls.is_some() || !door.proxies.is_empty();
    let from_elsewhere = !address.ip().is_loopback() || !door.proxies.is_empty();
    match (encrypted, from_elsewhere, &door.public_url) {
        (false, true, _) => return Err(HttpError::NotLoopback(address)),
        (false, false, Some(_)) => return Err(HttpError::NoTls),
        (true, true, None) => return Err(HttpError::NoPublicUrl(address)),
        (true, _, Some(_)) | (true, false, None) | (false, false, None) => {}
    }
    let failed = |source| HttpError::Bind { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    door.address = listener.local_addr().map_err(failed)?;
    Ok(HttpListener { listener, door, refusals: Refusals::unrecorded("mcp") })
}

/// Serves `/mcp` and `/healthz` until `stop`: then subscriptions end, and calls that run get some seconds.
pub async fn serve<G: Governor>(governor: G, listener: HttpListener, stop: CancellationToken) {
    let HttpListener { listener, door, refusals } = listener;
    let cut = CancellationToken::new();
    let running = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let port = door.address.port();
    let mut router = router::router(governor, port, &running, &stop, &cut);
    if let Some(front) = front(&door, &refusals) {
        router = router.layer(middleware::from_fn_with_state(Arc::new(front), front::check));
    }
    let limits = Limits { connections: MAX_CONNECTIONS, grace: GRACE, after: After::KeepOn("/mcp") };
    let guests = if door.proxies.is_empty() { Guests::Anyone } else { Guests::Only(door.proxies) };
    // A client's standing stream (GET) is not waited for; its calls are.
    let settled = async {
        let _ = running.acquire_many(MAX_CONNECTIONS as u32).await;
    };
    let door = Door { limits, guests, tls: door.tls, refusals };
    serve_all(listener, router, door, stop, settled, cut).await;
}

/// None where only this machine's plain loopback is served.
fn front(door: &McpDoor, refusals: &Refusals) -> Option<Front> {
    if door.tls.is_none() && door.proxies.is_empty() {
        return None;
    }
    let proxied = if door.proxies.is_empty() { Proxied::No } else { Proxied::By(Places::new(PER_ADDRESS)) };
    // What is no header would be no host of ours either.
    let inner = HeaderValue::try_from(format!("localhost:{}", door.address.port()));
    let inner = inner.unwrap_or_else(|_| HeaderValue::from_static("invalid"));
    Some(Front { names: Names::of(door.public_url.as_ref(), door.address), proxied, inner, refusals: refusals.clone() })
}
