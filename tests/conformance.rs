//! The official MCP conformance suite against the hub's real endpoint, both eras, with a baseline per check
//! that can only shrink: the suite fails on a listed check that passes.

use std::path::Path;
use std::process::Command;
use tests::{handed, proxy, running::running};

/// One revision's required scenarios. `Err` is what the suite printed.
fn run(revision: &str) {
    let hub = running();
    let proxy = hub.block_on(proxy::with_token(hub.http, hub.token("developer")));
    let folder = handed::tools().join("node");
    let bin = folder.join("node_modules/.bin");
    let results = handed::repository().join("target/conformance").join(revision);
    let _ = std::fs::remove_dir_all(&results);
    let baseline = handed::repository().join(format!("tests/conformance/baseline-{revision}.yml"));
    let output = Command::new("timeout")
        .args(["300", "node"])
        .arg(suite(&folder))
        .args(["server", "--url", &format!("http://{proxy}/mcp"), "--requirements", revision])
        .arg("--expected-failures")
        .arg(&baseline)
        .arg("-o")
        .arg(&results)
        .env("PATH", format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default()))
        .output()
        .expect("timeout runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "the suite for {revision} failed\n{text}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(text.contains("server-stateless") || text.contains("server-initialize"), "scenarios ran:\n{text}");
}

/// The suite's own entry, so that the pinned Node runs it.
fn suite(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("node_modules/@modelcontextprotocol/conformance/dist/index.js");
    assert!(path.is_file(), "{} is missing: `cargo xtask test` installs it", path.display());
    path
}

#[test]
fn revision_2026_07_28() {
    run("2026-07-28");
}

#[test]
fn revision_2025_11_25() {
    run("2025-11-25");
}
