//! Where an issuer's keys come from: an address that the operator wrote, or a file.
//!
//! No redirect is followed and nothing that a token says is ever asked: what is fetched is what was written.

use super::jwks;
use bytes::Bytes;
use http::{StatusCode, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

/// From the first byte of the connection to the last one of the document.
const FETCH_TIME: Duration = Duration::from_secs(5);
/// A file of certificates is smaller.
const MAX_CA_BYTES: u64 = 1 << 20;

/// Where keys are had.
#[derive(Debug, Clone)]
pub(super) enum Source {
    File(PathBuf),
    Http(Client<HttpsConnector<HttpConnector>, Empty<Bytes>>, Uri),
}

/// Why they are not had.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("{0} cannot be read")]
    File(PathBuf, #[source] std::io::Error),
    #[error("it did not answer within 5 s")]
    Time,
    #[error("it cannot be asked")]
    Ask(#[source] hyper_util::client::legacy::Error),
    #[error("it answered {0}")]
    Status(StatusCode),
    #[error("its answer broke off or is too long: {0}")]
    Body(String),
    #[error("it is no set of keys")]
    Keys(#[from] jwks::BadKeys),
}

/// Why an address cannot be asked over TLS.
#[derive(Debug, thiserror::Error)]
pub(super) enum TlsError {
    #[error("{0} cannot be read as certificates: {1}")]
    Ca(PathBuf, String),
    #[error("TLS cannot be set up: {0}")]
    Setup(#[from] rustls::Error),
}

impl Source {
    /// An address: `https`, or `http` where `plain` says that it is this machine. With a file of authorities only
    /// those are believed.
    pub(super) fn http(url: Uri, ca: Option<&Path>, plain: bool) -> Result<Self, TlsError> {
        let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
        let builder = builder.with_safe_default_protocol_versions()?;
        let tls = match ca {
            Some(ca) => builder.with_root_certificates(roots(ca)?),
            None => builder.with_webpki_roots(),
        };
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls.with_no_client_auth());
        let connector = if plain { connector.https_or_http() } else { connector.https_only() };
        let client = Client::builder(TokioExecutor::new()).build(connector.enable_http1().build());
        Ok(Self::Http(client, url))
    }

    /// The document, bounded in time and size.
    pub(super) async fn fetch(&self) -> Result<Vec<u8>, FetchError> {
        match self {
            Self::File(path) => {
                let read = std::fs::File::open(path).and_then(|file| bounded(file, jwks::MAX_BYTES as u64 + 1));
                read.map_err(|error| FetchError::File(path.clone(), error))
            }
            Self::Http(client, url) => {
                let asked = async {
                    let answer = client.get(url.clone()).await.map_err(FetchError::Ask)?;
                    if answer.status() != StatusCode::OK {
                        return Err(FetchError::Status(answer.status()));
                    }
                    let body = Limited::new(answer.into_body(), jwks::MAX_BYTES).collect().await;
                    Ok(body.map_err(|error| FetchError::Body(error.to_string()))?.to_bytes().to_vec())
                };
                timeout(FETCH_TIME, asked).await.unwrap_or(Err(FetchError::Time))
            }
        }
    }
}

fn roots(path: &Path) -> Result<RootCertStore, TlsError> {
    let refuse = |why: String| TlsError::Ca(path.to_owned(), why);
    let pem = std::fs::File::open(path).and_then(|file| bounded(file, MAX_CA_BYTES));
    let pem = pem.map_err(|error| refuse(error.to_string()))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| refuse(error.to_string()))?;
        roots.add(certificate).map_err(|error| refuse(error.to_string()))?;
    }
    if roots.is_empty() { Err(refuse("it holds no certificate".to_owned())) } else { Ok(roots) }
}

fn bounded(file: std::fs::File, most: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}
