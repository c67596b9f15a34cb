//! The tools that the MCP conformance suite asks a server for, as far as a gateway of tools can offer
//! them: names, texts and the schema are the suite's own. Needs the monotonic clock.
#![forbid(unsafe_code)]

use safeclaw_sdk::prelude::*;
use safeclaw_sdk::schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use safeclaw_sdk::serde::Deserialize;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::time::Duration;

const PNG: &[u8] = include_bytes!("pixel.png");
const WAV: &[u8] = include_bytes!("silence.wav");

/// Answers one block of text.
#[tool(read_only)]
fn test_simple_text() -> Result<Answer> {
    Ok(Answer::text("This is a simple text response for testing."))
}

/// Answers an image.
#[tool(read_only)]
fn test_image_content() -> Result<Answer> {
    Ok(Answer::new().with_image(PNG.to_vec(), "image/png"))
}

/// Answers a sound.
#[tool(read_only)]
fn test_audio_content() -> Result<Answer> {
    Ok(Answer::new().with_audio(WAV.to_vec(), "audio/wav"))
}

/// Answers an embedded resource.
#[tool(read_only)]
fn test_embedded_resource() -> Result<Answer> {
    let body = ResourceBody::Text("This is an embedded resource content.".to_owned());
    Ok(Answer::new().with_resource("test://embedded-resource", "text/plain", body))
}

/// Answers text, an image and a resource.
#[tool(read_only)]
fn test_multiple_content_types() -> Result<Answer> {
    let body = ResourceBody::Text(r#"{"test":"data","value":123}"#.to_owned());
    Ok(Answer::text("Multiple content types test:").with_image(PNG.to_vec(), "image/png").with_resource(
        "test://mixed-content-resource",
        "application/json",
        body,
    ))
}

/// Fails.
#[tool(read_only)]
fn test_error_handling() -> Result<Answer> {
    bail!("This tool intentionally returns an error for testing")
}

/// Reports progress three times.
#[tool(read_only)]
fn test_tool_with_progress() -> Result<Answer> {
    progress(0.0, 100.0, None);
    for done in [50.0, 100.0] {
        std::thread::sleep(Duration::from_millis(50));
        progress(done, 100.0, None);
    }
    Ok(Answer::text("Done, with progress at 0, 50 and 100."))
}

/// Arguments that are described with more of JSON Schema than Rust types can say.
#[derive(Deserialize)]
#[serde(crate = "safeclaw_sdk::serde", transparent)]
struct Contact(Map<String, Value>);

impl JsonSchema for Contact {
    fn schema_name() -> Cow<'static, str> {
        "Contact".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "$defs": {
                "address": {
                    "$anchor": "addressDef",
                    "type": "object",
                    "properties": { "street": { "type": "string" }, "city": { "type": "string" } }
                }
            },
            "properties": {
                "name": { "type": "string" },
                "address": { "$ref": "#/$defs/address" },
                "contactMethod": { "type": "string", "enum": ["phone", "email"] },
                "phone": { "type": "string" },
                "email": { "type": "string" }
            },
            "allOf": [{ "anyOf": [{ "required": ["phone"] }, { "required": ["email"] }] }],
            "if": { "properties": { "contactMethod": { "const": "phone" } }, "required": ["contactMethod"] },
            "then": { "required": ["phone"] },
            "else": { "required": ["email"] },
            "additionalProperties": false
        })
    }
}

/// Tool with JSON Schema 2020-12 features
#[tool(read_only)]
fn json_schema_2020_12_tool(args: Contact) -> Result<Answer> {
    Ok(Answer::text(Value::Object(args.0).to_string()))
}

plugin!(
    test_simple_text,
    test_image_content,
    test_audio_content,
    test_embedded_resource,
    test_multiple_content_types,
    test_error_handling,
    test_tool_with_progress,
    json_schema_2020_12_tool,
);
