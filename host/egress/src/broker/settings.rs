//! What a broker is made with.

use crate::address::Forbidden;
use crate::credentials::Store;
use crate::declared::Declared;
use crate::resolve::{NoResolver, Servers};
use crate::wire::NoTls;
use std::net::SocketAddr;
use tokio_rustls::rustls::RootCertStore;

/// All that an operator can say of egress as a whole.
pub struct Settings {
    /// Whose certificates are trusted. There is no way to trust without one.
    pub roots: RootCertStore,
    /// Whom names are asked of.
    pub servers: Servers,
    /// Out of reach whatever a grant says: the hub's own listeners and the container engine's.
    pub forbidden: Vec<Forbidden>,
    /// What may be added to requests.
    pub credentials: Store,
}

impl Settings {
    /// As an operator has declared it, and with the system's roots. `listeners` are the hub's own and the engine's.
    ///
    /// # Errors
    /// [`BadSettings::Root`].
    pub fn of(declared: &Declared, listeners: &[SocketAddr]) -> Result<Self, BadSettings> {
        let config = &declared.config;
        let mut roots = RootCertStore::empty();
        let system = rustls_native_certs::load_native_certs();
        for error in &system.errors {
            tracing::warn!(%error, "a root certificate of the system's cannot be read");
        }
        // The system's own may hold some that nobody can use; an operator's is meant.
        roots.add_parsable_certificates(system.certs);
        for root in config.roots() {
            roots.add(root.clone()).map_err(BadSettings::Root)?;
        }
        let servers = match config.resolver() {
            [] => Servers::System,
            named => Servers::Named(named.to_vec()),
        };
        let nets = config.forbidden().iter().copied().map(Forbidden::Net);
        let forbidden = nets.chain(listeners.iter().copied().map(Forbidden::Listener)).collect();
        Ok(Self { roots, servers, forbidden, credentials: declared.credentials.clone() })
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { roots, servers, forbidden, credentials: _ } = self;
        let mut all = f.debug_struct("Settings");
        all.field("roots", &roots.len()).field("servers", servers).field("forbidden", forbidden).finish_non_exhaustive()
    }
}

/// With these nothing could be asked.
#[derive(Debug, thiserror::Error)]
pub enum BadSettings {
    /// Names.
    #[error(transparent)]
    Resolver(#[from] NoResolver),
    /// One of the operator's.
    #[error("a certificate under `roots` cannot be one to trust")]
    Root(#[source] tokio_rustls::rustls::Error),
    /// Certificates.
    #[error(transparent)]
    Tls(#[from] NoTls),
}
