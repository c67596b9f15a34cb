//! One test binary for everything that reaches across two crates.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod attacks;
mod conformance;
mod container;
mod layers;
mod mcp;
mod python;
mod registration;
