//! What a server may say.

use crate::leaks::{Found, Seen};
use crate::stop::Stop;
use http::{HeaderMap, header};
use protocol::{Fields, MAX_HTTP_FIELD_BYTES, MAX_HTTP_FIELDS};

/// Of the connection, which ends at the hub; and `Set-Cookie`, since a cookie is a credential, and one that no
/// operator has named.
const OURS: &[&str] = &[
    "alt-svc",
    "connection",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-authorization",
    "proxy-connection",
    "set-cookie",
    "set-cookie2",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// What the guest gets of an answer's headers, or trailers, after a search for secrets.
pub(crate) fn filtered(
    headers: &HeaderMap,
    seen: &Seen,
    place: &'static str,
    found: &mut Vec<Found>,
) -> Result<Fields, Stop> {
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len().saturating_add(value.len())).sum();
    if headers.len() > MAX_HTTP_FIELDS || bytes > MAX_HTTP_FIELD_BYTES {
        return Err(Stop::protocol("more headers than anybody needs"));
    }
    // What `Connection` names belongs to it.
    let named: Vec<String> = headers
        .get_all(header::CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|b| *b == b','))
        .map(|name| String::from_utf8_lossy(name).trim().to_ascii_lowercase())
        .collect();
    let mut fields = Fields::new();
    for (name, value) in headers {
        if OURS.contains(&name.as_str()) || named.iter().any(|named| named == name.as_str()) {
            continue;
        }
        let clean_name = searched(name.as_str().as_bytes(), seen, place, found)?;
        let value = searched(value.as_bytes(), seen, place, found)?;
        // A name that had to be changed is no name any more.
        if clean_name == name.as_str().as_bytes() {
            fields.push((name.as_str().to_owned(), value));
        }
    }
    Ok(fields)
}

fn searched(bytes: &[u8], seen: &Seen, place: &'static str, found: &mut Vec<Found>) -> Result<Vec<u8>, Stop> {
    let mut searcher = seen.searcher(place);
    let mut clean = Vec::from(searcher.push(bytes)?);
    clean.extend_from_slice(&searcher.finish()?);
    found.extend(searcher.found());
    Ok(clean)
}

/// Whether its length is said once. Of an answer with two lengths two readers would see two answers.
pub(crate) fn well_framed(headers: &HeaderMap) -> Result<(), Stop> {
    let codings: Vec<&[u8]> = headers.get_all(header::TRANSFER_ENCODING).iter().map(|value| value.as_bytes()).collect();
    match codings.as_slice() {
        [] if headers.get_all(header::CONTENT_LENGTH).iter().nth(1).is_none() => Ok(()),
        [] => Err(Stop::protocol("`content-length` twice")),
        _ if headers.contains_key(header::CONTENT_LENGTH) => {
            Err(Stop::protocol("`content-length` and `transfer-encoding`"))
        }
        [coding] if coding.eq_ignore_ascii_case(b"chunked") => Ok(()),
        _ => Err(Stop::protocol("a `transfer-encoding` other than `chunked`")),
    }
}

/// Whether it is coded, and so cannot be searched.
pub(crate) fn has_coding(headers: &HeaderMap) -> bool {
    headers.get_all(header::CONTENT_ENCODING).iter().any(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"))
}

/// Whether it is a part, of which another one may hold the rest of a secret.
pub(crate) fn is_part(status: http::StatusCode, headers: &HeaderMap) -> bool {
    status == http::StatusCode::PARTIAL_CONTENT || headers.contains_key(header::CONTENT_RANGE)
}

/// `type/subtype`, in lower case. `None` where it says none, or two.
pub(crate) fn media_type(headers: &HeaderMap) -> Option<String> {
    let mut all = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(one), None) = (all.next(), all.next()) else { return None };
    let essence = one.to_str().ok()?.split(';').next()?.trim().to_ascii_lowercase();
    let (kind, sub) = essence.split_once('/')?;
    (!kind.is_empty() && !sub.is_empty() && !essence.contains([' ', ',', '*'])).then_some(essence)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    fn map(fields: &[(&str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&str, &str)| {
            (HeaderName::try_from(*name).unwrap(), HeaderValue::try_from(*value).unwrap())
        };
        let mut map = HeaderMap::new();
        for (name, value) in fields.iter().map(pair) {
            map.append(name, value);
        }
        map
    }

    #[test]
    fn what_is_the_connections_stays_with_it() {
        let headers = map(&[
            ("etag", "x"),
            ("connection", "close, X-Inner"),
            ("x-inner", "1"),
            ("set-cookie", "sid=1"),
            ("set-cookie", "sid=2"),
            ("transfer-encoding", "chunked"),
            ("mcp-session-id", "s"),
            ("link", "<x>"),
            ("link", "<y>"),
        ]);
        let fields = filtered(&headers, &Seen::default(), "answer header", &mut Vec::new()).unwrap();
        let mut fields: Vec<String> =
            fields.iter().map(|(n, v)| format!("{n}={}", String::from_utf8_lossy(v))).collect();
        fields.sort();
        assert_eq!(fields, ["etag=x", "link=<x>", "link=<y>", "mcp-session-id=s"]);
    }

    #[test]
    fn an_answer_has_one_length() {
        for bad in [
            &[("content-length", "1"), ("content-length", "1")][..],
            &[("content-length", "1"), ("transfer-encoding", "chunked")],
            &[("transfer-encoding", "gzip, chunked")],
            &[("transfer-encoding", "identity")],
            &[("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")],
            &[("transfer-encoding", "xchunked")],
        ] {
            assert!(well_framed(&map(bad)).is_err(), "{bad:?}");
        }
        for good in [&[][..], &[("content-length", "1")], &[("transfer-encoding", "Chunked")]] {
            assert!(well_framed(&map(good)).is_ok(), "{good:?}");
        }
    }

    #[test]
    fn a_media_type_is_read_in_one_way() {
        for (value, expected) in [
            ("text/html", Some("text/html")),
            ("Text/HTML; charset=utf-8", Some("text/html")),
            ("text/html, application/json", None),
            ("*/*", None),
            ("html", None),
            ("text/", None),
            ("", None),
        ] {
            assert_eq!(media_type(&map(&[("content-type", value)])).as_deref(), expected, "{value}");
        }
        assert_eq!(media_type(&map(&[("content-type", "a/b"), ("content-type", "c/d")])), None);
        assert_eq!(media_type(&HeaderMap::new()), None);
    }
}
