//! What the examples share: each is a component whose list of tools is the attack. A list is read once,
//! at registration, with an empty grant; a bad one refuses the component as a whole.
#![forbid(unsafe_code)]

pub use safeclaw_sdk::glue;
use safeclaw_sdk::glue::Listed;
use safeclaw_sdk::glue::bindings::safeclaw::tool::types::Hints;

/// A tool that is as it should be, but for what an attack then changes.
#[must_use]
pub fn tool(name: &str) -> Listed {
    Listed {
        name: name.to_owned(),
        title: None,
        description: "Listed".to_owned(),
        input_schema: r#"{"type":"object"}"#.to_owned(),
        output_schema: None,
        hints: Hints { read_only: Some(true), destructive: None, idempotent: None, open_world: None },
    }
}

/// Exports a component that lists this and answers every call with nothing.
#[macro_export]
macro_rules! listing {
    ($list:expr) => {
        struct Plugin;

        impl $crate::glue::Guest for Plugin {
            fn list_tools() -> Vec<$crate::glue::Listed> {
                $list
            }
            fn call_tool(name: String, arguments: String) -> $crate::glue::Outcome {
                $crate::glue::call(&[], &name, &arguments)
            }
        }

        $crate::glue::export_plugin!(Plugin with_types_in $crate::glue::bindings);
    };
}
