//! How a tool's result becomes an answer.

use crate::answer::Answer;
use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde::Serialize;
use serde_json::Value;

/// A result of a tool: an [`Answer`], or anything that serde can write and schemars can describe.
///
/// A struct becomes structured content, with its JSON as a text block for clients that read only text.
/// A `String` becomes a text block; any other value that is no JSON object becomes its JSON as text,
/// since MCP's structured content is always an object.
pub trait Reply {
    /// The JSON Schema of the structured content.
    fn output_schema() -> Option<String>;
    /// The answer.
    ///
    /// # Errors
    /// If the value cannot be written as JSON.
    fn into_answer(self) -> crate::Result<Answer>;
}

impl Reply for Answer {
    fn output_schema() -> Option<String> {
        None
    }

    fn into_answer(self) -> crate::Result<Answer> {
        Ok(self)
    }
}

impl<T: Serialize + JsonSchema> Reply for T {
    fn output_schema() -> Option<String> {
        object_schema::<T>().map(|schema| schema.as_value().to_string())
    }

    fn into_answer(self) -> crate::Result<Answer> {
        if object_schema::<T>().is_some() {
            let json = serde_json::to_string(&self)?;
            return Ok(Answer { structured: Some(json.clone()), ..Answer::text(json) });
        }
        Ok(Answer::text(match serde_json::to_value(&self)? {
            Value::String(text) => text,
            Value::Null => "done".to_owned(),
            other => other.to_string(),
        }))
    }
}

/// The schema of arguments: what serde reads.
pub(crate) fn schema<T: JsonSchema>() -> Schema {
    generate::<T>(SchemaSettings::draft2020_12().for_deserialize())
}

/// JSON Schema 2020-12, in one piece, without the Rust type's name as its title.
fn generate<T: JsonSchema>(mut settings: SchemaSettings) -> Schema {
    settings.inline_subschemas = true;
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    schema.remove("title");
    schema
}

/// The schema of a result: what serde writes, so that a field it may leave out is not required.
fn object_schema<T: JsonSchema>() -> Option<Schema> {
    Some(generate::<T>(SchemaSettings::draft2020_12().for_serialize()))
        .filter(|schema| schema.get("type").and_then(Value::as_str) == Some("object"))
}
