//! From Wasm to an artefact. Parses hostile bytes and runs none of them: only the compile program has
//! this module, in a container of its own.

use crate::engine::EngineError;
use crate::link::{self, Imports, LinkError, import};
use crate::settings;
use std::hash::{Hash, Hasher};
use wasmtime::component::Component;

/// A compiled component.
#[derive(Debug, Clone)]
pub struct Artefact {
    /// Native code, for [`crate::load_artefact`].
    pub bytes: Vec<u8>,
    /// What can load it: [`crate::Engine::compatibility`] and wasmtime's hash over flags and features.
    pub compatibility: String,
    /// Instances it imports.
    pub imports: Vec<String>,
    /// What it exports.
    pub exports: Vec<String>,
}

/// Why a component is not compiled.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// The compiler itself does not start.
    #[error("the compiler cannot start")]
    Engine(#[source] EngineError),
    /// Not a component, or not a valid one.
    #[error("it is not a valid component: {0}")]
    Invalid(String),
    /// It asks for what is not granted, or is no tool.
    #[error(transparent)]
    Link(#[from] LinkError),
}

/// Compiles one component.
///
/// # Errors
/// [`CompileError`], its text bounded.
pub fn compile<'a>(wasm: &[u8], granted: impl Into<Imports<'a>>) -> Result<Artefact, CompileError> {
    let start =
        |error: wasmtime::Error| CompileError::Engine(EngineError::Start { slots: 0, reason: format!("{error:#}") });
    let invalid = |error: wasmtime::Error| CompileError::Invalid(format!("{error:#}").chars().take(512).collect());
    // No pool: nothing is ever instantiated here, and the pool's address space would not fit our rlimit.
    let engine = settings::code().and_then(|config| wasmtime::Engine::new(&config)).map_err(start)?;
    let component = Component::from_binary(&engine, wasm).map_err(invalid)?;
    link::link(&engine, &component, granted.into())?;
    let bytes = component.serialize().map_err(invalid)?;
    Ok(Artefact {
        bytes,
        compatibility: format!("{}-{:016x}", settings::COMPATIBILITY, hash(&engine)),
        imports: import::names(&engine, &component),
        exports: import::exports(&engine, &component),
    })
}

fn hash(engine: &wasmtime::Engine) -> u64 {
    // SipHash with fixed keys: the same in every build with the same standard library.
    let mut hasher = std::hash::DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.finish()
}
