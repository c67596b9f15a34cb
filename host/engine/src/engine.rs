//! The engine: wasmtime with our settings, and the ticker that bounds CPU time.

use crate::settings::{self, Settings};
use crate::ticker::Ticker;
use crate::wasi::filesystem::open_files::Shared;
use std::sync::Arc;

#[cfg(feature = "compiler")]
mod default_pool;

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// wasmtime refused: usually the address space for the pool is not there.
    #[error("the Wasm engine cannot start with {slots} slots: {reason}")]
    Start {
        /// How many were asked for.
        slots: u32,
        /// In wasmtime's words.
        reason: String,
    },
    /// No thread for the ticker.
    #[error("the engine's ticker thread cannot start")]
    Ticker(#[source] std::io::Error),
}

/// Loads artefacts and runs calls. Cheap to clone; all clones are one engine.
#[derive(Clone)]
pub struct Engine {
    pub(crate) inner: wasmtime::Engine,
    pub(crate) ticker: Arc<Ticker>,
    pub(crate) max_memory_bytes: u64,
    pub(crate) slots: u32,
    pub(crate) open_files: Arc<Shared>,
    scan: bool,
}

impl Engine {
    /// Builds the engine. It opens `/proc/self/pagemap` and reserves address space: do it before
    /// descriptors are closed and filters are set.
    ///
    /// # Errors
    /// If the address space cannot be reserved.
    pub fn new(settings: &Settings) -> Result<Self, EngineError> {
        let failed =
            |error: wasmtime::Error| EngineError::Start { slots: settings.slots, reason: format!("{error:#}") };
        // Kernels before 6.7, and sandboxes without /proc, have no page map scan.
        let with_scan = settings::pooled(settings, true).and_then(|config| wasmtime::Engine::new(&config));
        let (inner, scan) = match with_scan {
            Ok(engine) => (engine, true),
            Err(_) => {
                let config = settings::pooled(settings, false).map_err(failed)?;
                (wasmtime::Engine::new(&config).map_err(failed)?, false)
            }
        };
        Ok(Self {
            inner,
            ticker: Arc::default(),
            max_memory_bytes: settings.max_memory_bytes,
            slots: settings.slots,
            open_files: Arc::default(),
            scan,
        })
    }

    /// Names what can load an artefact of this build: `VERSION+safeclaw-POLICY-BASELINE`.
    #[must_use]
    pub fn compatibility() -> &'static str {
        settings::COMPATIBILITY
    }

    /// Starts the thread that bounds CPU time; calls are refused before. Do it before the filter that
    /// denies threads, and keep the engine until the process ends: the thread ends with it.
    ///
    /// # Errors
    /// If no thread can be made.
    pub fn start_ticker(&self) -> Result<(), EngineError> {
        self.ticker.start(self.inner.weak()).map_err(EngineError::Ticker)
    }

    /// Whether written pages are found by scanning the page map (faster), for the runner's posture.
    #[must_use]
    pub fn scans_pages(&self) -> bool {
        self.scan
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("slots", &self.slots).field("scan", &self.scan).finish_non_exhaustive()
    }
}
