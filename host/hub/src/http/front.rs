//! What a request must say at a door that others than this machine can reach, before any of it is believed.
//!
//! The attacks: a name of the attacker's that points here (`Host`), a web page (`Origin`), a request that came to
//! the proxy without TLS, and a client that writes its own `X-Forwarded-For` so as to be somebody else each time.
//! What passes is handed on as if it had come to this machine by one of its own names, so that the checks behind
//! this one have one case.

use super::connection::{PER_ADDRESS, Peer, Place, Places};
use super::public::Names;
use super::refusals::Refusals;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN};
use http::{StatusCode, Uri};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// A front's rules.
pub(super) struct Front {
    pub(super) names: Names,
    /// Whether a proxy stands before it, and its headers count.
    pub(super) proxied: Proxied,
    /// What the checks behind this one know the listener by.
    pub(super) inner: HeaderValue,
    pub(super) refusals: Refusals,
}

/// Who speaks to us.
pub(super) enum Proxied {
    /// The client itself; what it says of itself is not looked at.
    No,
    /// A proxy, for many clients: so many requests at once for each.
    By(Places),
}

type Refusal = (StatusCode, &'static str);

pub(super) async fn check(State(front): State<Arc<Front>>, request: Request, next: Next) -> Response {
    match front.admit(request) {
        Ok((request, _place)) => next.run(request).await,
        Err((status, text)) => {
            front.refusals.add(text);
            (status, text).into_response()
        }
    }
}

impl Front {
    fn admit(&self, mut request: Request) -> Result<(Request, Option<Place>), Refusal> {
        let mut place = None;
        if let Proxied::By(places) = &self.proxied {
            let client = forwarded(request.headers())?;
            place = places.take(client);
            if place.is_none() {
                return Err((StatusCode::TOO_MANY_REQUESTS, MANY));
            }
            let peer = request.extensions().get::<Peer>().cloned().unwrap_or_default();
            request.extensions_mut().insert(Peer { remote: Some(client), ..peer });
        }
        self.addressed(request.uri(), request.headers())?;
        *request.uri_mut() = origin_form(request.uri());
        let headers = request.headers_mut();
        headers.insert(HOST, self.inner.clone());
        for name in [ORIGIN, FORWARDED_FOR, FORWARDED_PROTO] {
            headers.remove(name);
        }
        Ok((request, place))
    }

    fn addressed(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
        let host = only(headers, &HOST).ok_or((StatusCode::BAD_REQUEST, "one Host header is needed"))?;
        if !self.names.is_host(host) {
            return Err((StatusCode::FORBIDDEN, "this Host is not served here"));
        }
        if uri.authority().is_some_and(|authority| !self.names.is_host(authority.as_str())) {
            return Err((StatusCode::FORBIDDEN, "this host is not served here"));
        }
        if headers.contains_key(ORIGIN) && !only(headers, &ORIGIN).is_some_and(|origin| self.names.is_origin(origin)) {
            return Err((StatusCode::FORBIDDEN, "this Origin may not call here"));
        }
        Ok(())
    }
}

const MANY: &str = const {
    assert!(PER_ADDRESS == 64, "the text says it");
    "this address has 64 requests at once, which is the most"
};

/// The client's address, by the proxy's word: the last hop is the one that the proxy itself saw, all before it
/// was written by whoever sent the request.
fn forwarded(headers: &HeaderMap) -> Result<IpAddr, Refusal> {
    if only(headers, &FORWARDED_PROTO) != Some("https") {
        let text = "the proxy must say `X-Forwarded-Proto: https`, once; plain HTTP is not served";
        return Err((StatusCode::FORBIDDEN, text));
    }
    let last = headers.get_all(FORWARDED_FOR).iter().next_back().and_then(|value| value.to_str().ok());
    let last = last.and_then(|value| value.rsplit(',').next()).map(str::trim);
    last.and_then(address).ok_or((StatusCode::BAD_REQUEST, "the proxy must write the client into `X-Forwarded-For`"))
}

/// As proxies write it: with or without a port, IPv6 with or without brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let parsed = bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()));
    parsed.map(|address| address.to_canonical())
}

/// A header that is there once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut all = headers.get_all(name).iter();
    match (all.next(), all.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

fn origin_form(uri: &Uri) -> Uri {
    uri.path_and_query().cloned().map(Uri::from).unwrap_or_default()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests;
