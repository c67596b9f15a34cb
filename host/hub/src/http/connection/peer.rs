//! Where a connection comes from, as the kernel and TLS say.

use crate::tls::Fingerprint;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// Who is at the other end: an extension of each request of the connection. Nothing in it was said by a header.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Peer {
    /// Over TCP; IPv4 as such, also where it came through an IPv6 socket.
    pub(crate) remote: Option<IpAddr>,
    /// Over a Unix socket: whose process it was when it connected.
    pub(crate) uid: Option<u32>,
    /// What it showed, where it was asked for one; its key was proved.
    pub(crate) certificate: Option<Fingerprint>,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.certificate, self.uid, self.remote) {
            (Some(certificate), ..) => write!(f, "certificate {certificate}"),
            (None, Some(uid), _) => write!(f, "user {uid}"),
            (None, None, Some(remote)) => write!(f, "{remote}"),
            (None, None, None) => f.write_str("unknown"),
        }
    }
}

/// Something that connections come from.
pub(crate) trait Listen: Send {
    /// One connection.
    type Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;
    /// The next one.
    fn next(&self) -> impl Future<Output = io::Result<(Self::Io, Peer)>> + Send;
}

impl Listen for TcpListener {
    type Io = TcpStream;

    async fn next(&self) -> io::Result<(TcpStream, Peer)> {
        let (stream, address) = self.accept().await?;
        // Without it an answer of two writes waits 40 ms for the peer's delayed acknowledgement.
        stream.set_nodelay(true)?;
        Ok((stream, Peer { remote: Some(address.ip().to_canonical()), ..Peer::default() }))
    }
}

impl Listen for UnixListener {
    type Io = UnixStream;

    async fn next(&self) -> io::Result<(UnixStream, Peer)> {
        let (stream, _) = self.accept().await?;
        let uid = stream.peer_cred()?.uid();
        Ok((stream, Peer { uid: Some(uid), ..Peer::default() }))
    }
}
