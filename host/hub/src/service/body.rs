//! The body of a signed request: the one that was signed, and the person in it.

use super::person;
use crate::http::read_body;
use axum::body::Body;
use http::StatusCode;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The largest body of a service's request.
pub(super) const MAX_BODY_BYTES: usize = 64 << 10;

/// Why a body is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum BodyError {
    #[error("the body could not be read; the most is {MAX_BODY_BYTES} bytes")]
    Unread(StatusCode),
    #[error("the body is not the one that was signed: Content-Digest is another's")]
    Digest,
    #[error(r#"the body must be {{"on_behalf_of": "PERSON"}}: who asked for this, in 1 to 64 visible characters"#)]
    Person,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    on_behalf_of: String,
}

/// Reads a body, holds it against the digest that was signed, and gives the person in it.
pub(super) async fn read(body: Body, digest: &[u8]) -> Result<String, BodyError> {
    let body = read_body(body, MAX_BODY_BYTES).await.map_err(BodyError::Unread)?;
    if !bool::from(Sha256::digest(&body).as_slice().ct_eq(digest)) {
        return Err(BodyError::Digest);
    }
    let said: Said = serde_json::from_slice(&body).map_err(|_| BodyError::Person)?;
    person(&said.on_behalf_of).map(str::to_owned).ok_or(BodyError::Person)
}
