//! The harness that the tests of this package share: what `cargo xtask test` hands over, a proxy for
//! clients that cannot send a token, and plain HTTP for requests that no client library would make.
#![expect(missing_docs, reason = "a harness for this package alone")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

pub mod attack;
pub mod engines;
pub mod fuzz;
pub mod handed;
pub mod http;
pub mod hubs;
pub mod own;
pub mod proxy;
pub mod relay;
pub mod running;
pub mod script;
pub mod token;
pub mod upstream;
pub mod watch;

/// What the engine resolves paths with, by its source: `fuzz` takes those paths.
#[path = "../../host/engine/src"]
#[expect(unreachable_pub, reason = "its own crate offers it to others")]
mod engine_source {
    pub mod beneath;
}
pub(crate) use engine_source::beneath;
