//! Between the component ABI and [`Entry`]. The unsafe code in it is generated, and none of it is ours.

use crate::answer::{Answer, Content, Resource, ResourceBody};
use crate::tool::Entry;
use bindings::safeclaw::tool::types;

#[expect(missing_docs, reason = "generated glue for the component ABI")]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "plugin",
        pub_export_macro: true,
        export_macro_name: "export_plugin",
    });
}

pub use bindings::export_plugin;
pub use bindings::exports::safeclaw::tool::tools::Guest;
pub use types::{Outcome, Tool as Listed};
pub use wit_bindgen;

/// What `list-tools` answers.
#[must_use]
pub fn list(tools: &[Entry]) -> Vec<Listed> {
    tools
        .iter()
        .map(|tool| Listed {
            name: tool.name.to_owned(),
            title: tool.title.map(ToOwned::to_owned),
            description: tool.description.to_owned(),
            input_schema: (tool.input_schema)(),
            output_schema: (tool.output_schema)(),
            hints: types::Hints {
                read_only: tool.hints.read_only,
                destructive: tool.hints.destructive,
                idempotent: tool.hints.idempotent,
                open_world: tool.hints.open_world,
            },
        })
        .collect()
}

/// What `call-tool` answers.
#[must_use]
pub fn call(tools: &[Entry], name: &str, arguments: &str) -> Outcome {
    crate::host::install_logger();
    let answer = match tools.iter().find(|tool| tool.name == name) {
        Some(tool) => (tool.call)(arguments),
        None => Answer::text(format!("this plugin has no tool {name}")).failed(),
    };
    let is_error = answer.is_error;
    let answer =
        types::Answer { content: answer.content.into_iter().map(content).collect(), structured: answer.structured };
    if is_error { Outcome::Failed(answer) } else { Outcome::Complete(answer) }
}

fn content(block: Content) -> types::Content {
    match block {
        Content::Text(text) => types::Content::Text(text),
        Content::Image(data, mime_type) => types::Content::Image(types::Media { data, mime_type }),
        Content::Audio(data, mime_type) => types::Content::Audio(types::Media { data, mime_type }),
        Content::Resource(Resource { uri, mime_type, body }) => types::Content::Resource(types::EmbeddedResource {
            uri,
            mime_type,
            body: match body {
                ResourceBody::Text(text) => types::ResourceBody::Text(text),
                ResourceBody::Blob(blob) => types::ResourceBody::Blob(blob),
            },
        }),
    }
}
