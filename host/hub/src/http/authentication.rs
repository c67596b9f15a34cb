//! Who calls, or the answer to somebody who is nobody: 401 with where to get a token, 403 with the scope that a tool
//! needs, 429 for an address that came with too many tokens that are none.

use super::credentials;
use crate::api::Caller;
use crate::identity::{Challenge, Protected, Scopes, Throttle};
use crate::mcp::Governor;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, HOST, HeaderMap, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde::Deserialize;
use std::borrow::Cow;
use std::net::IpAddr;
use tokio::time::Instant;

/// The door's name in the audit log.
const DOOR: &str = "mcp";

/// The caller of a request. Whoever was let in before is let in again before anything is counted against its address,
/// which it may share with a stranger.
pub(super) async fn authenticate<G: Governor>(
    governor: &G,
    throttle: &Throttle,
    headers: &HeaderMap,
    from: IpAddr,
) -> Result<Caller, Response> {
    let refuse = |why| refused(&governor.protected(), headers, why);
    let token = match credentials::bearer(headers) {
        Some(token) => token,
        // A bearer token that cannot be one is looked at like any other that is none.
        None if credentials::is_bearer(headers) => "",
        None => return Err(refuse(Challenge::NoToken)),
    };
    if let Some(caller) = governor.known(token) {
        return Ok(caller);
    }
    if let Some(left) = throttle.wait(from, Instant::now()) {
        let seconds = left.as_secs().saturating_add(1);
        let text = "too many tokens that are none came from this address; one that is good is taken after the time in \
                    Retry-After, and one that was taken before is taken at once";
        let header = [(RETRY_AFTER, HeaderValue::from(seconds))];
        return Err((StatusCode::TOO_MANY_REQUESTS, header, text).into_response());
    }
    match governor.authenticate(token, DOOR).await {
        Some(caller) => Ok(caller),
        None => {
            throttle.failed(from, Instant::now());
            Err(refuse(Challenge::Invalid))
        }
    }
}

/// The answer to a call whose token lacks this scope.
pub(super) fn insufficient(protected: &Protected, headers: &HeaderMap, scope: Scopes) -> Response {
    refused(protected, headers, Challenge::Scope(scope))
}

/// The protected-resource metadata (RFC 9728).
pub(super) fn metadata(protected: &Protected, headers: &HeaderMap) -> Response {
    let document = protected.document(host(headers));
    ([(CACHE_CONTROL, "no-store")], axum::Json(document)).into_response()
}

fn refused(protected: &Protected, headers: &HeaderMap, why: Challenge) -> Response {
    let header = [(WWW_AUTHENTICATE, protected.challenge(host(headers), why))];
    match why {
        Challenge::NoToken | Challenge::Invalid => {
            (StatusCode::UNAUTHORIZED, header, "a token is needed: Authorization: Bearer TOKEN").into_response()
        }
        Challenge::Scope(scope) => {
            (StatusCode::FORBIDDEN, header, format!("this token lacks the scope {scope}")).into_response()
        }
    }
}

/// As it was admitted: a name of this machine and the port.
fn host(headers: &HeaderMap) -> &str {
    headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default()
}

/// The tool that a message calls, of those that call one. From the body: headers are compared with it later.
pub(super) fn called(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Message<'m> {
        #[serde(borrow)]
        method: Cow<'m, str>,
        params: Params,
    }
    #[derive(Deserialize)]
    struct Params {
        name: String,
    }
    let message: Message<'_> = serde_json::from_slice(body).ok()?;
    (message.method == "tools/call").then_some(message.params.name)
}
