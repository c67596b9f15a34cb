//! Bodies that hostile bytes are thrown at: plain functions that panic where a promise is broken, and say
//! whether the input was taken. The tests below call them with a corpus and 100 000 seeded mutations of it,
//! on the stable toolchain; the targets in `fuzz/` hand the same functions to libFuzzer.

pub mod clean;
pub mod doors;
pub mod frame;
pub mod json;
pub mod manifest;
pub mod paths;
pub mod ticket;
pub mod urls;

mod ground;
mod tree;

/// The bodies here, by the names of their corpora and of their libFuzzer targets.
pub const BODIES: [&str; 8] = ["clean", "door", "frame", "json", "manifest", "path", "ticket", "url"];

#[cfg(test)]
mod mutate;
#[cfg(test)]
mod run;
#[cfg(test)]
mod tests;

/// Modules of the Wasm side that are pure or ask only the kernel, by their source: to name their crate would
/// build the Wasm engine for every test of the host.
#[path = "../../host/engine/src/wasi/filesystem"]
mod engine {
    #[expect(dead_code, reason = "the engine does more with paths than a body here asks of it")]
    mod paths;
    mod protected;

    use rustix::fs::OFlags;
    use std::fs::File;
    use std::io;
    use std::os::fd::OwnedFd;

    /// Opens a guest's path as the engine does; symbolic links lead on, or are an error.
    pub(super) fn open(directory: &File, path: &str, follow: bool) -> io::Result<File> {
        let links = if follow { paths::Links::Follow } else { paths::Links::Refuse };
        paths::open(directory, path, OFlags::PATH, links)
    }

    /// The directory in which a guest's change happens, and the name that changes.
    pub(super) fn parent<'p>(directory: &File, path: &'p str) -> io::Result<(OwnedFd, &'p str)> {
        paths::parent(directory, path)
    }

    /// Whether a guest's path goes through a name that no tool changes.
    pub(super) fn is_protected(path: &str) -> bool {
        protected::names(path)
    }
}
