//! A tool as MCP lists it.

use crate::api::ListedTool;
use manifest::Tier;
use rmcp::model::{MetaObject, Tool, ToolAnnotations};
use serde_json::Value;

/// Marks a tool whose calls need a person's approval. For display: the gate is the hub's.
const NEEDS_APPROVAL: &str = "io.github.safeclaw/needs-approval";
/// The tool's tier.
const TIER: &str = "io.github.safeclaw/tier";
/// Some clients then ask their user before each call: a second look that costs nothing.
const ASK_THE_USER: &str = "anthropic/requiresUserInteraction";

/// All four hints are said aloud, since a client takes what is left out for the worst. A component's own
/// hints are for display, and it cannot make an escalated tool look harmless.
pub(super) fn tool(listed: ListedTool) -> Tool {
    let ListedTool { description, tier, input_schema, output_schema, needs_approval } = listed;
    let hints = description.hints;
    let escalated = needs_approval || matches!(tier, Tier::Admin | Tier::Critical);
    let read_only = !escalated && hints.read_only.unwrap_or(false);
    let annotations = ToolAnnotations::from_raw(
        description.title.clone(),
        Some(read_only),
        Some(escalated || hints.destructive.unwrap_or(!read_only)),
        Some(hints.idempotent.unwrap_or(false)),
        Some(hints.open_world.unwrap_or(true)),
    );
    let mut tool = Tool::new(description.name, description.description, input_schema);
    tool.title = description.title;
    tool.output_schema = output_schema;
    tool.with_annotations(annotations).with_meta(meta(tier, needs_approval))
}

fn meta(tier: Tier, needs_approval: bool) -> MetaObject {
    let mut meta = MetaObject::new();
    if let Ok(tier) = serde_json::to_value(tier) {
        meta.0.insert(TIER.to_owned(), tier);
    }
    if needs_approval {
        meta.0.insert(NEEDS_APPROVAL.to_owned(), Value::Bool(true));
        meta.0.insert(ASK_THE_USER.to_owned(), Value::Bool(true));
    }
    meta
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;
    use protocol::{Hints, ToolDescription};
    use serde_json::json;
    use std::sync::Arc;

    fn listed(tier: Tier, hints: Hints) -> ListedTool {
        let description = ToolDescription {
            name: "files.read".to_owned(),
            title: Some("Read a file".to_owned()),
            description: "Reads.".to_owned(),
            input_schema: r#"{"type":"object"}"#.to_owned(),
            output_schema: Some(r#"{"type":"object"}"#.to_owned()),
            hints,
        };
        let schema = Arc::new(json!({"type": "object"}).as_object().unwrap().clone());
        ListedTool {
            description,
            tier,
            input_schema: schema.clone(),
            output_schema: Some(schema),
            needs_approval: matches!(tier, Tier::Admin | Tier::Critical),
        }
    }

    #[test]
    fn a_tool_is_listed_with_everything_a_client_shows() {
        let hints = Hints { read_only: Some(true), open_world: Some(false), ..Hints::default() };
        let shown = serde_json::to_value(tool(listed(Tier::User, hints))).unwrap();
        let expected = json!({
            "name": "files.read",
            "title": "Read a file",
            "description": "Reads.",
            "inputSchema": {"type": "object"},
            "outputSchema": {"type": "object"},
            "annotations": {
                "title": "Read a file",
                "readOnlyHint": true,
                "destructiveHint": false,
                "idempotentHint": false,
                "openWorldHint": false,
            },
            "_meta": {"io.github.safeclaw/tier": "user"},
        });
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_component_cannot_make_an_escalated_tool_look_harmless() {
        let hints = Hints { read_only: Some(true), destructive: Some(false), ..Hints::default() };
        for tier in [Tier::Admin, Tier::Critical] {
            let shown = serde_json::to_value(tool(listed(tier, hints))).unwrap();
            assert_eq!(shown["annotations"]["readOnlyHint"], json!(false));
            assert_eq!(shown["annotations"]["destructiveHint"], json!(true));
            assert_eq!(shown["_meta"][NEEDS_APPROVAL], json!(true));
            assert_eq!(shown["_meta"][ASK_THE_USER], json!(true));
        }
    }

    #[test]
    fn a_component_that_says_nothing_is_listed_at_its_worst() {
        let shown = serde_json::to_value(tool(listed(Tier::Write, Hints::default()))).unwrap();
        let worst = json!({
            "title": "Read a file",
            "readOnlyHint": false,
            "destructiveHint": true,
            "idempotentHint": false,
            "openWorldHint": true,
        });
        assert_eq!(shown["annotations"], worst);
    }
}
