//! What a guest may say. A header that is not on the list is refused, not dropped: a tool that thinks it has said
//! something must not be wrong about it.
//!
//! Not on the list, among others: `Authorization`, `Cookie` and every other way to say who one is. Credentials are the
//! hub's to add; with one of its own a guest could carry what it has read into the account of whoever gave it that.
//! Nor `Forwarded`, `X-Forwarded-*`, `X-Real-IP`, `Via` (who is asking), `X-HTTP-Method-Override` and its kin (what is
//! asked), `X-Original-URL` (where), whatever belongs to the connection, and `Content-Encoding`, whose bodies could
//! not be searched.

use crate::stop::Stop;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use manifest::http::Target;
use protocol::{Fields, MAX_HTTP_FIELD_BYTES, MAX_HTTP_FIELDS};

/// May be said.
const ALLOWED: &[&str] = &[
    "accept",
    "accept-charset",
    "accept-language",
    "cache-control",
    "content-disposition",
    "content-language",
    "content-type",
    "idempotency-key",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "last-event-id",
    "pragma",
    "prefer",
    "range",
    "user-agent",
    "x-github-api-version",
];
/// So may everything that begins so: the headers of MCP's Streamable HTTP.
const ALLOWED_PREFIX: &str = "mcp-";
/// These describe a body that a redirect leaves behind.
const OF_BODY: [HeaderName; 3] = [header::CONTENT_TYPE, header::CONTENT_LANGUAGE, header::CONTENT_DISPOSITION];
/// These may go to another origin than the one that they were said to.
const ELSEWHERE: [HeaderName; 7] = [
    header::ACCEPT,
    header::ACCEPT_CHARSET,
    header::ACCEPT_LANGUAGE,
    header::CONTENT_TYPE,
    header::CONTENT_LANGUAGE,
    header::CONTENT_DISPOSITION,
    header::USER_AGENT,
];
/// Who asks, where a guest does not say so. Some servers want to be told.
const USER_AGENT: HeaderValue = HeaderValue::from_static(concat!("safeclaw/", env!("CARGO_PKG_VERSION")));

/// What a guest has said.
#[derive(Debug)]
pub(crate) struct Said {
    /// To be sent, without `Host` and without what frames the body.
    pub(crate) headers: HeaderMap,
    /// The length of its body, as it announces it.
    pub(crate) length: Option<u64>,
}

/// Reads a guest's headers.
pub(crate) fn read(fields: &Fields, target: &Target) -> Result<Said, Stop> {
    let bytes: usize = fields.iter().map(|(name, value)| name.len().saturating_add(value.len())).sum();
    if fields.len() > MAX_HTTP_FIELDS || bytes > MAX_HTTP_FIELD_BYTES {
        return Err(Stop::bad("more headers than may be sent"));
    }
    let mut said = Said { headers: HeaderMap::new(), length: None };
    let mut host = false;
    for (name, value) in fields {
        let name = HeaderName::from_lowercase(name.as_bytes())
            .map_err(|_| Stop::bad("a header whose name is none, or not in lower case"))?;
        // CR, LF and NUL would begin another header or another request; beyond ASCII servers differ in what they read.
        if !value.iter().all(|b| matches!(b, b'\t' | 0x20..=0x7e)) {
            return Err(Stop::bad(format!("the value of `{name}` has bytes that are not visible ASCII")));
        }
        let value = HeaderValue::from_bytes(value).map_err(|_| Stop::bad("a value that is none"))?;
        let text = value.to_str().unwrap_or_default().trim();
        match name.as_str() {
            // The URL says where to. Components say the same again, and nothing else.
            "host" if !host && text == target.authority() => host = true,
            "host" => return Err(Stop::bad("a `host` that is not the URL's")),
            "content-length" => {
                let length: u64 = text.parse().map_err(|_| Stop::bad("a `content-length` that is no number"))?;
                if said.length.replace(length).is_some() || length.to_string() != text {
                    return Err(Stop::bad("a second `content-length`, or one with zeros in front"));
                }
            }
            // Bodies wait for credit, not for an interim answer; there is nothing to pass on.
            "expect" if text.eq_ignore_ascii_case("100-continue") => {}
            // Whoever understands an encoding understands none.
            "accept-encoding" => {}
            allowed if ALLOWED.contains(&allowed) || allowed.starts_with(ALLOWED_PREFIX) => {
                let again = said.headers.append(name.clone(), value);
                // Lists may come in parts; of these a server would take the first, or the last.
                if again && (OF_BODY.contains(&name) || name == header::RANGE || name == header::USER_AGENT) {
                    return Err(Stop::bad(format!("`{name}` twice")));
                }
            }
            other => return Err(Stop::bad(format!("`{other}` is no header that a guest may send"))),
        }
    }
    // One spelling of every answer, which can be searched as it comes.
    said.headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    said.headers.entry(header::USER_AGENT).or_insert(USER_AGENT);
    Ok(said)
}

/// What is left of them when a redirect turns the request into a `GET`.
pub(crate) fn without_body(headers: &mut HeaderMap) {
    for name in OF_BODY {
        headers.remove(name);
    }
}

/// What is left of them at another origin: sessions, entity tags and keys are the old one's.
pub(crate) fn authorised_elsewhere(headers: &mut HeaderMap) {
    let names: Vec<HeaderName> = headers.keys().cloned().collect();
    for name in names {
        if !ELSEWHERE.contains(&name) && name != header::ACCEPT_ENCODING {
            headers.remove(name);
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn said(fields: &[(&str, &str)]) -> Result<Said, Stop> {
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect();
        read(&fields, &Target::parse("https://a.test:8443/x").unwrap())
    }

    #[test]
    fn what_tools_need_is_sent() {
        let said = said(&[
            ("host", "a.test:8443"),
            ("accept", "text/html"),
            ("accept", "application/json"),
            ("if-none-match", "\"x\""),
            ("x-github-api-version", "2022-11-28"),
            ("mcp-session-id", "abc"),
            ("content-type", "application/json"),
            ("content-length", "12"),
            ("expect", "100-continue"),
            ("accept-encoding", "gzip"),
        ])
        .unwrap();
        assert_eq!(said.length, Some(12));
        let mut sent: Vec<String> = said.headers.iter().map(|(n, v)| format!("{n}: {}", v.to_str().unwrap())).collect();
        sent.sort();
        assert_eq!(
            sent,
            [
                "accept-encoding: identity",
                "accept: application/json",
                "accept: text/html",
                "content-type: application/json",
                "if-none-match: \"x\"",
                "mcp-session-id: abc",
                concat!("user-agent: safeclaw/", env!("CARGO_PKG_VERSION")),
                "x-github-api-version: 2022-11-28",
            ]
        );
    }

    #[test]
    fn everything_else_is_refused() {
        const HOSTILE: &[&[(&str, &str)]] = &[
            &[("host", "b.test")],
            &[("host", "a.test")],
            &[("host", "a.test:8443"), ("host", "a.test:8443")],
            &[("authorization", "Bearer x")],
            &[("proxy-authorization", "Basic x")],
            &[("cookie", "a=b")],
            &[("x-api-key", "x")],
            &[("x-http-method-override", "DELETE")],
            &[("x-http-method", "DELETE")],
            &[("x-method-override", "DELETE")],
            &[("x-original-url", "/admin")],
            &[("x-rewrite-url", "/admin")],
            &[("forwarded", "for=127.0.0.1")],
            &[("x-forwarded-for", "127.0.0.1")],
            &[("x-forwarded-host", "b.test")],
            &[("x-real-ip", "127.0.0.1")],
            &[("via", "1.1 a")],
            &[("metadata-flavor", "Google")],
            &[("x-aws-ec2-metadata-token", "x")],
            &[("connection", "close")],
            &[("connection", "authorization")],
            &[("keep-alive", "timeout=5")],
            &[("proxy-connection", "keep-alive")],
            &[("te", "trailers")],
            &[("trailer", "x")],
            &[("transfer-encoding", "chunked")],
            &[("upgrade", "websocket")],
            &[("http2-settings", "x")],
            &[("content-encoding", "gzip")],
            &[("expect", "200-ok")],
            &[("content-length", "1"), ("content-length", "1")],
            &[("content-length", "+1")],
            &[("content-length", "01")],
            &[("content-length", "1, 1")],
            &[("content-length", "-1")],
            &[("content-length", "99999999999999999999")],
            &[("content-type", "a/b"), ("content-type", "c/d")],
            &[("Accept", "a/b")],
            &[("accept ", "a/b")],
            &[("accept\r\nx", "a/b")],
            &[("", "a/b")],
            &[(":authority", "b.test")],
            &[("accept", "a/b\r\nauthorization: x")],
            &[("accept", "a/b\nx: y")],
            &[("accept", "a/b\r\n x")],
            &[("accept", "a\0b")],
            &[("accept", "a\u{7f}b")],
            &[("accept", "\u{e9}")],
        ];
        for fields in HOSTILE {
            let read = said(fields);
            assert!(
                matches!(read, Err(Stop::Fault(protocol::HttpFault::BadRequest, _))),
                "{fields:?} is let through: {read:?}"
            );
        }
    }

    #[test]
    fn more_than_anybody_needs_is_refused() {
        let many = vec![("accept", "a/b"); MAX_HTTP_FIELDS + 1];
        assert!(said(&many).is_err());
        assert!(said(many.get(1..).unwrap()).is_ok());
        assert!(said(&[("accept", &"a".repeat(MAX_HTTP_FIELD_BYTES))]).is_err());
    }

    #[test]
    fn another_origin_learns_nothing_of_the_first() {
        let mut headers = said(&[
            ("mcp-session-id", "x"),
            ("if-none-match", "\"x\""),
            ("idempotency-key", "x"),
            ("accept", "a/b"),
            ("content-type", "a/b"),
        ])
        .unwrap()
        .headers;
        authorised_elsewhere(&mut headers);
        let mut left: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["accept", "accept-encoding", "content-type", "user-agent"]);
        without_body(&mut headers);
        assert!(!headers.contains_key(header::CONTENT_TYPE));
    }
}
