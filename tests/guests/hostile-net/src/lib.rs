//! Attacks on the network. They import wasi:sockets, which is never granted: this component is refused
//! when it is registered, unless the manifest lets those imports trap.
#![forbid(unsafe_code)]

use safeclaw_sdk::prelude::*;
use std::net::{TcpListener, TcpStream, ToSocketAddrs as _, UdpSocket};

/// What was tried, and what came of it.
#[result]
struct Attempt {
    what: String,
    outcome: String,
    /// It got what it must not.
    reached: bool,
}

/// All that was tried.
#[result]
struct Report {
    reached: bool,
    attempts: Vec<Attempt>,
}

fn attempt<T: std::fmt::Debug>(what: String, result: std::io::Result<T>) -> Attempt {
    let reached = result.is_ok();
    Attempt { what, outcome: result.map_or_else(|e| e.to_string(), |got| format!("{got:?}")), reached }
}

/// Which way out.
#[arguments]
#[serde(rename_all = "kebab-case")]
enum Way {
    /// To this machine.
    ConnectLoopback,
    /// To this machine, by version 6.
    ConnectLoopback6,
    /// To where clouds keep credentials.
    ConnectMetadata,
    /// To the world.
    ConnectWorld,
    /// Waits for others.
    Listen,
    /// Waits for datagrams.
    Bind,
    /// Sends a datagram.
    Send,
    /// Asks for a name.
    Resolve,
}

/// What to try.
#[arguments]
struct Try {
    /// All of them, one after the other, if left out.
    way: Option<Way>,
}

/// Connects, listens, sends a datagram and asks for a name.
#[tool]
fn attack_open_socket(args: Try) -> Result<Report> {
    let connect = |address: &str| attempt(format!("connect {address}"), TcpStream::connect(address));
    let listen = || attempt("listen".into(), TcpListener::bind("0.0.0.0:0"));
    let send = || {
        let sent = UdpSocket::bind("0.0.0.0:0").and_then(|socket| socket.send_to(b"out", "192.0.2.1:53"));
        attempt("send a datagram".into(), sent)
    };
    let resolve = || {
        let names = "example.com:443".to_socket_addrs().map(Iterator::collect::<Vec<_>>);
        attempt("resolve a name".into(), names)
    };
    let attempts = match args.way {
        Some(Way::ConnectLoopback) => vec![connect("127.0.0.1:22")],
        Some(Way::ConnectLoopback6) => vec![connect("[::1]:80")],
        Some(Way::ConnectMetadata) => vec![connect("169.254.169.254:80")],
        Some(Way::ConnectWorld) => vec![connect("192.0.2.1:443")],
        Some(Way::Listen) => vec![listen()],
        Some(Way::Bind) => vec![attempt("bind".into(), UdpSocket::bind("0.0.0.0:0"))],
        Some(Way::Send) => vec![send()],
        Some(Way::Resolve) => vec![resolve()],
        None => {
            let addresses = ["127.0.0.1:22", "169.254.169.254:80", "192.0.2.1:443", "[::1]:80"];
            addresses.into_iter().map(connect).chain([listen(), send(), resolve()]).collect()
        }
    };
    Ok(Report { reached: attempts.iter().any(|a| a.reached), attempts })
}

plugin!(attack_open_socket);
