//! Each case is what an agent sends and what it gets, or words of the error it gets.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::{json_convert, json_query, json_validate};
use safeclaw_sdk::serde_json::{Value, from_str, json};
use safeclaw_sdk::{Content, Tool, call};

fn ok<T: Tool>(arguments: Value) -> Value {
    let answer = call::<T>(&arguments.to_string());
    assert!(!answer.is_error, "{:?}", answer.content);
    from_str(&answer.structured.unwrap()).unwrap()
}

fn fails<T: Tool>(arguments: Value, words: &str) {
    let answer = call::<T>(&arguments.to_string());
    let [Content::Text(text)] = answer.content.as_slice() else { panic!("one text") };
    assert!(answer.is_error && text.contains(words), "{words:?} is not in {text:?}");
    assert!(text.len() < 2000, "bounded: {}", text.len());
}

#[test]
fn queries() {
    let case = |filter: &str, json: Value, expected: Value| {
        assert_eq!(ok::<json_query>(json!({"filter": filter, "json": json}))["results"], expected, "{filter}");
    };
    case(".a[] | select(. > 1)", json!({"a": [1, 2, 3]}), json!([2, 3]));
    case("keys", json!({"b": 1, "a": 2}), json!([["a", "b"]]));
    case("empty", json!(null), json!([]));
    case(". as $x | $x | test(\"^ä\")", json!("äöü"), json!([true]));
    case("@base64", json!("ä"), json!(["w6Q="]));
    case(".", json!(18446744073709551615u64), json!([18446744073709551615u64]));
    case("[limit(3; range(10))]", json!(0), json!([[0, 1, 2]]));
}

#[test]
fn queries_that_fail() {
    let case = |filter: &str, words: &str| fails::<json_query>(json!({"filter": filter, "json": {"a": 1}}), words);
    case(".[", "not jq");
    case(".a |", "not jq: expected term");
    case("\"abc", "not jq");
    case("nosuch", "unknown filter nosuch");
    case("$x", "unknown variable");
    case(".a[0]", "the filter failed");
    case("error(\"x\" * 5000)", "the filter failed");
    case("import \"a\" as a; 1", "not jq");
    case(&".".repeat(9000), "at most");
    case(&format!("{}.{}", "(".repeat(4000), ")".repeat(4000)), "open brackets");
    case("[range(100000)]", "narrow the filter");
}

#[test]
fn endless_queries_are_cut() {
    let endless = ok::<json_query>(json!({"filter": "repeat(1)", "json": 0}));
    assert_eq!((endless["results"].as_array().unwrap().len(), &endless["truncated"]), (1000, &json!(true)));
    let large = ok::<json_query>(json!({"filter": "repeat(\"x\" * 1000)", "json": 0}));
    assert!(large["results"].as_array().unwrap().len() < 200);
}

#[test]
fn the_environment_is_not_for_queries_that_were_given_none() {
    let env = ok::<json_query>(json!({"filter": "env | type", "json": 0}));
    assert_eq!(env["results"], json!(["object"]));
}

#[test]
fn converts() {
    let case = |from: &str, to: &str, text: &str, expected: &str| {
        let converted = ok::<json_convert>(json!({"from": from, "to": to, "text": text}));
        assert_eq!(converted["text"].as_str().unwrap().trim_end(), expected, "{from} to {to}");
    };
    case(
        "yaml",
        "json",
        "b: [1, 2.5, null, true]\na: ä",
        "{\n  \"b\": [\n    1,\n    2.5,\n    null,\n    true\n  ],\n  \"a\": \"ä\"\n}",
    );
    case("yaml", "json", "no", "\"no\"");
    case("json", "yaml", "{\"b\": 1, \"a\": [\"x\", \"no\", \"1\"]}", "b: 1\na:\n- x\n- \"no\"\n- \"1\"");
    case(
        "toml",
        "json",
        "d = 2026-01-01T00:00:00Z\n[t]\nx = 1",
        "{\n  \"d\": \"2026-01-01T00:00:00Z\",\n  \"t\": {\n    \"x\": 1\n  }\n}",
    );
    case("json", "toml", "{\"t\": {\"x\": 1}, \"a\": [1, 2]}", "a = [\n    1,\n    2,\n]\n\n[t]\nx = 1");
    case("csv", "json", "\u{feff}a,b\n1,\"x\ny\"", "[\n  {\n    \"a\": \"1\",\n    \"b\": \"x\\ny\"\n  }\n]");
    case("json", "csv", "[{\"a\": 1}, {\"b\": \"x,y\", \"a\": null}]", "a,b\n1,\n,\"x,y\"");
    case("json", "csv", "[[1, 2], [true]]", "1,2\ntrue");
    case("json", "csv", "[]", "");
    case("csv", "json", "", "[]");
}

#[test]
fn conversions_that_fail() {
    let case = |from: &str, to: &str, text: &str, words: &str| {
        fails::<json_convert>(json!({"from": from, "to": to, "text": text}), words);
    };
    case("json", "yaml", "{\"a\": }", "line 1 column 7");
    case("json", "toml", "[1]", "only an object");
    case("json", "toml", "{\"a\": null}", "no null");
    case("json", "csv", "{\"a\": 1}", "only an array");
    case("json", "csv", "[1]", "only an array");
    case("json", "csv", "[{\"a\": [1]}]", "cannot hold");
    case("csv", "json", "a,b\n1", "not CSV");
    case("csv", "json", "a,a\n1,2", "a name twice");
    case("toml", "json", "a = nan", "neither nan nor inf");
    case("toml", "json", "a = 1\na = 2", "not TOML");
    case("yaml", "json", "a: [", "not YAML");
    case("yaml", "json", "a: 1\n---\nb: 2", "one document");
    case("yaml", "json", "a: 1\na: 2", "not YAML");
    case("json", "xml", "1", "unknown variant `xml`");
    case("json", "json", &"[".repeat(100_000), "recursion limit");
    case("yaml", "json", &"[".repeat(100_000), "not YAML");
    case("yaml", "json", "? [1, 2]\n: x", "not YAML");
    let mut laughs = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
    for n in 1..12 {
        let alias = format!("*a{},", n - 1).repeat(10);
        laughs.push_str(&format!("a{n}: &a{n} [{}]\n", alias.trim_end_matches(',')));
    }
    case("yaml", "json", &laughs, "not YAML");
    case("json", "json", &format!("\"{}\"", "x".repeat(300_000)), "in parts");
}

#[test]
fn validates() {
    let schema = json!({"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}, "required": ["n"],
        "additionalProperties": {"$ref": "#/$defs/s"}, "$defs": {"s": {"type": "string", "pattern": "^(a+)+$"}}});
    let check = |json: Value| ok::<json_validate>(json!({"schema": schema, "json": json}));
    assert_eq!(check(json!({"n": 1, "x": "aa"}))["valid"], true);
    let bad = check(json!({"n": 0, "x": format!("{}!", "a".repeat(5000))}));
    assert_eq!((&bad["valid"], bad["errors"].as_array().unwrap().len()), (&json!(false), 2));
    assert_eq!(bad["errors"][0]["at"], "/n");
    let many = ok::<json_validate>(json!({"schema": {"items": {"type": "string"}}, "json": vec![1; 100]}));
    assert_eq!((many["errors"].as_array().unwrap().len(), &many["truncated"]), (50, &json!(true)));
}

#[test]
fn schemas_that_cannot_be_used() {
    let case = |schema: Value, words: &str| fails::<json_validate>(json!({"schema": schema, "json": 1}), words);
    case(json!({"type": "nonsense"}), "the schema cannot be used");
    case(json!({"$ref": "https://example.com/schema.json"}), "the schema cannot be used");
    case(json!({"$ref": "file:///etc/passwd"}), "the schema cannot be used");
    case(json!({"$ref": "#/$defs/none"}), "the schema cannot be used");
    case(json!({"pattern": "("}), "the schema cannot be used");
    case(json!({"pattern": "(?=x)"}), "the schema cannot be used");
}
