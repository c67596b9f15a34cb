//! One test binary for everything that reaches across two crates.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod attacks2;
mod conformance;
mod container;
mod hostile;
mod layers;
mod mcp;
mod python;
mod registration;
