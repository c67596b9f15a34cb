//! The other side, for the operator's commands: a certificate to show, and one authority to believe.

use super::{TlsError, files, provider, roots};
use http::Uri;
use std::path::PathBuf;
use std::sync::Arc;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, Error, version};

/// The port of an address that names none.
const HTTPS: u16 = 443;

/// What a client shows and believes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientFiles {
    /// PEM: its own certificate first.
    pub certificate: PathBuf,
    /// PEM, and nobody else's to read.
    pub key: PathBuf,
    /// PEM: the authority that signed the server's. The system's are not believed.
    pub ca: PathBuf,
}

/// How to reach one server.
#[derive(Clone)]
pub struct ClientTls {
    pub(crate) connector: TlsConnector,
    pub(crate) name: ServerName<'static>,
    /// `host:port`, to connect to.
    pub(crate) address: String,
}

impl std::fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ClientTls({})", self.address)
    }
}

impl ClientTls {
    /// For `url`, which is `https://HOST[:PORT]` and nothing more.
    ///
    /// # Errors
    /// See [`TlsError`].
    pub fn new(url: &str, files: &ClientFiles) -> Result<Self, TlsError> {
        let wrong = || TlsError::Address(url.to_owned());
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        let bare = uri.path() == "/" && uri.query().is_none() && !url.contains('@');
        if uri.scheme_str() != Some("https") || !bare {
            return Err(wrong());
        }
        let host = uri.host().ok_or_else(wrong)?;
        let name = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(name).map_err(|_| wrong())?;
        let address = format!("{host}:{}", uri.port_u16().unwrap_or(HTTPS));
        let config = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&version::TLS13])
            .map_err(|source| TlsError::Library { source })?
            .with_root_certificates(roots(&files.ca)?)
            .with_client_auth_cert(files::certificates(&files.certificate)?, files::key(&files.key)?)
            .map_err(|error| match error {
                Error::InconsistentKeys(_) => {
                    TlsError::Pair { certificate: files.certificate.clone(), key: files.key.clone() }
                }
                source => TlsError::Library { source },
            })?;
        Ok(Self { connector: TlsConnector::from(Arc::new(config)), name, address })
    }
}
