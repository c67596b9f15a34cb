//! The runner's body, `host/runner/tests/fuzz/schema.rs`, under libFuzzer.
#![no_main]

#[path = "../../host/runner/tests/fuzz/schema.rs"]
mod schema;
#[path = "../../tests/src/fuzz/tree.rs"]
mod tree;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    schema::check(bytes);
});
