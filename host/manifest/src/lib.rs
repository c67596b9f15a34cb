//! The tier manifest: what an operator writes, and what it means for both walls.
//!
//! Pure: text in, types out. No file, no clock, no async runtime, so that a test is a string.
pub mod model;
pub mod names;
pub mod placement;

pub use model::*;
pub use names::*;
pub use placement::*;
