//! Hostile schemas first, then that honest ones do their work.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use super::*;
use serde_json::{Value, json};

fn refused(schema: &Value, part: &str) {
    refused_text(&schema.to_string(), part);
}

fn refused_text(schema: &str, part: &str) {
    match Schema::read(schema, Place::Output) {
        Err(error) => {
            let text = error.to_string();
            assert!(text.contains(part) && text.len() < 512, "{part}: {text}");
        }
        Ok(_) => panic!("accepted: {part}"),
    }
}

fn input(properties: &Value) -> Schema {
    Schema::read(&json!({"type": "object", "properties": properties}).to_string(), Place::Input).unwrap()
}

#[test]
fn a_schema_is_a_bounded_object() {
    refused_text("{", "not JSON");
    refused_text("true", "JSON object");
    refused(&json!({"description": "x".repeat(MAX_SCHEMA_BYTES)}), "bytes");
    for wrong in [json!({}), json!({"type": "string"}), json!({"type": ["object", "null"]})] {
        assert!(matches!(Schema::read(&wrong.to_string(), Place::Input), Err(SchemaError::Shape(_))), "{wrong}");
    }
    let mut deep = json!({});
    for _ in 0..40 {
        deep = json!({"not": deep});
    }
    refused(&deep, "nesting");
    refused_text(&format!("{}1{}", "[".repeat(30_000), "]".repeat(30_000)), "not JSON");
}

#[test]
fn nothing_outside_of_the_document_is_named() {
    for target in
        ["https://example.com/s.json", "file:///etc/passwd", "other.json", "//host/x", "", "urn:x:y", "other#/a"]
    {
        refused(&json!({"$ref": target}), "outside");
        refused(&json!({"properties": {"a": {"items": {"$ref": target}}}}), "outside");
    }
    refused(&json!({"$dynamicRef": "https://example.com/#x"}), "$dynamicRef");
    refused(&json!({"$recursiveRef": "#"}), "$recursiveRef");
    refused(&json!({"$schema": "https://example.com/dialect"}), "dialect");
    refused(&json!({"$defs": {"a": {"$id": "https://example.com/a", "type": "string"}}}), "another document");
    refused(&json!({"$ref": "#/$defs/absent"}), "names nothing");
    refused(&json!({"$ref": "#absent"}), "names nothing");
    refused(&json!({"$ref": "#/%zz"}), "names nothing");
}

#[test]
fn references_cannot_multiply() {
    refused(&json!({"$ref": "#"}), "back to itself");
    refused(&json!({"properties": {"a": {"$ref": "#/properties/a"}}}), "back to itself");
    refused(
        &json!({"$defs": {"a": {"$ref": "#b"}, "b": {"$anchor": "b", "anyOf": [{"$ref": "#/$defs/a"}]}}, "$ref": "#b"}),
        "back to itself",
    );
    // Each definition asks for the next one twice: 2^20 when followed.
    let doubling: serde_json::Map<_, _> = (0..20)
        .map(|n| {
            let next = json!({"$ref": format!("#/$defs/d{}", n + 1)});
            (format!("d{n}"), json!({"anyOf": [next, next]}))
        })
        .chain([("d20".to_owned(), json!({"type": "string"}))])
        .collect();
    refused(&json!({"$defs": doubling, "$ref": "#/$defs/d0"}), "references followed");
    // A long chain costs the stack of whoever compiles it.
    let chain: serde_json::Map<_, _> = (0..1_000)
        .map(|n| (format!("d{n}"), json!({"$ref": format!("#/$defs/d{}", n + 1)})))
        .chain([("d1000".to_owned(), json!({}))])
        .collect();
    refused(&json!({"$defs": chain}), "nesting through references");
}

#[test]
fn patterns_are_linear_and_small() {
    refused(&json!({"pattern": r"(\w{1000}){1000}"}), "not valid");
    refused(&json!({"pattern": r"(a+)+\1"}), "not valid");
    refused(&json!({"pattern": r"(?=a)b"}), "not valid");
    let many: Vec<_> = (0..65).map(|n| json!({"pattern": format!("{n}")})).collect();
    refused(&json!({"allOf": many}), "patterns");
    let many: serde_json::Map<_, _> = (0..65).map(|n| (format!("{n}"), json!({}))).collect();
    refused(&json!({"patternProperties": many}), "patterns");
    // The classic of exponential engines: must simply end.
    let schema = input(&json!({"a": {"type": "string", "pattern": "^(a+)+$"}}));
    schema.check(&json!({"a": format!("{}!", "a".repeat(100_000))}).to_string()).unwrap_err();
    schema.check(&json!({"a": "aaa"}).to_string()).unwrap();
}

#[test]
fn a_text_of_an_instance_is_never_compiled() {
    for dialect in ["https://json-schema.org/draft/2020-12/schema", "http://json-schema.org/draft-07/schema"] {
        let schema =
            json!({"$schema": dialect, "type": "object", "properties": {"a": {"type": "string", "format": "regex"}}});
        let schema = Schema::read(&schema.to_string(), Place::Input).unwrap();
        schema.check(r#"{"a": "("}"#).unwrap();
        schema.check(r#"{"a": 1}"#).unwrap_err();
    }
}

#[test]
fn a_schema_that_is_none_is_refused() {
    refused(&json!({"type": "strnig"}), "not valid");
    refused(&json!({"properties": 1}), "not valid");
    refused(&json!({"required": "a"}), "not valid");
}

#[test]
fn misfits_say_where_and_what_and_never_repeat_the_arguments() {
    let schema = input(
        &json!({"path": {"type": "string", "maxLength": 3}, "lines": {"type": "array", "items": {"type": "integer"}}}),
    );
    let misfit = schema.check(r#"{"path": "SECRET", "lines": [1, "SECRET"]}"#).unwrap_err().to_string();
    assert!(misfit.contains("/path") && misfit.contains("/lines/1"), "{misfit}");
    assert!(!misfit.contains("SECRET"), "{misfit}");
    let misfit = schema.check("[]").unwrap_err().to_string();
    assert!(misfit.contains("the whole") && misfit.contains("object"), "{misfit}");
    assert!(schema.check("{").unwrap_err().to_string().starts_with("not JSON"));
}

#[test]
fn misfits_are_bounded() {
    let schema = input(&json!({"a": {"type": "array", "items": {"type": "string"}}}));
    for count in [100, 90_000, 200_000] {
        let misfit = schema.check(&json!({"a": vec![0; count]}).to_string()).unwrap_err().to_string();
        assert!(misfit.len() < 4_096, "{}", misfit.len());
    }
    let long = input(&json!({"a": {"enum": (0..1_000).map(|n| format!("choice {n}")).collect::<Vec<_>>()}}));
    assert!(long.check(r#"{"a": 1}"#).unwrap_err().to_string().len() < 1_024);
}

#[test]
fn a_check_that_would_take_too_long_is_not_begun() {
    let list = |count: usize| json!({"a": vec![0; count]}).to_string();
    let small = input(&json!({"a": {"type": "array", "items": {"type": "integer"}}}));
    small.check(&list(MAX_VALUES - 2)).unwrap();
    assert_eq!(small.check(&list(MAX_VALUES - 1)), Err(Misfit::Values));
    // Each element is held against each of 4 000 choices.
    let choices: Vec<_> = (0..4_000).map(|n| json!({"const": n})).collect();
    let large = input(&json!({"a": {"items": {"anyOf": choices}}}));
    large.check(&list(500)).unwrap();
    assert!(matches!(large.check(&list(1_000)), Err(Misfit::Work { .. })));
    // A long text counts for more where it is matched against patterns.
    let text = json!({"a": "x".repeat(1 << 20)}).to_string();
    let properties: serde_json::Map<_, _> = (0..50).map(|n| (format!("b{n}"), json!({"pattern": "^x*$"}))).collect();
    input(&json!({"a": {"type": "string"}})).check(&text).unwrap();
    assert!(matches!(input(&json!(properties)).check(&text), Err(Misfit::Work { .. })));
}

#[test]
fn honest_schemas_pass() {
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://example.com/edit.schema.json",
        "type": "object",
        "properties": {
            "$ref": {"type": "string"},
            "edits": {"type": "array", "items": {"$ref": "#/$defs/Edit%20One"}},
            "other": {"$ref": "#mode"},
        },
        "$defs": {
            "Edit One": {"type": "object", "required": ["old"], "properties": {"old": {"type": "string"}}},
            "Mode": {"$anchor": "mode", "enum": ["a", "b"]},
        },
        "additionalProperties": false,
    });
    let schema = Schema::read(&schema.to_string(), Place::Input).unwrap();
    schema.check(r#"{"edits": [{"old": "x"}], "other": "a", "$ref": "s"}"#).unwrap();
    for wrong in [r#"{"edits": [{}]}"#, r#"{"other": "c"}"#, r#"{"more": 1}"#, r#"{"$ref": 1}"#] {
        schema.check(wrong).unwrap_err();
    }
    let old = json!({"$schema": "http://json-schema.org/draft-07/schema#", "definitions": {"s": {"type": "string"}}, "items": [{"$ref": "#/definitions/s"}]});
    let old = Schema::read(&old.to_string(), Place::Output).unwrap();
    old.check(r#"["x", 1]"#).unwrap();
    old.check("[1]").unwrap_err();
}

/// Kept or dropped, texts lead to the same end in the same words.
#[test]
fn texts_that_no_keyword_looks_into_decide_nothing() {
    let schemas = [
        json!({}),
        json!({"type": "string"}),
        json!({"type": ["string", "null"], "format": "regex"}),
        json!({"not": {"type": "string"}}),
        json!({"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer", "minimum": 2}},
               "required": ["a"], "additionalProperties": false}),
        json!({"properties": {"a": {"items": {"anyOf": [{"type": "string"}, {"minimum": 2}]}}}, "maxProperties": 1}),
        json!({"oneOf": [{"type": "string"}, {"type": "object", "minProperties": 1}, {"type": "array", "minItems": 2}]}),
        json!({"if": {"type": "string"}, "then": false, "else": {"type": ["object", "number"]}}),
        json!({"additionalProperties": {"type": "string"}, "dependentRequired": {"a": ["b"]}}),
        json!({"contains": {"type": "string"}, "minContains": 1, "maxContains": 1, "unevaluatedItems": false}),
        json!({"$schema": "http://json-schema.org/draft-07/schema", "items": [{"type": "string"}], "default": {"enum": []}}),
    ];
    let instances = [
        json!(""),
        json!("a text"),
        json!(1),
        json!(3),
        json!(null),
        json!([]),
        json!({}),
        json!(["a", "a"]),
        json!(["a", 1]),
        json!({"a": "a text"}),
        json!({"a": ""}),
        json!({"a": 1}),
        json!({"a": "x", "b": 1}),
        json!({"a": "x", "b": 2}),
        json!({"a": ["x", 1, "y", null]}),
        json!({"c": "x", "d": {"a": "x"}}),
        json!([["x"], {"a": "b"}, "x"]),
    ];
    let (mut fit, mut misfit) = (0, 0);
    for schema in &schemas {
        let dropping = Schema::read(&schema.to_string(), Place::Output).unwrap();
        assert_eq!(dropping.texts, Texts::Dropped, "{schema}");
        let keeping = Schema { texts: Texts::Kept, ..Schema::read(&schema.to_string(), Place::Output).unwrap() };
        for instance in instances.iter().map(Value::to_string) {
            let end = keeping.check(&instance);
            assert_eq!(dropping.check(&instance), end, "{schema} {instance}");
            *(if end.is_ok() { &mut fit } else { &mut misfit }) += 1;
        }
    }
    assert!(fit > 50 && misfit > 50, "{fit} {misfit}");
}

#[test]
fn a_magic_key_shows_the_schema_nothing_else() {
    let schema = json!({"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]});
    let schema = Schema::read(&schema.to_string(), Place::Input).unwrap();
    schema.check(r#"{"$serde_json::private::RawValue": "{\"a\": 1}"}"#).unwrap_err();
}

#[test]
fn without_a_schema_only_what_is_no_json_is_refused_here() {
    for text in ["{}", "[1]", "null", &"[".repeat(1_000), &format!("[{}0]", "0,".repeat(MAX_VALUES))] {
        assert_eq!(check_json(text), Ok(()));
    }
    for text in ["", "{", "1e400", r#""\ud83d""#, "{}{}"] {
        assert!(matches!(check_json(text), Err(Misfit::Wrong(_))), "{text}");
    }
}
