//! What a component says about itself, held to the rules before anyone is shown it. Pure.

use crate::api::{RegisterError, RegisteredTool};
use crate::{bounds, clean};
use manifest::ToolName;
use protocol::ToolDescription;
use std::collections::BTreeSet;

/// Tools of one component. Bounds what a component can put into every list of tools.
const MAX_TOOLS: usize = 128;
/// One schema, bytes.
const MAX_SCHEMA_BYTES: usize = 64 << 10;

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
        let bad = |error: bounds::OutOfBounds| RegisterError::Schema {
            tool: name.clone(),
            why: format!("its schema is {error}"),
        };
        bounds::object(text, MAX_SCHEMA_BYTES, bounds::DEPTH).map_err(bad)?;
        Ok::<_, RegisterError>(clean::json(text))
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
