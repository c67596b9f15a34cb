//! Wall 1: one fresh, bounded WebAssembly instance per call, with the grants it was given and nothing else.
//!
//! The only crate that names wasmtime. It neither reads manifests nor speaks to the hub: the runner
//! hands it a [`Grant`] and a name, and gets a [`CallReport`]. With the feature `compiler` it also
//! turns a component into an artefact; the runner is built without it.
pub mod answer;
pub mod artefact;
pub mod beneath;
mod bindings;
mod call;
mod cpu;
mod engine;
pub mod grant;
pub mod http;
pub mod limits;
mod link;
pub mod report;
pub mod settings;
mod store;
mod ticker;
mod wasi;

#[cfg(feature = "compiler")]
pub mod compile;

pub use answer::{Answer, Content, Hints, Media, Resource, ResourceBody, ToolDescription};
pub use artefact::{LoadError, LoadedComponent, load_artefact};
pub use engine::{Engine, EngineError};
pub use grant::{Grant, GrantedDir};
pub use link::{Imports, LinkError, Prepared, prepare};
pub use report::{CallEnd, CallFailure, CallReport, CallSink, LimitHit, LimitKind, LogSource};
pub use settings::Settings;
