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
mod drift;
mod fields;
mod gvisor;
mod attacks;
mod layers;
mod leftovers;
mod liars;
mod lying_hub;
mod documents;
mod limits;
mod mcp;
mod neighbours;
mod python;
mod registration;
