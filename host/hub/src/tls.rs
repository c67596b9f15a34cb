//! TLS 1.3 for our own listeners: a certificate and a key from two files, read anew when they change.
//!
//! Nothing comes from the system: no trust store, no default provider, no older version. Whoever we let in by a
//! certificate has one that was signed by the authority in a file that the operator named.

mod accept;
mod client;
mod error;
mod files;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub(crate) use accept::{Fingerprint, accept};
pub use client::{ClientFiles, ClientTls};
pub use error::TlsError;

use arc_swap::ArcSwap;
use files::Stamps;
use jiff::{SignedDuration, Timestamp};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::ServerCertVerifier as _;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use tokio_rustls::rustls::{CertificateError, Error, RootCertStore, ServerConfig, version};
use tokio_util::sync::CancellationToken;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// How long before its end a certificate is a problem: long enough for somebody to come back from holidays.
const WARN_BEFORE: SignedDuration = SignedDuration::from_hours(14 * 24);
/// A time at which every certificate has ended.
const END_OF_TIME: Duration = Duration::from_secs(1 << 60);

/// Where a listener's certificate is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerFiles {
    /// PEM: its own certificate first, then those that signed it.
    pub certificate: PathBuf,
    /// PEM, and nobody else's to read.
    pub key: PathBuf,
    /// PEM: authorities whose certificates a client must show. Without it clients show none.
    pub client_ca: Option<PathBuf>,
}

/// What a listener speaks TLS with.
#[derive(Debug)]
pub struct ServerTls {
    files: ServerFiles,
    current: ArcSwap<Loaded>,
    look: Mutex<Look>,
}

#[derive(Debug)]
struct Loaded {
    config: Arc<ServerConfig>,
    expires: Timestamp,
}

/// The last look at the files.
#[derive(Debug)]
struct Look {
    seen: Stamps,
    trouble: Option<String>,
}

impl ServerTls {
    /// Reads the files.
    ///
    /// # Errors
    /// See [`TlsError`]; each names the file and says what to do.
    pub fn load(files: ServerFiles) -> Result<Arc<Self>, TlsError> {
        let seen = files::stamps(&files);
        let loaded = load(&files)?;
        if loaded.expires < Timestamp::now() {
            return Err(TlsError::Expired { path: files.certificate, since: loaded.expires });
        }
        let look = Mutex::new(Look { seen, trouble: None });
        Ok(Arc::new(Self { files, current: ArcSwap::from_pointee(loaded), look }))
    }

    /// Whether a client must show a certificate.
    #[must_use]
    pub fn asks_for_certificates(&self) -> bool {
        self.files.client_ca.is_some()
    }

    /// For the next handshake; connections that are open keep what they began with.
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        self.current.load().config.clone()
    }

    /// What the operator should look after at this moment, each in one line.
    pub(crate) fn problems(&self, now: Timestamp) -> Vec<String> {
        let expires = self.current.load().expires;
        let path = self.files.certificate.display();
        let left = expires.duration_since(now);
        let ending = if left.is_negative() {
            Some(format!("the certificate in {path} has ended on {expires}: clients refuse it; put a new one there"))
        } else if left < WARN_BEFORE {
            Some(format!("the certificate in {path} ends on {expires}: put a new one there, no restart is needed"))
        } else {
            None
        };
        let trouble = self.look.lock().unwrap_or_else(PoisonError::into_inner).trouble.clone();
        ending.into_iter().chain(trouble).collect()
    }

    /// Takes the files if they have changed. What cannot be used changes nothing: the one in use stays in use.
    pub(crate) fn look(&self) {
        let now = files::stamps(&self.files);
        let mut look = self.look.lock().unwrap_or_else(PoisonError::into_inner);
        if now == look.seen {
            return;
        }
        // Before they were read: what changes meanwhile is read again at the next look.
        look.seen = now;
        match load(&self.files) {
            Ok(loaded) => {
                tracing::info!(certificate = %self.files.certificate.display(), ends = %loaded.expires, "read anew");
                self.current.store(Arc::new(loaded));
                look.trouble = None;
            }
            Err(error) => {
                let text = format!("a changed certificate is not used, the old one is: {error}");
                tracing::warn!("{text}");
                look.trouble = Some(text);
            }
        }
    }

    /// Looks until `stop`.
    pub(crate) async fn keep_fresh(self: Arc<Self>, stop: CancellationToken) {
        let mut tick = interval(LOOK_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let looks = async {
            loop {
                tick.tick().await;
                let tls = self.clone();
                // A file system that hangs must not hold the thread of others.
                let _ = tokio::task::spawn_blocking(move || tls.look()).await;
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = looks => {}
        }
    }
}

pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn load(files: &ServerFiles) -> Result<Loaded, TlsError> {
    let chain = files::certificates(&files.certificate)?;
    let key = files::key(&files.key)?;
    let not_one = || TlsError::Certificate { path: files.certificate.clone() };
    let expires = chain.first().and_then(expires).ok_or_else(not_one)?;
    let builder = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&version::TLS13])
        .map_err(|source| TlsError::Library { source })?;
    let builder = match &files.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let roots = Arc::new(roots(path)?);
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider()).build();
            builder.with_client_cert_verifier(verifier.map_err(|_| TlsError::Certificate { path: path.clone() })?)
        }
    };
    let mut config = builder.with_single_cert(chain, key).map_err(|error| match error {
        Error::InconsistentKeys(_) => TlsError::Pair { certificate: files.certificate.clone(), key: files.key.clone() },
        source => TlsError::Library { source },
    })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // A resumed session is not asked for its certificate again: whoever was let in once would stay in after the
    // authority was taken out of the file.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    // Early data can be sent twice by whoever saw it.
    config.max_early_data_size = 0;
    Ok(Loaded { config: Arc::new(config), expires })
}

fn roots(path: &std::path::Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in files::certificates(path)? {
        roots.add(certificate).map_err(|_| TlsError::Certificate { path: path.to_owned() })?;
    }
    Ok(roots)
}

/// When a certificate ends. The library tells it only to whom it refuses one, so it is asked whether this one
/// will do at the end of time; it looks at the dates before anything else.
fn expires(certificate: &CertificateDer<'static>) -> Option<Timestamp> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).ok()?;
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build().ok()?;
    let name = ServerName::try_from("invalid").ok()?;
    let time = UnixTime::since_unix_epoch(END_OF_TIME);
    match verifier.verify_server_cert(certificate, &[], &name, &[], time) {
        Err(Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. })) => {
            Timestamp::from_second(i64::try_from(not_after.as_secs()).ok()?).ok()
        }
        _ => None,
    }
}
