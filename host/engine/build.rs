//! Finds the exact version of wasmtime in the lock file. An artefact carries it, since wasmtime itself
//! compares only the major version: one compiled before a code generation fix would still load.

use std::path::Path;
use std::{env, fs};

fn main() {
    let root = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    let lock = Path::new(&root).join("../../Cargo.lock");
    println!("cargo::rerun-if-changed={}", lock.display());
    let text = fs::read_to_string(&lock).unwrap_or_default();
    let version = text
        .split("[[package]]")
        .find(|package| package.lines().any(|line| line == "name = \"wasmtime\""))
        .and_then(|package| package.lines().find_map(|line| line.strip_prefix("version = \"")))
        .and_then(|rest| rest.strip_suffix('"'));
    match version {
        Some(version) => println!("cargo::rustc-env=WASMTIME_VERSION={version}"),
        None => println!("cargo::error=Cargo.lock names no version of wasmtime"),
    }
}
