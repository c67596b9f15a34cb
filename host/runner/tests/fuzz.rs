//! Schemas and arguments as the runner meets them: a corpus and 100 000 seeded mutations of it. The other
//! bodies are in `tests/src/fuzz`; this one needs the runner, which is built by itself.
#![expect(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "../../../tests/src/fuzz/mutate.rs"]
mod mutate;
#[path = "../../../tests/src/fuzz/run.rs"]
mod run;
#[path = "fuzz/schema.rs"]
mod schema;
#[path = "../../../tests/src/fuzz/tree.rs"]
mod tree;

#[test]
fn schemas() {
    const WORDS: &[&[u8]] = &[
        b"\"$ref\":\"#\"",
        b"\"$ref\":\"#/$defs/a\"",
        b"\"$ref\":\"http://x/\"",
        b"\"$id\":\"a\",",
        b"\"$anchor\":\"b\",",
        b"\"pattern\":\"(a+)+$\",",
        b"\"type\":\"object\",",
        b"\"items\":{",
        b"}",
        b"[",
        b"]",
        b"\"properties\":{\"a\":{",
        b"null",
        b"\0",
        b"\"enum\":[1],",
        b"\"not\":{",
        b"\"$defs\":{\"a\":{",
        b"%2f",
        b"~1",
        b"1e400",
        b"{1000}",
    ];
    run::run(&run::Body { name: "schema", check: schema::check, words: WORDS });
}
