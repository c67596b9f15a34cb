//! A SafeClaw tool is a function with a typed argument struct, a typed result and a doc comment.
//!
//! `#[tool]` marks the function, [`plugin!`] exports it from the component. Nothing is granted to a
//! plugin by the SDK: what it may touch is in the operator's manifest, and std's own file and clock
//! functions reach exactly that. The functions stay plain Rust, so their tests run on the host.
//!
//! ```
//! use safeclaw_sdk::prelude::*;
//!
//! /// What to add.
//! #[arguments]
//! struct Add {
//!     /// Two or more numbers.
//!     numbers: Vec<i64>,
//! }
//!
//! /// Adds numbers.
//! #[tool(read_only)]
//! fn add(args: Add) -> Result<String> {
//!     ensure!(args.numbers.len() > 1, "give two numbers at least");
//!     let sum = args.numbers.iter().try_fold(0_i64, |a, b| a.checked_add(*b));
//!     Ok(sum.context("the sum is too large")?.to_string())
//! }
//!
//! plugin!(add);
//! # fn main() {}
//! ```
//!
//! A tool without a doc comment, with two arguments or with an unknown option does not compile:
//!
//! ```compile_fail
//! # use safeclaw_sdk::prelude::*;
//! #[tool]
//! fn nothing_said() -> Result<String> { Ok(String::new()) }
//! ```
//!
//! ```compile_fail
//! # use safeclaw_sdk::prelude::*;
//! /// Takes too much.
//! #[tool]
//! fn two(a: String, b: String) -> Result<String> { Ok(a + &b) }
//! ```
//!
//! ```compile_fail
//! # use safeclaw_sdk::prelude::*;
//! /// Wants more than there is.
//! #[tool(network)]
//! fn reach_out() -> Result<String> { Ok(String::new()) }
//! ```

mod answer;
#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub mod glue;
mod host;
pub mod http;
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
