//! `safeclaw:tool/host`: log messages and progress.

use crate::bindings::safeclaw::tool::{host, types};
use crate::store::State;

impl types::Host for State {}

impl host::Host for State {
    fn log(&mut self, level: host::Level, message: String) -> wasmtime::Result<()> {
        let level = match level {
            host::Level::Trace => 0,
            host::Level::Debug => 1,
            host::Level::Info => 2,
            host::Level::Warn => 3,
            host::Level::Error => 4,
        };
        self.voice.message(level, &message);
        Ok(())
    }

    fn progress(&mut self, progress: f64, total: Option<f64>, message: Option<String>) -> wasmtime::Result<()> {
        self.voice.progress(progress, total, message.as_deref());
        Ok(())
    }
}
