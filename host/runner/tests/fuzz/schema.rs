//! Schemas: what is taken is within the bounds that are promised, and can be asked about any instance.
//!
//! The attack: a component chooses its schema, and the agent that calls it the arguments: together they make a
//! check run for ever, read a file, or reach a pattern that backtracks.

use super::tree::{self, Tree};
use runner::schema::{MAX_SCHEMA_BYTES, Misfit, Place, Schema, SchemaError};
use serde_json::Value;

const MAX_DEPTH: usize = 32;
const MAX_VALUES: usize = 100_000;
/// The longest that anybody is told of a schema or of an instance, with some room for names.
const MAX_SAID_BYTES: usize = 8 << 10;

/// The text is a schema, and an instance of another; the two are the same text, since either may be anything.
pub(crate) fn check(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let read = [Place::Input, Place::Output].map(|place| Schema::read(text, place));
    // What may describe arguments may describe a result.
    assert!(read[0].is_err() || read[1].is_ok());
    let [_, read] = read;
    match &read {
        Ok(schema) => {
            bounded(text);
            for instance in
                ["{}", "[1,2,3]", "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\"", "{\"a\":{\"b\":[null]},\"c\":1}", text]
            {
                said(&schema.check(instance));
            }
        }
        Err(error) => {
            let said = error.to_string();
            assert!(said.len() <= MAX_SAID_BYTES, "{} bytes: {said}", said.len());
            let deep = *error == SchemaError::Large { what: "nesting", most: MAX_DEPTH };
            assert!(!deep || serde_json::from_str::<Tree>(text).is_ok_and(|tree| tree.depth > MAX_DEPTH));
        }
    }
    as_an_instance(text);
    read.is_ok()
}

/// Judged by a walk of our own: no reference out of the document anywhere, and no more than is promised.
fn bounded(text: &str) {
    assert!(text.len() <= MAX_SCHEMA_BYTES);
    let document: Value = serde_json::from_str(text).expect("what was read is JSON");
    assert!(document.is_object() && depth(&document) <= MAX_DEPTH);
    let mut open = vec![&document];
    while let Some(value) = open.pop() {
        match value {
            Value::Array(items) => open.extend(items),
            Value::Object(fields) => {
                let reference = fields.get("$ref").and_then(Value::as_str);
                assert!(reference.is_none_or(|target| target.starts_with('#')), "{reference:?}");
                open.extend(fields.values());
            }
            _ => {}
        }
    }
}

fn said(answer: &Result<(), Misfit>) {
    if let Err(misfit) = answer {
        let said = misfit.to_string();
        assert!(said.len() <= MAX_SAID_BYTES, "{} bytes: {said}", said.len());
    }
}

/// A schema that asks for nothing takes every JSON of few values and no other text.
fn as_an_instance(text: &str) {
    let anything = Schema::read("{}", Place::Output).expect("the empty schema");
    let answer = anything.check(text);
    said(&answer);
    let tree = serde_json::from_str::<Tree>(text);
    assert_eq!(answer.is_ok(), tree.is_ok(), "{answer:?}");
    if let Ok(Tree { values, .. }) = tree
        && tree::is_chosen(text.as_bytes())
        && text.len() <= 8 * values
    {
        for times in [MAX_VALUES / values - 1, MAX_VALUES / values + 1] {
            let many = format!("[{}]", vec![text; times].join(","));
            assert_eq!(
                anything.check(&many).is_ok(),
                1 + values * times <= MAX_VALUES,
                "{times} times {values} values"
            );
        }
    }
}

/// Of the document that was kept: where a name comes twice, the last counts.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}
