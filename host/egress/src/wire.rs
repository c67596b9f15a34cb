//! The wire: HTTP/1.1 over TCP or TLS, to addresses that were checked before, and connections that are kept for whoever
//! made them.

mod connect;
mod faults;
mod pool;
mod tls;
mod upload;

pub(crate) use faults::of_http;
pub(crate) use pool::Owner;
pub(crate) use tls::NoTls;
pub(crate) use upload::{Feed, Upload};

use crate::stop::Stop;
use connect::Connection;
use manifest::http::Target;
use pool::{Key, Pool};
use std::net::SocketAddr;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::RootCertStore;

/// Makes connections and keeps them.
pub(crate) struct Wire {
    tls: TlsConnector,
    pool: Pool,
}

/// One connection, for one request at a time. Dropped, it is closed at once.
pub(crate) struct Line {
    pub(crate) connection: Connection,
    key: Key,
}

impl Line {
    /// Whom it goes to.
    pub(crate) fn address(&self) -> SocketAddr {
        self.key.address
    }
}

impl Wire {
    pub(crate) fn new(roots: RootCertStore) -> Result<Self, NoTls> {
        Ok(Self { tls: tls::connector(roots)?, pool: Pool::default() })
    }

    /// A connection that was kept: to one of these addresses, each of which has just been checked. None that could not
    /// be made now is used: an address that is prohibited since, or that the name has lost, is not among them.
    pub(crate) fn kept(&self, owner: &Owner, target: &Target, addresses: &[SocketAddr]) -> Option<Line> {
        addresses.iter().find_map(|address| {
            let key = Key::new(owner, target, *address);
            let connection = self.pool.take(&key)?;
            Some(Line { connection, key })
        })
    }

    /// A new one, to the first of the addresses that takes it.
    pub(crate) async fn fresh(
        &self,
        owner: &Owner,
        target: &Target,
        addresses: &[SocketAddr],
        until: Instant,
    ) -> Result<Line, Stop> {
        let (connection, address) = connect::to_any(&self.tls, target, addresses, until).await?;
        Ok(Line { connection, key: Key::new(owner, target, address) })
    }

    /// Keeps a connection whose answer was read to its end.
    pub(crate) fn keep(&self, line: Line) {
        self.pool.put(line.key, line.connection);
    }

    /// Closes what is kept for a principal.
    pub(crate) fn forget(&self, principal: &str) {
        self.pool.forget(principal);
    }
}
