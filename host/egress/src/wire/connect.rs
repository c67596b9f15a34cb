//! From addresses to a connection that speaks HTTP/1.1.

use super::faults;
use super::upload::Upload;
use crate::stop::Stop;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use manifest::http::{Name, Scheme, Target};
use protocol::{HttpFault, MAX_HTTP_FIELD_BYTES, MAX_HTTP_FIELDS};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

/// What a connection may hold of an answer that nobody has read yet, and of a request that nobody has taken.
const BUFFER_BYTES: usize = 64 << 10;
/// How long a connection is kept that nobody uses.
pub(super) const IDLE: Duration = Duration::from_secs(30);

/// A connection and the task that drives it.
pub(crate) struct Connection {
    /// To ask on it.
    pub(crate) sender: SendRequest<Upload>,
    /// When it was last used, while nobody does.
    idle: watch::Sender<Option<Instant>>,
    driver: AbortHandle,
}

impl Connection {
    /// Whether a request can be written now.
    pub(super) fn is_ready(&self) -> bool {
        self.sender.is_ready()
    }

    /// Whether it is of no use any more.
    pub(super) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// From now on it is closed if nobody uses it.
    pub(super) fn rest(&self) {
        self.idle.send_replace(Some(Instant::now()));
    }

    /// Somebody does.
    pub(super) fn wake(&self) {
        self.idle.send_replace(None);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // The socket is the task's: without it nothing more is sent, and nothing more is read.
        self.driver.abort();
    }
}

pub(super) async fn to_any(
    tls: &TlsConnector,
    target: &Target,
    addresses: &[SocketAddr],
    until: Instant,
) -> Result<(Connection, SocketAddr), Stop> {
    let mut last = Stop::fault(HttpFault::NoAddress, "it has no address");
    for (tried, address) in addresses.iter().enumerate() {
        // Each gets its share of the time that is left: one that does not answer leaves some for the next.
        let left = until.saturating_duration_since(Instant::now());
        let share = left / u32::try_from(addresses.len().saturating_sub(tried)).unwrap_or(u32::MAX).max(1);
        match timeout_at(Instant::now() + share, to(tls, target, *address)).await {
            Ok(Ok(connection)) => return Ok((connection, *address)),
            // Its owner answers with the wrong certificate: the other addresses are no better.
            Ok(Err(stop @ Stop::Fault(HttpFault::Tls, _))) => return Err(stop),
            Ok(Err(stop)) => last = stop,
            Err(_) => last = Stop::fault(HttpFault::ConnectTimeout, format!("{address} does not answer")),
        }
    }
    Err(last)
}

async fn to(tls: &TlsConnector, target: &Target, address: SocketAddr) -> Result<Connection, Stop> {
    let failed = |error| faults::of_io(&error, &format!("connecting to {address}"));
    let tcp = TcpStream::connect(address).await.map_err(failed)?;
    tcp.set_nodelay(true).map_err(failed)?;
    match target.scheme() {
        Scheme::Http => speak(tcp).await,
        Scheme::Https => {
            let name = server_name(target.name())?;
            speak(tls.connect(name, tcp).await.map_err(failed)?).await
        }
    }
}

/// The name that its certificate has to have, which is the one that was asked for.
fn server_name(name: &Name) -> Result<ServerName<'static>, Stop> {
    match name {
        Name::Address(address) => Ok(ServerName::IpAddress((*address).into())),
        Name::Domain(domain) => ServerName::try_from(domain.clone())
            .map_err(|_| Stop::fault(HttpFault::Tls, "no certificate can have its name")),
    }
}

async fn speak<S>(stream: S) -> Result<Connection, Stop>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut http = http1::Builder::new();
    http.max_buf_size(BUFFER_BYTES).max_headers(MAX_HTTP_FIELDS).max_header_size(MAX_HTTP_FIELD_BYTES);
    let (sender, connection) =
        http.handshake(TokioIo::new(stream)).await.map_err(|error| faults::of_http(&error, "beginning"))?;
    let (idle, mut rests) = watch::channel(None::<Instant>);
    let driver = tokio::spawn(async move {
        tokio::select! {
            // Whoever waits for an answer learns of the error itself.
            _ = connection => {}
            () = rested(&mut rests) => {}
        }
    });
    Ok(Connection { sender, idle, driver: driver.abort_handle() })
}

/// Completes once nobody has used it for [`IDLE`].
async fn rested(since: &mut watch::Receiver<Option<Instant>>) {
    loop {
        let resting = *since.borrow_and_update();
        let changed = match resting {
            None => since.changed().await,
            Some(began) => tokio::select! {
                () = sleep_until(began + IDLE) => return,
                changed = since.changed() => changed,
            },
        };
        if changed.is_err() {
            return;
        }
    }
}
