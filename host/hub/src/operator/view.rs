//! What the operator sees of a tool and of a container, as JSON.

use crate::api::ListedTool;
use manifest::{FsGrant, Manifest, MountName, Tier};
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
    /// Why the operator grants it what it has.
    pub reason: String,
    /// The directories that it has.
    pub directories: Vec<DirectoryView>,
    /// JSON Schema of the arguments.
    pub input_schema: Map<String, Value>,
    /// JSON Schema of the structured result.
    pub output_schema: Option<Map<String, Value>>,
    /// The component's own hints.
    pub hints: Hints,
}

/// A directory that a tool has, for the operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryView {
    /// The grant.
    #[serde(flatten)]
    pub grant: FsGrant,
    /// Why the mount exists.
    pub reason: String,
}

impl ToolView {
    /// A listed tool with what the manifest says of it. Agents see none of that: a reason is a note of the
    /// operator's to himself, and may tell more than a tool's description does.
    pub(crate) fn of(listed: ListedTool, manifest: &Manifest) -> Self {
        let tool = manifest.tools.values().find(|tool| tool.name.as_str() == listed.description.name);
        let why = |name: &MountName| manifest.mounts.get(name).map(|mount| mount.reason.clone()).unwrap_or_default();
        let directories = tool.into_iter().flat_map(|tool| &tool.grants.fs);
        Self {
            reason: tool.map(|tool| tool.reason.clone()).unwrap_or_default(),
            directories: directories
                .map(|grant| DirectoryView { grant: grant.clone(), reason: why(&grant.mount) })
                .collect(),
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
