//! The broker between hostile guests and hostile servers, over real sockets: names from a DNS server of the test's own,
//! certificates of its own authority, and answers byte by byte as a table has them.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice, reason = "tests")]

mod answers;
mod credentials;
mod limits;
mod names;
mod redirects;
mod requests;
mod sharing;
#[path = "../support/mod.rs"]
mod support;
mod tls;
