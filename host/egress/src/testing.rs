//! What tests of several files need.

#![expect(clippy::unwrap_used, reason = "tests")]

use manifest::http::{HttpGrant, Method, PathRecord, Scheme};

/// Everything of a host, in small numbers.
pub(crate) fn grant(host: &str) -> HttpGrant {
    HttpGrant {
        scheme: Scheme::Https,
        host: String::from(host).try_into().unwrap(),
        port: 443,
        methods: Method::ALL.into(),
        paths: [String::from("/**").try_into().unwrap()].into(),
        request_bytes: 1 << 20,
        response_bytes: 1 << 20,
        first_byte_ms: 1_000,
        total_ms: 2_000,
        per_call: 100,
        per_minute: 1_000,
        concurrent: 100,
        content_types: None,
        credential: None,
        redirects: 0,
        private: [].into(),
        approve: [].into(),
        record: PathRecord::Path,
    }
}
