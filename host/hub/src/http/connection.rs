//! Accepting connections and serving each: permit before accept, every task owned, an end to waiting.

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// From a connection's start, or the end of an answer, to the end of the next request's header: bounds both
/// a header that trickles in and a connection that does nothing.
const HEADER_TIME: Duration = Duration::from_secs(60);
/// One request line and all headers.
const HEADER_BYTES: usize = 32 << 10;
/// Headers of one request.
const HEADERS: usize = 64;
/// When no connection can be accepted (no descriptors left), the next try is after this.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long cut connections may take to end before their tasks are dropped.
const CUT_TIME: Duration = Duration::from_secs(2);

/// What one listener may use.
pub(crate) struct Limits {
    /// Connections at once; more wait in the kernel.
    pub(crate) connections: usize,
    /// After `stop`: for requests that run.
    pub(crate) grace: Duration,
}

/// The address at the other end: an extension of each request. Unix sockets have none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Remote(pub(crate) Option<IpAddr>);

/// Something that connections come from.
pub(crate) trait Listen: Send {
    /// One connection.
    type Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;
    /// The next one, and the address that it came from, where there are such.
    fn next(&self) -> impl Future<Output = io::Result<(Self::Io, Remote)>> + Send;
}

impl Listen for TcpListener {
    type Io = TcpStream;

    async fn next(&self) -> io::Result<(TcpStream, Remote)> {
        let (stream, remote) = self.accept().await?;
        // Without it an answer of two writes waits 40 ms for the peer's delayed acknowledgement.
        stream.set_nodelay(true)?;
        Ok((stream, Remote(Some(remote.ip()))))
    }
}

impl Listen for UnixListener {
    type Io = UnixStream;

    async fn next(&self) -> io::Result<(UnixStream, Remote)> {
        Ok((self.accept().await?.0, Remote(None)))
    }
}

/// Serves until `stop`, then waits for `settled` (what must not be broken off), at most [`Limits::grace`],
/// then cancels `cut`, which ends the streams that would never end of themselves.
pub(crate) async fn serve_all<L: Listen>(
    listener: L,
    router: Router,
    limits: Limits,
    stop: CancellationToken,
    settled: impl Future<Output = ()>,
    cut: CancellationToken,
) {
    let permits = Arc::new(Semaphore::new(limits.connections));
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let permit = tokio::select! {
            () = stop.cancelled() => break,
            permit = permits.clone().acquire_owned() => permit,
        };
        let Ok(permit) = permit else { break };
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.next() => accepted,
        };
        match accepted {
            Ok((stream, remote)) => {
                let served = serve_one(stream, router.clone().layer(Extension(remote)), stop.clone());
                connections.spawn(async move {
                    served.await;
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "no connection could be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let quiet = async {
        tokio::select! {
            () = settled => {}
            () = async { while connections.join_next().await.is_some() {} } => {}
        }
    };
    let _ = timeout(limits.grace, quiet).await;
    cut.cancel();
    let _ = timeout(CUT_TIME, async { while connections.join_next().await.is_some() {} }).await;
}

async fn serve_one<I>(stream: I, router: Router, stop: CancellationToken)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEADER_TIME).max_buf_size(HEADER_BYTES).max_headers(HEADERS);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router)));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        // A peer that goes away, or that was too slow: its own affair.
        tracing::debug!(%error, "a connection ended");
    }
}

#[cfg(test)]
mod tests;
