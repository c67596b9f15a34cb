//! Wall 2: the posture renderer, and the launcher, the only part that touches a container engine.
pub mod message;

pub use message::*;
