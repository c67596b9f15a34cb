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

/// Connects, listens, sends a datagram and asks for a name.
#[tool]
fn attack_open_socket() -> Result<Report> {
    let mut attempts = Vec::new();
    for address in ["127.0.0.1:22", "169.254.169.254:80", "192.0.2.1:443", "[::1]:80"] {
        attempts.push(attempt(format!("connect {address}"), TcpStream::connect(address)));
    }
    attempts.push(attempt("listen".into(), TcpListener::bind("0.0.0.0:0")));
    let sent = UdpSocket::bind("0.0.0.0:0").and_then(|socket| socket.send_to(b"out", "192.0.2.1:53"));
    attempts.push(attempt("send a datagram".into(), sent));
    let names = "example.com:443".to_socket_addrs().map(Iterator::collect::<Vec<_>>);
    attempts.push(attempt("resolve a name".into(), names));
    Ok(Report { reached: attempts.iter().any(|a| a.reached), attempts })
}

plugin!(attack_open_socket);
