//! The WASI 0.2 interfaces that this crate serves itself, or serves more narrowly than wasmtime does.

pub(crate) mod clocks;
pub(crate) mod filesystem;
pub(crate) mod host;
pub(crate) mod http;
pub(crate) mod output;
pub(crate) mod streams;
