//! What reaches the hub before anybody is known: the head of an HTTP request, and a bridge's greeting.
//!
//! The attack: a web page, a rebound name or another user of the machine words a request so that one check
//! reads it in one way and what comes behind in another.

use super::tree;
use hub::bounds::VALUES;
use hub::{http, stdio};
use hyper::Uri;
use hyper::header::{AUTHORIZATION, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN};

const PORT: u16 = 4000;
/// Headers that decide something.
const DECIDES: [&str; 9] = [
    "host",
    "origin",
    "authorization",
    "content-type",
    "content-length",
    "mcp-session-id",
    "mcp-protocol-version",
    "mcp-method",
    "mcp-name",
];

/// The same bytes as a greeting, as a line of MCP and as the head of a request.
pub fn check(bytes: &[u8]) -> bool {
    let greeted = greeting(bytes);
    values(bytes);
    greeted || head(bytes)
}

fn greeting(line: &[u8]) -> bool {
    let Some(token) = stdio::fuzzing::greeting(line) else { return false };
    assert!(!token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()), "{token:?}");
    assert_eq!(format!("safeclaw-mcp/1 {token}\n").as_bytes(), line, "read otherwise than written");
    true
}

/// A line of few values comes through as it is, and one of too many becomes no JSON, whatever lies before it.
fn values(bytes: &[u8]) {
    assert_eq!(stdio::fuzzing::few_values(bytes), bytes);
    if tree::is_chosen(bytes) && !bytes.contains(&b'\n') && !bytes.contains(&b'"') {
        let line = [&b"[0"[..], &b",0".repeat(VALUES + 1), b"]\n", bytes].concat();
        let through = stdio::fuzzing::few_values(&line);
        assert_eq!(through.len(), line.len());
        assert!(through.ends_with(&line[line.len() - bytes.len() - 1..]), "the next line is its own");
        assert!(
            serde_json::from_slice::<serde_json::Value>(through.split(|byte| *byte == b'\n').next().unwrap()).is_err()
        );
    }
}

/// Only a request that is meant for this port, by one of its own names, is let in.
fn head(bytes: &[u8]) -> bool {
    let Some((uri, headers)) = request(bytes) else { return false };
    if let Some(token) = http::fuzzing::bearer(&headers) {
        assert!(!token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()));
        let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).expect("it has the header");
        assert!(
            header.trim_end().ends_with(token) && header.get(..7).is_some_and(|s| s.eq_ignore_ascii_case("bearer "))
        );
    }
    if !http::fuzzing::admits(&uri, &headers, PORT) {
        return false;
    }
    for name in headers.keys() {
        assert!(!DECIDES.contains(&name.as_str()) || headers.get_all(name).iter().count() == 1, "{name} twice");
    }
    assert!(headers.get(HOST).is_some_and(|host| is_here(host.as_bytes())), "{:?}", headers.get(HOST));
    if let Some(origin) = headers.get(ORIGIN) {
        assert!(origin.as_bytes().strip_prefix(b"http://").is_some_and(is_here), "{origin:?}");
    }
    assert!(uri.query().is_none() && uri.authority().is_none_or(|there| is_here(there.as_str().as_bytes())), "{uri}");
    true
}

/// The names of this machine for itself, letter by letter, and the port.
fn is_here(authority: &[u8]) -> bool {
    let Some(colon) = authority.iter().rposition(|byte| *byte == b':') else { return false };
    let (name, port) = authority.split_at(colon);
    let named = [&b"localhost"[..], b"127.0.0.1", b"[::1]"].iter().any(|here| here.eq_ignore_ascii_case(name));
    let port = std::str::from_utf8(&port[1..]).ok().and_then(|port| port.parse::<u16>().ok());
    named && port == Some(PORT)
}

/// The target on the first line, then one header a line.
fn request(bytes: &[u8]) -> Option<(Uri, HeaderMap)> {
    let mut lines = bytes.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let uri = Uri::try_from(lines.next()?).ok()?;
    let mut headers = HeaderMap::new();
    for line in lines.take_while(|line| !line.is_empty()) {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        headers.append(name, HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?);
    }
    Some((uri, headers))
}
