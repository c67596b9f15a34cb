//! From the generated types to plain ones.

use crate::answer::{Answer, Content, Hints, Media, Resource, ResourceBody, ToolDescription};
use crate::bindings::safeclaw::tool::types;

pub(super) fn answer(answer: types::Answer) -> Answer {
    Answer { content: answer.content.into_iter().map(content).collect(), structured: answer.structured }
}

fn content(block: types::Content) -> Content {
    match block {
        types::Content::Text(text) => Content::Text(text),
        types::Content::Image(bytes) => Content::Image(media(bytes)),
        types::Content::Audio(bytes) => Content::Audio(media(bytes)),
        types::Content::Resource(resource) => Content::Resource(Resource {
            uri: resource.uri,
            mime_type: resource.mime_type,
            body: match resource.body {
                types::ResourceBody::Text(text) => ResourceBody::Text(text),
                types::ResourceBody::Blob(bytes) => ResourceBody::Blob(bytes),
            },
        }),
    }
}

fn media(media: types::Media) -> Media {
    Media { data: media.data, mime_type: media.mime_type }
}

pub(super) fn tool(tool: types::Tool) -> ToolDescription {
    ToolDescription {
        name: tool.name,
        title: tool.title,
        description: tool.description,
        input_schema: tool.input_schema,
        output_schema: tool.output_schema,
        hints: Hints {
            read_only: tool.hints.read_only,
            destructive: tool.hints.destructive,
            idempotent: tool.hints.idempotent,
            open_world: tool.hints.open_world,
        },
    }
}

/// What a description costs of `result_bytes`; the fixed part bounds their number.
pub(super) fn tool_bytes(tool: &ToolDescription) -> u64 {
    let texts = [
        tool.name.len(),
        tool.title.as_ref().map_or(0, String::len),
        tool.description.len(),
        tool.input_schema.len(),
        tool.output_schema.as_ref().map_or(0, String::len),
    ];
    texts.iter().fold(32, |sum: u64, text| sum.saturating_add(*text as u64))
}
