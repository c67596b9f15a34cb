//! What a plugin may say to its host besides its answer. On the host itself (tests) it goes to stderr.

use log::{Level, Log, Metadata, Record};

/// Says how far the call has come: `progress(3.0, 10.0, "third file")`. The host passes on ten a second.
pub fn progress<'a>(done: f64, total: impl Into<Option<f64>>, message: impl Into<Option<&'a str>>) {
    let (total, message) = (total.into(), message.into());
    #[cfg(target_family = "wasm")]
    crate::glue::bindings::safeclaw::tool::host::progress(done, total, message);
    #[cfg(not(target_family = "wasm"))]
    eprintln!("progress {done} of {total:?} {}", message.unwrap_or_default());
}

struct HostLog;

impl Log for HostLog {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        line(record.level(), &record.args().to_string());
    }

    fn flush(&self) {}
}

#[cfg(target_family = "wasm")]
fn line(level: Level, text: &str) {
    use crate::glue::bindings::safeclaw::tool::host;
    let level = match level {
        Level::Error => host::Level::Error,
        Level::Warn => host::Level::Warn,
        Level::Info => host::Level::Info,
        Level::Debug => host::Level::Debug,
        Level::Trace => host::Level::Trace,
    };
    host::log(level, text);
}

#[cfg(not(target_family = "wasm"))]
fn line(level: Level, text: &str) {
    eprintln!("{level} {text}");
}

/// Sends what `log::info!` and its siblings say to the host; the glue does it before each call.
pub fn install_logger() {
    if log::set_logger(&HostLog).is_ok() {
        log::set_max_level(log::LevelFilter::Trace);
    }
}
