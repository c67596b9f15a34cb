//! Schemas that are the attack: on whoever reads them, on whoever follows them, on whoever checks arguments
//! with them. They are judged in the runner, and once more by the hub.

use crate::hostile_components::bench::{Bench, Row, refused, taken};
use crate::hostile_components::forge::{Listed, component, listed, with_schema};
use crate::hostile_components::table;
use hub::{CallOutcome, Registration};

fn schema(text: impl Into<Vec<u8>>) -> Vec<u8> {
    component([with_schema(text)]).wasm()
}

/// An object with these further keywords.
fn object(keywords: &str) -> Vec<u8> {
    schema(format!(r#"{{"type":"object",{keywords}}}"#))
}

fn result(text: &str) -> Vec<u8> {
    component([Listed { output: Some(text.into()), ..listed("candidate") }]).wasm()
}

fn shown(registration: &Registration) -> String {
    format!("`{}`", registration.tools[0].input_schema)
}

fn tool(text: &str) -> Vec<u8> {
    component([Listed { input: text.into(), ..listed("taken") }]).wasm()
}

/// Definitions that each name the one before twice: 2 to the power of `levels` parts.
fn doubling(levels: usize) -> String {
    let levels: Vec<String> = (1..levels)
        .map(|n| format!(r##""d{n}":{{"allOf":[{{"$ref":"#/$defs/d{0}"}},{{"$ref":"#/$defs/d{0}"}}]}}"##, n - 1))
        .collect();
    format!(r##""$defs":{{"d0":{{}},{}}},"$ref":"#/$defs/d{}""##, levels.join(","), levels.len())
}

fn chain(length: usize) -> String {
    let links: Vec<String> =
        (1..length).map(|n| format!(r##""d{n}":{{"not":{{"$ref":"#/$defs/d{}"}}}}"##, n - 1)).collect();
    format!(r##""$defs":{{"d0":{{}},{}}},"$ref":"#/$defs/d{}""##, links.join(","), links.len())
}

fn rows() -> Vec<Row> {
    let outside = "leads outside of the schema";
    let not_json = "not JSON";
    let patterns: Vec<String> = (0..65).map(|n| format!(r#"{{"pattern":"a{n}"}}"#)).collect();
    vec![
        refused("ref-file", "`$ref` to a file of the host", object(r#""$ref":"file:///etc/passwd""#), outside),
        refused("ref-url", "`$ref` to a web server", object(r#""$ref":"https://attacker.example/s.json""#), outside),
        refused(
            "ref-metadata",
            "`$ref` to a cloud's credentials",
            object(r#""$ref":"http://169.254.169.254/latest/""#),
            outside,
        ),
        refused(
            "ref-relative",
            "`$ref` to a neighbouring file",
            object(r#""properties":{"a":{"$ref":"../hub.key"}}"#),
            outside,
        ),
        refused(
            "ref-below-id",
            "`$id` in a folder, `$ref` to a file in it",
            object(r#""$id":"file:///etc/","$ref":"passwd""#),
            outside,
        ),
        refused(
            "ref-in-default",
            "a reference hidden in a default value",
            object(r#""default":{"$ref":"file:///etc/passwd"}"#),
            outside,
        ),
        refused(
            "ref-dynamic",
            "`$dynamicRef`, whose target depends on the way there",
            object(r##""$dynamicRef":"#a""##),
            "`$dynamicRef`",
        ),
        refused("ref-recursive", "`$recursiveRef`", object(r##""$recursiveRef":"#""##), "`$recursiveRef`"),
        refused(
            "ref-to-itself",
            "a reference to the whole",
            object(r##""allOf":[{"$ref":"#"}]"##),
            "leads back to itself",
        ),
        refused(
            "ref-cycle",
            "two definitions that refer to each other",
            object(r##""$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}},"$ref":"#/$defs/a""##),
            "leads back to itself",
        ),
        refused(
            "ref-cycle-by-anchor",
            "the same by `$anchor`",
            object(r##""$defs":{"a":{"$anchor":"x","not":{"$ref":"#x"}}},"$ref":"#x""##),
            "leads back to itself",
        ),
        refused(
            "ref-cycle-escaped",
            "the same, the pointer written with escapes",
            object(r##""$defs":{"a b":{"$ref":"#/$defs/a%20b"}},"$ref":"#/$defs/a%20b""##),
            "leads back to itself",
        ),
        refused("ref-nowhere", "a reference to nothing", object(r##""$ref":"#/$defs/none""##), "names nothing"),
        refused("ref-doubling", "references that double thirty times", object(&doubling(30)), "a number of parts"),
        refused(
            "ref-chain",
            "two hundred references one behind the other",
            object(&chain(200)),
            "nesting through references",
        ),
        refused(
            "id-inside",
            "`$id` inside, which makes a part another document",
            object(r#""properties":{"a":{"$id":"https://a.example/"}}"#),
            "`$id`",
        ),
        refused(
            "dialect-unknown",
            "a dialect at an address of the attacker",
            object(r#""$schema":"https://attacker.example/dialect""#),
            "`$schema`",
        ),
        refused(
            "pattern-huge",
            "a pattern of 20 letters that compiles to gigabytes",
            object(r#""properties":{"a":{"pattern":"(\\w{1000}){1000}"}}"#),
            "pattern",
        ),
        refused(
            "pattern-look-around",
            "a pattern that only a backtracking engine takes",
            object(r#""properties":{"a":{"pattern":"(?=a)b"}}"#),
            "pattern",
        ),
        refused(
            "patterns-many",
            "65 patterns",
            object(&format!(r#""anyOf":[{}]"#, patterns.join(","))),
            "a number of patterns",
        ),
        refused(
            "deep",
            "33 levels",
            object(&format!(r#""default":{}0{}"#, "[".repeat(32), "]".repeat(32))),
            "nesting above 32",
        ),
        refused("deeper", "fifty thousand brackets", schema("[".repeat(50_000)), "schema"),
        refused(
            "long",
            "64 KiB and one byte",
            schema(format!("{{\"type\":\"object\",\"title\":\"{}\"}}", "x".repeat((64 << 10) - 28 + 1))),
            "the schema has 65537 bytes",
        ),
        refused(
            "enum-huge",
            "thirty thousand values in one `enum`",
            object(&format!(r#""enum":[{}0]"#, "0,".repeat(30_000))),
            "a number of parts",
        ),
        refused("number-infinite", "a number beyond all numbers", object(r#""maxProperties":1e400"#), not_json),
        refused("number-nan", "no number", object(r#""maxProperties":NaN"#), not_json),
        refused(
            "multiple-of-zero",
            "a multiple of nothing",
            object(r#""properties":{"a":{"multipleOf":0}}"#),
            "not valid",
        ),
        refused("not-an-object", "an array", schema("[]"), "a schema is a JSON object"),
        refused("boolean", "`true`, which allows everything", schema("true"), "a schema is a JSON object"),
        refused("other-type", "arguments that are a list", schema(r#"{"type":"array"}"#), "object"),
        refused("no-type", "arguments of any type", schema("{}"), "object"),
        refused("empty", "no text", schema(""), not_json),
        refused(
            "two-documents",
            "a second schema behind the first",
            schema(r#"{"type":"object"}{"$ref":"file:///etc/passwd"}"#),
            not_json,
        ),
        refused("byte-order-mark", "an invisible mark at the start", schema("\u{feff}{\"type\":\"object\"}"), not_json),
        refused("half-a-character", "half of a surrogate pair", object(r#""title":"\ud800""#), not_json),
        refused(
            "not-utf8",
            "bytes that are no text",
            schema(b"{\"type\":\"object\",\"title\":\"\xff\"}".to_vec()),
            "trap",
        ),
        refused(
            "hidden-key",
            "a property with a name that cannot be seen",
            object("\"properties\":{\"a\u{200b}\":{}}"),
            "cannot be seen",
        ),
        refused(
            "hidden-value",
            "an `enum` of two values that look alike",
            object("\"properties\":{\"a\":{\"enum\":[\"a\",\"a\u{200b}\"]}}"),
            "cannot be seen",
        ),
        refused(
            "result-ref",
            "`$ref` to a file in the schema of results",
            result(r#"{"$ref":"file:///etc/passwd"}"#),
            outside,
        ),
        refused(
            "result-not-an-object",
            "a schema of results that is a list",
            result("[]"),
            "a schema is a JSON object",
        ),
        taken(
            "duplicate-key",
            "one key twice: which of them counts?",
            tool(r#"{"type":"string","type":"object","title":"first","title":"last"}"#),
            shown,
        ),
        taken(
            "hidden-prose",
            "a description that tells the model what people do not see",
            tool("{\"type\":\"object\",\"description\":\"harmless\u{200b}\u{e0069}\u{202e}\"}"),
            shown,
        ),
        taken(
            "pattern-catastrophic",
            "a pattern that takes a backtracking engine years",
            tool(r#"{"type":"object","properties":{"a":{"pattern":"^(a+)+$"}}}"#),
            shown,
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_schemas_stay_out_or_come_in_harmless() {
    let bench = Bench::start().await;
    let told = bench.judge(rows()).await;
    // The last one came in: the text that it is made for costs a linear engine nothing.
    let arguments = format!(r#"{{"a":"{}!"}}"#, "a".repeat(50_000));
    let end = bench.own.call(&bench.caller, "taken", &arguments).await;
    let CallOutcome::Answer(answer) = &end.outcome else { panic!("an answer: {end:?}") };
    assert!(answer.is_error && tests::running::text(answer).contains("do not fit"), "{answer:?}");
    bench.innocent().await;
    bench.own.end().await;
    table::keep("schemas", &told);
}
