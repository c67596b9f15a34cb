//! A handshake with a stranger: with an end, and with a clear word to who speaks plain HTTP here.

use super::ServerTls;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// From connecting to the end of the handshake. Bounds what a peer holds that sends half a greeting, or nothing.
pub(crate) const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// The first byte of every TLS connection: a record with a handshake in it (RFC 8446 §5.1).
const HANDSHAKE_RECORD: u8 = 22;
/// How long we listen after a word to who is going away, and to how much: a connection that is closed with bytes
/// unread is reset, and the word lost.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: u64 = 64 << 10;

const PLAIN_HTTP: &str = "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\nconnection: close\r\n\
    content-length: 58\r\n\r\nthis port speaks HTTPS (TLS 1.3): use https:// to reach it";

/// A client certificate, as `sha256:` and the digest of its DER.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Fingerprint(Arc<str>);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a connection never spoke HTTP.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoHandshake {
    #[error("no handshake within {} s", HANDSHAKE_TIME.as_secs())]
    Slow,
    #[error("plain HTTP on a port for TLS")]
    PlainHttp,
    #[error("no TLS")]
    Garbage,
    #[error("gone before the handshake")]
    Gone,
    #[error("{0}")]
    Refused(io::Error),
}

/// The handshake, and the certificate that the client showed, if it was asked for one.
pub(crate) async fn accept<I>(
    tls: &ServerTls,
    stream: I,
) -> Result<(TlsStream<BufReader<I>>, Option<Fingerprint>), NoHandshake>
where
    I: AsyncRead + AsyncWrite + Unpin,
{
    timeout(HANDSHAKE_TIME, handshake(tls, stream)).await.unwrap_or(Err(NoHandshake::Slow))
}

async fn handshake<I>(tls: &ServerTls, stream: I) -> Result<(TlsStream<BufReader<I>>, Option<Fingerprint>), NoHandshake>
where
    I: AsyncRead + AsyncWrite + Unpin,
{
    // Its buffer is for the look at the first byte; what is larger passes it by.
    let mut stream = BufReader::with_capacity(16, stream);
    let first = stream.fill_buf().await.map_err(|_| NoHandshake::Gone)?.first().copied();
    match first {
        None => return Err(NoHandshake::Gone),
        Some(HANDSHAKE_RECORD) => {}
        Some(byte) => {
            // Methods of HTTP are capitals; no other protocol is owed a word.
            return Err(if byte.is_ascii_uppercase() {
                say_so(stream).await;
                NoHandshake::PlainHttp
            } else {
                NoHandshake::Garbage
            });
        }
    }
    let stream = TlsAcceptor::from(tls.config()).accept(stream).await.map_err(NoHandshake::Refused)?;
    let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
    let fingerprint =
        shown.map(|certificate| Fingerprint(format!("sha256:{}", manifest::Digest::of(certificate).as_str()).into()));
    Ok((stream, fingerprint))
}

async fn say_so<I: AsyncRead + AsyncWrite + Unpin>(mut stream: BufReader<I>) {
    if stream.write_all(PLAIN_HTTP.as_bytes()).await.is_err() || stream.shutdown().await.is_err() {
        return;
    }
    let mut rest = stream.take(LINGER_BYTES);
    let _ = timeout(LINGER, tokio::io::copy(&mut rest, &mut tokio::io::sink())).await;
}
