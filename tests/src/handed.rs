//! What `cargo xtask test` hands over in the environment. A test that needs one of these and does not get
//! it fails: a suite that skips in silence proves nothing.

use std::path::{Path, PathBuf};

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set: run this test by `cargo xtask test`, which starts a container engine of its own")
    })
}

/// The container engine's socket.
pub fn engine() -> PathBuf {
    let text = variable("SAFECLAW_TEST_ENGINE");
    PathBuf::from(text.strip_prefix("unix://").unwrap_or(&text))
}

/// The runner image's id, already loaded.
pub fn image() -> container::ImageId {
    variable("SAFECLAW_TEST_IMAGE").parse().expect("SAFECLAW_TEST_IMAGE is an image id")
}

/// The folder with the built programs (`safeclaw`, `runner`, `compile`, `probe`).
pub fn program(name: &str) -> PathBuf {
    let path = PathBuf::from(variable("SAFECLAW_BIN_DIR")).join(name);
    assert!(path.is_file(), "{} is not built", path.display());
    path
}

/// The repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ has a parent").to_owned()
}

/// A built guest, by the name of its package.
pub fn guest(name: &str) -> Vec<u8> {
    let file = format!("{}.wasm", name.replace('-', "_"));
    for workspace in ["plugins", "tests/guests"] {
        let path = repository().join(workspace).join("target/wasm32-wasip2/release").join(&file);
        if let Ok(bytes) = std::fs::read(&path) {
            return bytes;
        }
    }
    panic!("guest {file} is not built: `cargo xtask plugins` builds it");
}

/// The folder where `cargo xtask test` installed other people's clients (`node`, `python`).
pub fn tools() -> PathBuf {
    PathBuf::from(variable("SAFECLAW_TEST_TOOLS"))
}

/// Whether the engine has gVisor, as the runtime `runsc`.
pub fn runsc() -> bool {
    std::env::var_os("SAFECLAW_TEST_RUNSC").is_some()
}
