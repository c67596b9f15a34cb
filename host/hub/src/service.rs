//! The third door: services that act for people, such as a chat in which somebody ends a session.
//!
//! A service signs each request (RFC 9421, HMAC-SHA-256) with a secret that it shares with the operator, and names
//! in the signed body the person whom it acts for. It reaches the routes that say so in the operator's table, and
//! of those what lies within the tiers that it may touch: never `critical`.

mod body;
mod door;
mod nonces;
mod secret;
mod signature;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
pub(crate) mod testing;

pub use secret::{MIN_SECRET_BYTES, Secret, SecretError};

use crate::Hub;
use crate::clean;
use crate::http::{After, Door, Guests, Limits, Refusals, serve_all};
use crate::stdio::{self, SocketError};
use crate::tls::ServerTls;
use manifest::Tier;
use nonces::{Mark, Nonces};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, UnixListener};
use tokio_util::sync::CancellationToken;

/// Connections at once.
pub(crate) const MAX_CONNECTIONS: usize = 32;
/// After `stop`: for requests that run.
const GRACE: Duration = Duration::from_secs(5);
const LIMITS: Limits = Limits { connections: MAX_CONNECTIONS, grace: GRACE, after: After::Close };

/// A service, as the operator configures it.
#[derive(Debug)]
pub struct ServiceConfig {
    /// Its name, which its signatures carry as `keyid`.
    pub id: String,
    /// What it may touch.
    pub tiers: BTreeSet<Tier>,
    /// What it signs with.
    pub secret: Secret,
    /// Where it is listened for.
    pub listen: ServiceAddress,
    /// The certificate of that address.
    pub tls: Option<Arc<ServerTls>>,
}

/// Where a service reaches the hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceAddress {
    /// TCP; without TLS on loopback only.
    Tcp(SocketAddr),
    /// A Unix socket, mode 0600.
    Unix(PathBuf),
}

impl std::str::FromStr for ServiceAddress {
    type Err = String;

    /// `unix:PATH` or an address and a port.
    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("unix:") {
            Some(path) if path.starts_with('/') => Ok(Self::Unix(path.into())),
            Some(_) => Err("the path of a socket is absolute: unix:/PATH".to_owned()),
            None => text.parse().map(Self::Tcp).map_err(|_| "give ADDRESS:PORT or unix:/PATH".to_owned()),
        }
    }
}

/// Why there is no door for a service.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// Nobody but a person decides about these.
    #[error("a service can never touch the tier `critical`; leave it out of --service-tiers")]
    Critical,
    /// It could do nothing.
    #[error("a service that may touch no tier can do nothing; say which, --service-tiers user,write")]
    NoTiers,
    /// It would be ambiguous in the audit log.
    #[error("a service's name is 1 to 64 letters, digits, `-`, `_` or `.`")]
    Name,
    /// What it asks could be read on the way, and its answers changed.
    #[error("{0} is not a loopback address: give --service-tls-cert and --service-tls-key, or listen on 127.0.0.1")]
    NotLoopback(SocketAddr),
    /// A certificate that nobody would see.
    #[error("a Unix socket speaks no TLS; leave out --service-tls-cert and --service-tls-key")]
    TlsOnUnix,
    /// The address cannot be had.
    #[error("cannot listen on {address} for the service")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The socket cannot be had.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// What earlier runs accepted is not known, so a signature might be one of theirs.
    #[error("{path} cannot be used; if it is damaged, remove it five minutes after the last signed request")]
    Mark {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
}

/// A bound door that nothing serves yet.
#[derive(Debug)]
pub struct ServiceListener {
    config: ServiceConfig,
    listener: Listener,
}

#[derive(Debug)]
enum Listener {
    Tcp(TcpListener, SocketAddr),
    Unix(UnixListener),
}

impl ServiceListener {
    /// The address it got, if it is one.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        match &self.listener {
            Listener::Tcp(_, address) => Some(*address),
            Listener::Unix(_) => None,
        }
    }
}

/// Checks a configuration and takes its address.
///
/// # Errors
/// See [`ServiceError`].
pub async fn bind(config: ServiceConfig) -> Result<ServiceListener, ServiceError> {
    if config.tiers.contains(&Tier::Critical) {
        return Err(ServiceError::Critical);
    }
    if config.tiers.is_empty() {
        return Err(ServiceError::NoTiers);
    }
    let letters = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if !(1..=64).contains(&config.id.len()) || !config.id.chars().all(letters) {
        return Err(ServiceError::Name);
    }
    let listener = match (&config.listen, &config.tls) {
        (ServiceAddress::Unix(_), Some(_)) => return Err(ServiceError::TlsOnUnix),
        (ServiceAddress::Unix(path), None) => Listener::Unix(stdio::bind(path)?),
        (ServiceAddress::Tcp(address), None) if !address.ip().is_loopback() => {
            return Err(ServiceError::NotLoopback(*address));
        }
        (ServiceAddress::Tcp(address), _) => {
            let address = *address;
            let failed = |source| ServiceError::Bind { address, source };
            let listener = TcpListener::bind(address).await.map_err(failed)?;
            let address = listener.local_addr().map_err(failed)?;
            Listener::Tcp(listener, address)
        }
    };
    Ok(ServiceListener { config, listener })
}

/// A service, and what is remembered of its signatures.
pub(crate) struct Service {
    id: String,
    tiers: BTreeSet<Tier>,
    secret: Secret,
    nonces: Nonces,
    refusals: Refusals,
}

/// Serves a service until `stop`.
///
/// # Errors
/// When it is not known what earlier runs of the hub accepted.
pub fn serve(
    hub: &Hub,
    listener: ServiceListener,
    stop: CancellationToken,
) -> Result<impl Future<Output = ()> + Send + use<>, ServiceError> {
    let ServiceListener { config, listener } = listener;
    let path = hub.data().join("service.mark");
    let mark = Mark::read(path.clone()).map_err(|source| ServiceError::Mark { path, source })?;
    hub.look_after(config.tls.iter());
    if let Listener::Tcp(_, address) = &listener {
        hub.keep_tools_out(*address);
    }
    let refusals = Refusals::of(hub, "service");
    let service = Service {
        id: config.id,
        tiers: config.tiers,
        secret: config.secret,
        nonces: Nonces::after(mark),
        refusals: refusals.clone(),
    };
    let router = door::router(hub.clone(), Arc::new(service));
    let cut = CancellationToken::new();
    Ok(async move {
        match listener {
            Listener::Tcp(listener, _) => {
                let door = Door { limits: LIMITS, guests: Guests::Anyone, tls: config.tls, refusals };
                serve_all(listener, router, door, stop, std::future::pending(), cut).await;
            }
            Listener::Unix(listener) => {
                let door = Door { limits: LIMITS, guests: Guests::OwnUser, tls: None, refusals };
                serve_all(listener, router, door, stop, std::future::pending(), cut).await;
            }
        }
    })
}

/// Whom a service acts for, as a name in the audit log.
fn person(name: &str) -> Option<&str> {
    (!name.is_empty() && clean::line(name, 64) == name).then_some(name)
}
