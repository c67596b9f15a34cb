//! What a broker is made with.

use crate::address::Forbidden;
use crate::credentials::Store;
use crate::resolve::{NoResolver, Servers};
use crate::wire::NoTls;
use std::sync::Arc;
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
    pub credentials: Arc<Store>,
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
    /// Certificates.
    #[error(transparent)]
    Tls(#[from] NoTls),
}
