//! What a component may say of its tools. Read once, at registration; what is refused here never
//! reaches the hub's registry.

use crate::schema::{Place, Schema};
use manifest::ToolName;
use protocol::ToolDescription;
use std::collections::BTreeSet;

/// Tools of one component: agents see every one of them in every list.
const MAX_TOOLS: usize = 128;
/// A description is put before a model with each list.
const MAX_DESCRIPTION_BYTES: usize = 16 << 10;
/// A title is a line on a screen.
const MAX_TITLE_BYTES: usize = 1 << 10;
/// The part of a guest's text that a refusal repeats.
const QUOTED_CHARS: usize = 80;

/// Checks names, sizes and schemas.
///
/// # Errors
/// A sentence for the operator, naming the tool.
pub fn check(tools: &[ToolDescription]) -> Result<(), String> {
    if tools.is_empty() {
        return Err("it has no tools".to_owned());
    }
    if tools.len() > MAX_TOOLS {
        return Err(format!("it has {} tools; the most is {MAX_TOOLS}", tools.len()));
    }
    let mut names = BTreeSet::new();
    for tool in tools {
        ToolName::try_from(tool.name.as_str()).map_err(|error| error.to_string())?;
        if !names.insert(tool.name.as_str()) {
            return Err(format!("it has two tools named `{}`", tool.name));
        }
        described(tool)
            .map_err(|why| format!("its tool `{}`: {why}", tool.name.chars().take(QUOTED_CHARS).collect::<String>()))?;
    }
    Ok(())
}

fn described(tool: &ToolDescription) -> Result<(), String> {
    if tool.description.len() > MAX_DESCRIPTION_BYTES {
        return Err(format!(
            "the description has {} bytes; the most is {MAX_DESCRIPTION_BYTES}",
            tool.description.len()
        ));
    }
    if let Some(title) = tool.title.as_ref().filter(|title| title.len() > MAX_TITLE_BYTES) {
        return Err(format!("the title has {} bytes; the most is {MAX_TITLE_BYTES}", title.len()));
    }
    Schema::read(&tool.input_schema, Place::Input).map_err(|error| format!("arguments: {error}"))?;
    if let Some(schema) = &tool.output_schema {
        Schema::read(schema, Place::Output).map_err(|error| format!("result: {error}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::expect_used, reason = "tests")]
    use super::*;

    fn tool(name: &str) -> ToolDescription {
        ToolDescription {
            name: name.to_owned(),
            title: None,
            description: "Says hello.".to_owned(),
            input_schema: r#"{"type":"object"}"#.to_owned(),
            output_schema: None,
            hints: protocol::Hints::default(),
        }
    }

    fn check_with(change: impl FnOnce(&mut Vec<ToolDescription>)) -> Result<(), String> {
        let mut tools = vec![tool("a"), tool("b")];
        change(&mut tools);
        check(&tools)
    }

    #[test]
    fn a_plain_list_passes_and_each_fault_is_named() {
        assert_eq!(check_with(|_| ()), Ok(()));
        let refused = |change: fn(&mut Vec<ToolDescription>), part: &str| {
            let why = check_with(change).expect_err(part);
            assert!(why.contains(part) && why.len() < 512, "{why}");
        };
        refused(|tools| tools.clear(), "no tools");
        refused(|tools| tools.extend((0..127).map(|n| tool(&format!("t{n}")))), "129 tools");
        refused(|tools| tools.push(tool("a")), "two tools named `a`");
        refused(|tools| tools.push(tool("a b")), "not a tool name");
        refused(|tools| tools.push(tool(&"x".repeat(5000))), "not a tool name");
        refused(
            |tools| tools.push(ToolDescription { description: "x".repeat(20_000), ..tool("c") }),
            "description has 20000",
        );
        refused(|tools| tools.push(ToolDescription { title: Some("x".repeat(2_000)), ..tool("c") }), "title has 2000");
        refused(|tools| tools.push(ToolDescription { input_schema: "{}".to_owned(), ..tool("c") }), "`c`: arguments");
        refused(
            |tools| tools.push(ToolDescription { output_schema: Some("[]".to_owned()), ..tool("c") }),
            "`c`: result",
        );
    }
}
