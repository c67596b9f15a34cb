//! A SafeClaw tool is a function with a typed argument struct, a typed result and a doc comment.
//!
//! `#[tool]` marks the function, [`plugin!`] exports it from the component. Nothing is granted to a
//! plugin by the SDK: what it may touch is in the operator's manifest, and std's own file and clock
//! functions reach exactly that. The functions stay plain Rust, so their tests run on the host.

mod answer;
#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub mod glue;
mod host;
mod reply;
mod tool;

pub use answer::{Answer, Content, Resource, ResourceBody};
pub use host::{install_logger, progress};
pub use reply::Reply;
pub use tool::{Entry, Hints, NoArguments, Tool, ToolResult, call};

pub use anyhow::{Context, Error, Result, anyhow, bail, ensure};
pub use log;
pub use safeclaw_sdk_macros::{arguments, result, tool};
pub use schemars;
pub use serde;
pub use serde_json;

/// What a plugin's file starts with: `use safeclaw_sdk::prelude::*;`.
pub mod prelude {
    pub use crate::{Answer, Content, Context, Error, Resource, ResourceBody, Result};
    pub use crate::{anyhow, arguments, bail, ensure, log, plugin, progress, result, tool};
}

/// Exports the named tools from this component; once per crate.
///
/// On the host it only checks that each is a tool, so that `cargo test` needs no Wasm.
#[macro_export]
macro_rules! plugin {
    ($($tool:ty),+ $(,)?) => {
        const _: () = {
            /// The tools of this plugin, in the order in which they are listed.
            static TOOLS: &[$crate::Entry] = &[$($crate::Entry::of::<$tool>()),+];

            #[cfg(not(target_family = "wasm"))]
            const _: &[$crate::Entry] = TOOLS;

            #[cfg(target_family = "wasm")]
            struct Plugin;

            #[cfg(target_family = "wasm")]
            impl $crate::glue::Guest for Plugin {
                fn list_tools() -> Vec<$crate::glue::Listed> {
                    $crate::glue::list(TOOLS)
                }
                fn call_tool(name: String, arguments: String) -> $crate::glue::Outcome {
                    $crate::glue::call(TOOLS, &name, &arguments)
                }
            }

            #[cfg(target_family = "wasm")]
            $crate::glue::export_plugin!(Plugin with_types_in $crate::glue::bindings);
        };
    };
}
