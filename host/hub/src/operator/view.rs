//! What the operator sees of a tool and of a container, as JSON.

use crate::api::ListedTool;
use manifest::Tier;
use protocol::{Hints, InsidePosture};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A tool that a profile shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolView {
    /// Its name.
    pub name: String,
    /// For people.
    pub title: Option<String>,
    /// For the model.
    pub description: String,
    /// Its tier.
    pub tier: Tier,
    /// A call needs an approval.
    pub needs_approval: bool,
    /// JSON Schema of the arguments.
    pub input_schema: Map<String, Value>,
    /// JSON Schema of the structured result.
    pub output_schema: Option<Map<String, Value>>,
    /// The component's own hints.
    pub hints: Hints,
}

impl From<ListedTool> for ToolView {
    fn from(listed: ListedTool) -> Self {
        Self {
            name: listed.description.name,
            title: listed.description.title,
            description: listed.description.description,
            tier: listed.tier,
            needs_approval: listed.needs_approval,
            input_schema: listed.input_schema.as_ref().clone(),
            output_schema: listed.output_schema.map(|schema| schema.as_ref().clone()),
            hints: listed.description.hints,
        }
    }
}

/// The container that serves a tool: as its runner read it from inside, and as it was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PostureView {
    /// From inside.
    pub inside: InsidePosture,
    /// From outside.
    pub rendered: Value,
}
