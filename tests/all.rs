//! One test binary for everything that reaches across two crates.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod approvals;
mod attacks;
mod audit;
mod conformance;
mod container;
mod credentials;
mod documents;
mod doors;
mod drift;
mod egress;
mod egress_tools;
mod fields;
mod gvisor;
mod hostile_components;
mod identity;
mod images;
mod launcher;
mod layers;
mod leftovers;
mod liars;
mod limits;
mod lying_hub;
mod mcp;
mod neighbours;
mod python;
mod registration;
mod runbooks;
mod upstream;
