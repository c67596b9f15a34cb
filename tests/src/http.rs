//! HTTP as text, for requests that no client library would make.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: String,
}

/// How long a server may stay silent before what it said counts as all.
const SILENCE: Duration = Duration::from_secs(5);
/// The same where it is known to answer, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(60);

/// Sends `request` as it stands and reads until the server closes or stays silent for five seconds.
pub fn send(to: SocketAddr, request: &[u8]) -> Reply {
    send_and_wait(to, request, SILENCE)
}

fn send_and_wait(to: SocketAddr, request: &[u8], silence: Duration) -> Reply {
    let mut stream = TcpStream::connect(to).expect("the hub listens");
    stream.set_read_timeout(Some(silence)).expect("a timeout can be set");
    // A server that refuses early may close while we still write.
    let _ = stream.write_all(request);
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text.as_str(), ""));
    let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
    Reply { status, head: head.to_owned(), body: body.to_owned() }
}

/// A POST of JSON to `/mcp` with these header lines besides.
pub fn post(to: SocketAddr, headers: &[(&str, &str)], body: &str) -> Reply {
    send(to, post_text(to, headers, body).as_bytes())
}

/// The same, of a request that is answered for certain.
pub fn post_and_wait(to: SocketAddr, headers: &[(&str, &str)], body: &str) -> Reply {
    send_and_wait(to, post_text(to, headers, body).as_bytes(), PATIENCE)
}

fn post_text(to: SocketAddr, headers: &[(&str, &str)], body: &str) -> String {
    let mut request = format!("POST /mcp HTTP/1.1\r\nContent-Length: {}\r\nConnection: close\r\n", body.len());
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        request.push_str(&format!("Host: {to}\r\n"));
    }
    request.push_str("Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    request.push_str(body);
    request
}
