//! The engine against hostile components, written as text and compiled here: each bound, each refusal,
//! and what a call must not see of another.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod artefacts;
mod bounds;
mod files;
mod harness;
mod http;
mod isolation;
mod linking;
mod links;
mod mangled;
mod output;
mod program;
mod shapes;
