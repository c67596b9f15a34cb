//! The same engine with the pool as wasmtime has it: what our settings of the pool are measured against. Only
//! where components are compiled; a runner has no such engine.

use super::{Engine, EngineError};
use crate::settings::{self, Settings};
use std::sync::Arc;
use wasmtime::{InstanceAllocationStrategy, PoolingAllocationConfig};

impl Engine {
    /// An engine that loads the same artefacts, with `PoolingAllocationConfig::default()`. It reserves address
    /// space for a thousand instances of 4 GiB; of the settings it takes what bounds calls.
    ///
    /// # Errors
    /// If the address space cannot be reserved.
    pub fn with_default_pool(settings: &Settings) -> Result<Self, EngineError> {
        let start = || {
            let mut config = settings::code()?;
            config.allocation_strategy(InstanceAllocationStrategy::Pooling(PoolingAllocationConfig::default()));
            wasmtime::Engine::new(&config)
        };
        let inner =
            start().map_err(|error| EngineError::Start { slots: settings.slots, reason: format!("{error:#}") })?;
        Ok(Self {
            inner,
            ticker: Arc::default(),
            max_memory_bytes: settings.max_memory_bytes,
            slots: settings.slots,
            open_files: Arc::default(),
            scan: false,
        })
    }
}
