//! What a component says about itself, held to the rules before anyone is shown it. Pure.

use crate::api::{RegisterError, RegisteredTool};
use crate::{bounds, clean};
use manifest::ToolName;
use protocol::ToolDescription;
use serde_json::Value;
use std::collections::BTreeSet;

/// Tools of one component. Bounds what a component can put into every list of tools.
const MAX_TOOLS: usize = 128;
/// One schema, bytes.
const MAX_SCHEMA_BYTES: usize = 64 << 10;
/// Keywords of a schema whose text is for readers.
const PROSE: [&str; 3] = ["description", "title", "$comment"];
/// Said of a schema that means something else when it is cleaned.
const HIDES: &str = "its schema has characters that cannot be seen outside of its descriptions; write them as escapes";

/// Checks names, counts and schemas, and cleans the texts.
pub(super) fn check(described: Vec<ToolDescription>) -> Result<Vec<RegisteredTool>, RegisterError> {
    if described.len() > MAX_TOOLS {
        return Err(RegisterError::TooManyTools { found: described.len(), most: MAX_TOOLS });
    }
    let mut names = BTreeSet::new();
    described
        .into_iter()
        .map(|tool| {
            let tool = one(tool)?;
            if names.insert(tool.name.clone()) { Ok(tool) } else { Err(RegisterError::TwoTools(tool.name)) }
        })
        .collect()
}

fn one(tool: ToolDescription) -> Result<RegisteredTool, RegisterError> {
    // The text of a bad name goes into an error that a person reads.
    let name = ToolName::try_from(clean::line(&tool.name, clean::LINE_BYTES)).map_err(RegisterError::ToolName)?;
    let schema = |text: &str| {
        let refused = |why| RegisterError::Schema { tool: name.clone(), why };
        let bounded = |text: &str, which| {
            let measured = bounds::object(text, MAX_SCHEMA_BYTES, bounds::DEPTH);
            measured.map_err(|error| refused(format!("its {which} is {error}")))
        };
        bounded(text, "schema")?;
        // What is kept is what runners will read, and they refuse a whole ticket for one schema: a component
        // whose schema gets worse by being cleaned would take every tool of its class along.
        let clean = clean::json(text);
        bounded(&clean, "schema, with what it hides made visible,")?;
        if same_rules(text, &clean) { Ok(clean) } else { Err(refused(HIDES.to_owned())) }
    };
    Ok(RegisteredTool {
        title: tool.title.map(|title| clean::line(&title, clean::LINE_BYTES)).filter(|title| !title.is_empty()),
        description: clean::bounded(&tool.description, clean::DESCRIPTION_BYTES),
        input_schema: schema(&tool.input_schema)?,
        output_schema: tool.output_schema.as_deref().map(schema).transpose()?,
        hints: tool.hints,
        name,
    })
}

/// Whether cleaning changed prose only. A changed key, reference or pattern is another schema, or none.
fn same_rules(text: &str, clean: &str) -> bool {
    // Both are small and shallow by now.
    let (Ok(before), Ok(after)) = (serde_json::from_str(text), serde_json::from_str(clean)) else { return false };
    same(&before, &after, true)
}

/// `prose`: texts for readers may differ.
fn same(before: &Value, after: &Value, prose: bool) -> bool {
    match (before, after) {
        (Value::Array(before), Value::Array(after)) => {
            before.len() == after.len() && before.iter().zip(after).all(|(before, after)| same(before, after, prose))
        }
        (Value::Object(before), Value::Object(after)) => {
            before.len() == after.len()
                && before.iter().all(|(key, before)| {
                    // Two values that must differ could become one.
                    let prose = prose && !matches!(key.as_str(), "enum" | "const");
                    after.get(key).is_some_and(|after| {
                        let told = before.is_string() && after.is_string() && PROSE.contains(&key.as_str());
                        (prose && told) || same(before, after, prose)
                    })
                })
        }
        (before, after) => before == after,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;
    use protocol::Hints;

    fn tool(name: &str) -> ToolDescription {
        ToolDescription {
            name: name.into(),
            title: None,
            description: String::new(),
            input_schema: "{}".into(),
            output_schema: None,
            hints: Hints::default(),
        }
    }

    #[test]
    fn names_are_names_and_each_is_once() {
        assert_eq!(check(vec![tool("a"), tool("b")]).unwrap().len(), 2);
        assert!(matches!(check(vec![tool("a"), tool("a")]), Err(RegisterError::TwoTools(_))));
        for name in ["", "a b", "read\u{200b}", "a\u{1b}[2J", &"x".repeat(129)] {
            assert!(matches!(check(vec![tool(name)]), Err(RegisterError::ToolName(_))), "{name:?}");
        }
        let many = (0..=MAX_TOOLS).map(|n| tool(&format!("t{n}"))).collect();
        assert!(matches!(check(many), Err(RegisterError::TooManyTools { found: 129, most: 128 })));
    }

    #[test]
    fn texts_are_clean_and_short() {
        let dirty = ToolDescription {
            title: Some("Read\nfiles\u{202e}".into()),
            description: format!("first\nsecond\u{e0041}{}", "x".repeat(10_000)),
            input_schema: r#"{"description":"\u200bhidden"}"#.into(),
            ..tool("a")
        };
        let tools = check(vec![dirty]).unwrap();
        assert_eq!(tools[0].title.as_deref(), Some("Read files\\u{202e}"));
        assert!(tools[0].description.starts_with("first\nsecond\\u{e0041}xx"));
        assert_eq!(tools[0].description.len(), clean::DESCRIPTION_BYTES);
        assert_eq!(tools[0].input_schema, r#"{"description":"\\u{200b}hidden"}"#);
    }

    #[test]
    fn a_schema_that_cleaning_makes_too_large_is_refused() {
        let hidden = format!(r#"{{"description":"{}"}}"#, "\u{200b}".repeat(MAX_SCHEMA_BYTES / 4));
        assert!(hidden.len() < MAX_SCHEMA_BYTES && clean::json(&hidden).len() > MAX_SCHEMA_BYTES);
        for bad in [
            ToolDescription { input_schema: hidden.clone(), ..tool("a") },
            ToolDescription { output_schema: Some(hidden), ..tool("a") },
        ] {
            assert!(matches!(check(vec![bad]), Err(RegisterError::Schema { .. })));
        }
    }

    #[test]
    fn a_schema_that_cleaning_makes_another_is_refused() {
        for schema in [
            // The reference names the key as it was.
            r##"{"$defs":{"a\u200b":{}},"allOf":[{"$ref":"#/$defs/a%E2%80%8B"}]}"##,
            r#"{"properties":{"a\u202e":{}}}"#,
            r#"{"pattern":"\u001b+"}"#,
            // Two values become one, and the items of `enum` differ.
            r#"{"enum":["\u001b","\\u{1b}"]}"#,
            r#"{"enum":[{"title":"\u001b"},{"title":"\\u{1b}"}]}"#,
        ] {
            let bad = ToolDescription { input_schema: schema.into(), ..tool("a") };
            assert!(matches!(check(vec![bad]), Err(RegisterError::Schema { .. })), "{schema}");
        }
        let told = r#"{"title":"\u200b","properties":{"a":{"description":"\u200b","$comment":"\u200b"}}}"#;
        assert!(check(vec![ToolDescription { input_schema: told.into(), ..tool("a") }]).is_ok());
    }

    #[test]
    fn schemas_are_shallow_objects() {
        for schema in [
            "",
            "[]",
            "true",
            "{",
            &format!("{{\"a\":\"{}\"}}", "x".repeat(MAX_SCHEMA_BYTES)),
            &format!("{{\"a\":{}{}}}", "[".repeat(32), "]".repeat(32)),
        ] {
            let bad = ToolDescription { input_schema: schema.into(), ..tool("a") };
            assert!(matches!(check(vec![bad]), Err(RegisterError::Schema { .. })), "{schema:.40}");
            let bad = ToolDescription { output_schema: Some(schema.into()), ..tool("a") };
            assert!(matches!(check(vec![bad]), Err(RegisterError::Schema { .. })), "{schema:.40}");
        }
    }
}
