//! A server on loopback that behaves like what tools talk to: GitHub's API as it is documented, an MCP server of both
//! eras, pages, and echoes of whatever credential it was sent. TLS with a CA of its own, HTTP/1.1.
//!
//! What is asked is in [`Upstream::log`], as it was received.

pub mod client;
mod echo;
mod github;
mod mcp;
pub mod outside;
mod pages;
mod reply;

pub use reply::{Body, Reply};

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// What a server is to be like.
pub struct Script {
    /// The token that GitHub's part wants.
    pub token: String,
    /// Names in its certificate, besides `localhost` and `127.0.0.1`.
    pub names: Vec<String>,
    /// In the clear.
    pub plain: bool,
    /// Answers in place of what the routes would say, each once, in this order: method, path, answer.
    pub instead: VecDeque<(String, String, Reply)>,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            token: "ghp_0123456789abcdefTESTtoken".to_owned(),
            names: Vec::new(),
            plain: false,
            instead: VecDeque::new(),
        }
    }
}

impl Script {
    /// The next request of this method and path is answered so.
    #[must_use]
    pub fn answer(mut self, method: &str, path: &str, reply: Reply) -> Self {
        self.instead.push_back((method.to_owned(), path.to_owned(), reply));
        self
    }
}

/// A request as it was received.
#[derive(Debug, Clone)]
pub struct Received {
    pub method: String,
    /// With the query.
    pub path: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Received {
    /// A header's first value as text; empty if there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The path without the query.
    pub fn place(&self) -> &str {
        self.path.split('?').next().unwrap_or_default()
    }

    /// A parameter of the query, decoded as far as these tests need it.
    pub fn query(&self, name: &str) -> Option<String> {
        let (_, query) = self.path.split_once('?')?;
        let value = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
        Some(unescape(value))
    }
}

fn unescape(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, others)) = rest.split_first() {
        let escaped = (first == b'%').then(|| others.get(..2)).flatten().and_then(|two| hex::decode(two).ok());
        match escaped {
            Some(byte) => {
                bytes.extend(byte);
                rest = &others[2..];
            }
            None => {
                bytes.push(first);
                rest = others;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What its connections share.
struct Shared {
    token: String,
    address: SocketAddr,
    plain: bool,
    instead: Mutex<VecDeque<(String, String, Reply)>>,
    log: Mutex<Vec<Received>>,
    github: Mutex<github::State>,
    mcp: Mutex<mcp::Sessions>,
}

/// A running server; it ends when this is dropped.
pub struct Upstream {
    shared: Arc<Shared>,
    ca: String,
    accepting: AbortHandle,
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Upstream {
    /// Starts one at a free port of 127.0.0.1.
    pub async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (tls, ca) = certify(&script.names);
        let shared = Arc::new(Shared {
            token: script.token,
            address,
            plain: script.plain,
            instead: Mutex::new(script.instead),
            log: Mutex::default(),
            github: Mutex::default(),
            mcp: Mutex::default(),
        });
        let accepting = tokio::spawn(accept(listener, shared.clone(), tls)).abort_handle();
        Self { shared, ca, accepting }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// The URL of a path, by its address: nothing has to be resolved.
    pub fn url(&self, path: &str) -> String {
        self.shared.url(path)
    }

    /// The CA's certificate, PEM: what an operator would write behind `roots`.
    pub fn ca(&self) -> &str {
        &self.ca
    }

    /// The token that it wants.
    pub fn token(&self) -> &str {
        &self.shared.token
    }

    /// What it was asked so far.
    pub fn log(&self) -> Vec<Received> {
        lock(&self.shared.log).clone()
    }

    /// The next request of this method and path is answered so, once.
    pub fn answer(&self, method: &str, path: &str, reply: Reply) {
        lock(&self.shared.instead).push_back((method.to_owned(), path.to_owned(), reply));
    }

    /// The sessions of MCP that were opened and not closed.
    pub fn open_sessions(&self) -> usize {
        lock(&self.shared.mcp).open()
    }
}

impl Shared {
    fn url(&self, path: &str) -> String {
        let scheme = if self.plain { "http" } else { "https" };
        format!("{scheme}://127.0.0.1:{}{path}", self.address.port())
    }

    fn answer(&self, asked: &Received) -> Reply {
        let mut instead = lock(&self.instead);
        let scripted = instead.iter().position(|(method, path, _)| *method == asked.method && path == asked.place());
        if let Some((.., reply)) = scripted.and_then(|at| instead.remove(at)) {
            return reply;
        }
        drop(instead);
        match asked.place().split('/').nth(1).unwrap_or_default() {
            "repos" | "search" => github::answer(self, asked),
            "mcp" => mcp::answer(&mut lock(&self.mcp), asked),
            "pages" => pages::answer(self, asked),
            "echo" => echo::answer(asked),
            _ => Reply::text(404, "nothing is here"),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, tls: TlsAcceptor) {
    while let Ok((stream, _)) = listener.accept().await {
        let (shared, tls) = (shared.clone(), tls.clone());
        tokio::spawn(async move {
            // A client that hangs up, or does not trust us, is not this server's trouble.
            if shared.plain {
                serve(stream, shared).await;
            } else if let Ok(stream) = tls.accept(stream).await {
                serve(stream, shared).await;
            }
        });
    }
}

async fn serve<S>(stream: S, shared: Arc<Shared>)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let service = service_fn(move |request| one(request, shared.clone()));
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn one(request: Request<Incoming>, shared: Arc<Shared>) -> Result<Response<Body>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes().to_vec()).unwrap_or_default();
    let path = parts.uri.path_and_query().map_or("", |path| path.as_str()).to_owned();
    let asked = Received { method: parts.method.to_string(), path, headers: parts.headers, body };
    lock(&shared.log).push(asked.clone());
    let reply = shared.answer(&asked);
    tokio::time::sleep(reply.pause).await;
    Ok(reply.into_response())
}

/// A certificate for this machine's names, and the CA that signed it.
fn certify(names: &[String]) -> (TlsAcceptor, String) {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.distinguished_name.push(DnType::CommonName, "the upstream's authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority");
    let names = ["localhost", "127.0.0.1"].map(str::to_owned).into_iter().chain(names.iter().cloned());
    let mut params = CertificateParams::new(names.collect::<Vec<_>>()).expect("names");
    params.distinguished_name.push(DnType::CommonName, "an upstream");
    let key = KeyPair::generate().expect("a key");
    let certificate = params.signed_by(&key, &issuer).expect("a certificate");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("TLS 1.2 and 1.3")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .expect("a key that fits");
    (TlsAcceptor::from(Arc::new(config)), issuer.pem())
}
