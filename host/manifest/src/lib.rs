//! The tier manifest: what an operator writes, and what it means for both walls.
//!
//! Pure: text in, types out. No file, no clock, no async runtime, so that a test is a string.
pub mod bounds;
pub mod diagnostics;
pub mod diff;
mod digest;
pub mod explain;
pub mod http;
pub mod linked;
pub mod model;
pub mod names;
pub mod origin;
pub mod placement;
pub mod protected;
mod raw;
pub mod read;
pub mod room;
pub mod source;
pub mod units;
mod words;

pub use diagnostics::{Diagnostic, Diagnostics};
pub use explain::{Explanation, UnknownTool, explain};
pub use model::*;
pub use names::*;
pub use origin::{Origin, Origins};
pub use placement::*;
pub use protected::{ProtectedPath, protected_paths};
pub use raw::fields;
pub use read::{Read, read};
pub use source::{Line, Place, SourceFile};
