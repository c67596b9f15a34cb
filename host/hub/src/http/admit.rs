//! Whether a request is meant for this port at all: before any token is looked at, on every path.
//!
//! The attacks: a web page makes the operator's browser send requests here (`Origin`), or makes a name of
//! its own point here (`Host`, DNS rebinding); a middlebox and we read different copies of a header; a token
//! in a URL ends in somebody's log.

use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderName, ORIGIN};
use http::uri::Authority;
use http::{StatusCode, Uri};

/// Headers that decide something, and so must not come twice.
const SINGLE: [HeaderName; 9] = [
    HOST,
    ORIGIN,
    AUTHORIZATION,
    CONTENT_TYPE,
    CONTENT_LENGTH,
    HeaderName::from_static("mcp-session-id"),
    HeaderName::from_static("mcp-protocol-version"),
    HeaderName::from_static("mcp-method"),
    HeaderName::from_static("mcp-name"),
];

/// Names of this machine for itself, as they stand in a `Host`.
const LOOPBACK: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];

/// The answer to a request that is not meant for us.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) text: &'static str,
}

const fn refusal(status: StatusCode, text: &'static str) -> Refusal {
    Refusal { status, text }
}

pub(super) fn admit(uri: &Uri, headers: &HeaderMap, port: u16) -> Result<(), Refusal> {
    if SINGLE.iter().any(|name| headers.get_all(name).iter().count() > 1) {
        return Err(refusal(StatusCode::BAD_REQUEST, "a header came twice"));
    }
    let Some(host) = headers.get(HOST) else {
        return Err(refusal(StatusCode::BAD_REQUEST, "the Host header is missing"));
    };
    let host = host.to_str().ok().and_then(|host| host.parse::<Authority>().ok());
    if !host.is_some_and(|host| is_here(&host, port)) {
        return Err(refusal(StatusCode::FORBIDDEN, "this Host is not served here"));
    }
    if uri.authority().is_some_and(|authority| !is_here(authority, port)) {
        return Err(refusal(StatusCode::FORBIDDEN, "this host is not served here"));
    }
    if let Some(origin) = headers.get(ORIGIN) {
        let origin = origin.to_str().ok().and_then(|origin| origin.strip_prefix("http://"));
        let origin = origin.and_then(|authority| authority.parse::<Authority>().ok());
        if !origin.is_some_and(|origin| is_here(&origin, port)) {
            return Err(refusal(StatusCode::FORBIDDEN, "this Origin may not call here"));
        }
    }
    if uri.query().is_some() {
        return Err(refusal(StatusCode::BAD_REQUEST, "no query is taken here; a token goes into Authorization"));
    }
    Ok(())
}

/// The whole text is a name and the port. A parser that takes it apart finds the host in `user@host` and in
/// `[::1].evil.example` as well.
fn is_here(authority: &Authority, port: u16) -> bool {
    LOOPBACK.iter().any(|name| {
        let Some((here, tail)) = authority.as_str().split_at_checked(name.len()) else { return false };
        let same_port = match tail.strip_prefix(':') {
            Some(digits) => digits == port.to_string(),
            None => tail.is_empty() && port == 80,
        };
        here.eq_ignore_ascii_case(name) && same_port
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn status(uri: &str, headers: &[(&str, &str)]) -> Option<u16> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
        }
        admit(&uri.parse().unwrap(), &map, 4000).err().map(|refusal| refusal.status.as_u16())
    }

    #[test]
    fn another_name_that_points_here_is_refused() {
        let hosts = [
            "evil.example:4000",
            "127.0.0.1",
            "127.0.0.1:4001",
            "localhost",
            "127.0.0.1.evil.example:4000",
            "localhost@evil.example:4000",
            "evil.example@localhost:4000",
            "0.0.0.0:4000",
            "[::]:4000",
            "",
            "127.0.0.1:4000:4000",
            "127.1:4000",
            "localhost.:4000",
            "[::1].evil.example:4000",
            "[::1]):4000",
        ];
        for host in hosts {
            assert_eq!(status("/mcp", &[("host", host)]), Some(403), "{host}");
        }
        assert_eq!(status("/mcp", &[]), Some(400));
    }

    #[test]
    fn the_target_in_the_request_line_counts_as_well() {
        assert_eq!(status("http://evil.example:4000/mcp", &[("host", "localhost:4000")]), Some(403));
        assert_eq!(status("http://localhost:4000/mcp", &[("host", "localhost:4000")]), None);
    }

    #[test]
    fn a_page_from_elsewhere_is_refused() {
        let origins = [
            "http://evil.example",
            "https://localhost:4000",
            "http://localhost:3000",
            "null",
            "file://",
            "http://localhost",
            "http://localhost:4000.evil.example",
            "chrome-extension://abc",
            "",
        ];
        for origin in origins {
            let headers = [("host", "localhost:4000"), ("origin", origin)];
            assert_eq!(status("/mcp", &headers), Some(403), "{origin}");
        }
    }

    #[test]
    fn a_header_that_comes_twice_is_refused() {
        for name in SINGLE {
            let headers = [("host", "localhost:4000"), (name.as_str(), "1"), (name.as_str(), "1")];
            assert_eq!(status("/mcp", &headers), Some(400), "{name}");
        }
    }

    #[test]
    fn a_query_is_refused() {
        assert_eq!(status("/mcp?access_token=x", &[("host", "localhost:4000")]), Some(400));
    }

    #[test]
    fn this_machine_is_let_through_by_each_of_its_names() {
        for host in ["localhost:4000", "LOCALHOST:4000", "127.0.0.1:4000", "[::1]:4000"] {
            let origin = format!("http://{host}");
            assert_eq!(status("/mcp", &[("host", host)]), None, "{host}");
            assert_eq!(status("/mcp", &[("host", host), ("origin", &origin)]), None, "{host}");
        }
    }
}
