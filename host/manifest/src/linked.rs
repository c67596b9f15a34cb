//! Interfaces that every component is linked with, whatever it is granted: what differs between grants lies
//! behind them (no directory, a clock that stands still, no variable). The engine links these, and a manifest
//! cannot let one of them trap: a line that says so would be believed and would do nothing.

/// Interfaces that are linked, in any 0.2 version: the engine checks the types.
pub const WASI: [&str; 20] = [
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:filesystem/preopens",
    "wasi:filesystem/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:random/random",
];

/// Our own, by their whole names.
pub const OWN: [&str; 2] = ["safeclaw:tool/host@0.1.0", "safeclaw:tool/types@0.1.0"];

/// Whether a component that imports this name is linked with it.
#[must_use]
pub fn always(name: &str) -> bool {
    if OWN.contains(&name) {
        return true;
    }
    match name.split_once('@') {
        Some((interface, version)) => WASI.contains(&interface) && version.starts_with("0.2."),
        None => false,
    }
}

/// Whether a manifest that lists this name lists something that is linked; it may leave the version out.
#[must_use]
pub(crate) fn covers(listed: &str) -> bool {
    always(listed)
        || WASI.contains(&listed)
        || OWN.iter().any(|own| own.split_once('@').is_some_and(|(name, _)| name == listed))
}
