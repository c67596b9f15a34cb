//! The checks of this face that read a stranger's bytes, for tests outside of this crate that throw any
//! number of them; nothing else uses these.

use super::{admit, credentials};
use http::{HeaderMap, Uri};

/// Whether a request is meant for this port at all.
#[must_use]
pub fn admits(uri: &Uri, headers: &HeaderMap, port: u16) -> bool {
    admit::admit(uri, headers, port).is_ok()
}

/// The token of a request, if there is one that could be.
#[must_use]
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    credentials::bearer(headers)
}
