//! Servers to ask: each connection gets the same steps, and what was said to it is kept.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{self, RootCertStore, ServerConfig};

/// What a server does next.
#[derive(Debug, Clone)]
pub enum Step {
    /// Reads to the end of a request's head.
    Head,
    /// Reads so many bytes more.
    Read(usize),
    Say(Vec<u8>),
    /// Says it again and again, until nobody listens.
    Repeat(Vec<u8>),
    /// The same, with pauses.
    Drip(&'static str, Duration),
    /// Says nothing until the other side is gone.
    Hold,
    /// Ends the connection as a crash does.
    Reset,
    /// From the first step on, as long as somebody asks.
    Again,
}

pub fn say(text: impl AsRef<[u8]>) -> Step {
    Step::Say(text.as_ref().to_vec())
}

/// An answer to every request of a connection.
pub fn answers(text: &str) -> Vec<Step> {
    vec![Step::Head, say(text), Step::Again]
}

pub fn ok(body: &str) -> Vec<Step> {
    answers(&format!("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\r\n{body}", body.len()))
}

#[derive(Debug, Clone, Default)]
pub struct Connection {
    pub heard: Vec<u8>,
    pub over: bool,
}

impl Connection {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.heard).into_owned()
    }
}

pub struct Server {
    pub address: SocketAddr,
    connections: watch::Sender<Vec<Connection>>,
}

impl Server {
    pub async fn plain(steps: Vec<Step>) -> Self {
        Self::new(steps, None).await
    }

    pub async fn tls(steps: Vec<Step>, acceptor: TlsAcceptor) -> Self {
        Self::new(steps, Some(acceptor)).await
    }

    async fn new(steps: Vec<Step>, acceptor: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = watch::channel(Vec::new()).0;
        tokio::spawn(serve(listener, steps, acceptor, connections.clone()));
        Self { address, connections }
    }

    pub fn connections(&self) -> Vec<Connection> {
        self.connections.borrow().clone()
    }

    /// All that it was told.
    pub fn heard(&self) -> String {
        self.connections().iter().map(Connection::text).collect()
    }

    pub async fn until(&self, like: impl Fn(&[Connection]) -> bool) {
        self.connections.subscribe().wait_for(|all| like(all)).await.unwrap();
    }
}

async fn serve(
    listener: TcpListener,
    steps: Vec<Step>,
    acceptor: Option<TlsAcceptor>,
    connections: watch::Sender<Vec<Connection>>,
) {
    loop {
        let (tcp, _) = listener.accept().await.unwrap();
        let (steps, acceptor, connections) = (steps.clone(), acceptor.clone(), connections.clone());
        let mut index = 0;
        connections.send_modify(|all| {
            index = all.len();
            all.push(Connection::default());
        });
        tokio::spawn(async move {
            let note = Note { connections: connections.clone(), index };
            match acceptor {
                None => drop(run(tcp, &steps, &note).await),
                Some(acceptor) => {
                    if let Ok(stream) = acceptor.accept(tcp).await {
                        drop(run(stream, &steps, &note).await);
                    }
                }
            }
            connections.send_modify(|all| all[index].over = true);
        });
    }
}

struct Note {
    connections: watch::Sender<Vec<Connection>>,
    index: usize,
}

impl Note {
    fn heard(&self, bytes: &[u8]) {
        self.connections.send_modify(|all| all[self.index].heard.extend_from_slice(bytes));
    }
}

pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {
    fn reset(self);
}

impl Stream for TcpStream {
    fn reset(self) {
        self.set_zero_linger().unwrap();
    }
}

impl Stream for tokio_rustls::server::TlsStream<TcpStream> {
    fn reset(self) {
        self.into_inner().0.set_zero_linger().unwrap();
    }
}

async fn run<S: Stream>(mut stream: S, steps: &[Step], note: &Note) -> std::io::Result<()> {
    let mut at = 0;
    while let Some(step) = steps.get(at) {
        at += 1;
        match step {
            Step::Head => {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await?);
                }
                note.heard(&head);
            }
            Step::Read(bytes) => {
                let mut read = vec![0; *bytes];
                stream.read_exact(&mut read).await?;
                note.heard(&read);
            }
            Step::Hold => {
                let mut read = vec![0; 16 << 10];
                loop {
                    let length = stream.read(&mut read).await?;
                    if length == 0 {
                        break;
                    }
                    note.heard(&read[..length]);
                }
            }
            Step::Say(text) => {
                stream.write_all(text).await?;
                stream.flush().await?;
            }
            Step::Repeat(text) => loop {
                stream.write_all(text).await?;
            },
            Step::Drip(text, pause) => loop {
                for byte in text.bytes() {
                    stream.write_all(&[byte]).await?;
                    stream.flush().await?;
                    tokio::time::sleep(*pause).await;
                }
            },
            Step::Reset => {
                stream.reset();
                return Ok(());
            }
            Step::Again => at = 0,
        }
    }
    stream.shutdown().await
}

/// Signs certificates that the broker believes.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap() }
    }

    pub fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        roots
    }

    pub fn acceptor(&self, name: &str) -> TlsAcceptor {
        self.with(name, |_| {})
    }

    pub fn with(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        change(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        acceptor(certificate.der().clone(), &key)
    }
}

pub fn self_signed(name: &str) -> TlsAcceptor {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new([name.to_owned()]).unwrap().self_signed(&key).unwrap();
    acceptor(certificate.der().clone(), &key)
}

fn acceptor(certificate: rustls::pki_types::CertificateDer<'static>, key: &KeyPair) -> TlsAcceptor {
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}
