//! Sockets that nobody binds. A hub that serves has given up `bind`, so that nobody who takes it over opens a door; the
//! kernel gives a socket its port, a random one, when the first packet leaves it.

use hickory_resolver::net::runtime::{RuntimeProvider, TokioRuntimeProvider};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;
use tokio::net::UdpSocket;

/// Tokio's runtime, but for how a socket begins.
#[derive(Clone, Default)]
pub(super) struct Unbound(TokioRuntimeProvider);

impl RuntimeProvider for Unbound {
    type Handle = <TokioRuntimeProvider as RuntimeProvider>::Handle;
    type Timer = <TokioRuntimeProvider as RuntimeProvider>::Timer;
    type Udp = UdpSocket;
    type Tcp = <TokioRuntimeProvider as RuntimeProvider>::Tcp;

    fn create_handle(&self) -> Self::Handle {
        self.0.create_handle()
    }

    fn connect_tcp(
        &self,
        server: SocketAddr,
        _: Option<SocketAddr>,
        timeout: Option<Duration>,
    ) -> Pin<Box<dyn Send + Future<Output = io::Result<Self::Tcp>>>> {
        self.0.connect_tcp(server, None, timeout)
    }

    fn bind_udp(
        &self,
        _: SocketAddr,
        server: SocketAddr,
    ) -> Pin<Box<dyn Send + Future<Output = io::Result<Self::Udp>>>> {
        Box::pin(async move { unbound(server) })
    }
}

fn unbound(server: SocketAddr) -> io::Result<UdpSocket> {
    let family = if server.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = socket_with(family, SocketType::DGRAM, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC, None)?;
    UdpSocket::from_std(socket.into())
}
