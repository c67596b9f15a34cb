//! The official Python SDK as a client, over both transports and in both eras.

use serde_json::Value;
use std::path::PathBuf;
use std::process::Command;
use tests::{handed, running::running};

fn python() -> PathBuf {
    handed::tools().join("python/bin/python")
}

/// Runs `client.py` and reads its report.
fn report(arguments: &[&str]) -> Value {
    let output = Command::new(python())
        .arg(handed::repository().join("tests/python/client.py"))
        .args(arguments)
        .output()
        .expect("the client starts");
    assert!(
        output.status.success(),
        "the client failed\n{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).expect("one JSON object")
}

/// What must hold whichever way the client came in.
fn check(report: &Value) {
    let tools: Vec<&str> = report["tools"].as_array().unwrap().iter().map(|t| t.as_str().unwrap()).collect();
    assert!(tools.contains(&"files_read") && tools.contains(&"time_now"), "{tools:?}");
    assert!(tools.is_sorted(), "the list is in a fixed order: {tools:?}");
    assert_eq!(report["read"]["error"], false, "{report}");
    assert!(report["read"]["structured"].to_string().contains("# A workspace"), "{report}");
    assert_eq!(report["missing"]["error"], true, "{report}");
    assert!(report["missing"]["text"].as_str().unwrap().contains("no/such/file"), "{report}");
    assert_eq!(report["progress"].as_array().unwrap().len(), 3, "{report}");
    assert_ne!(report["unknown"], false, "an unknown tool is an error: {report}");
}

#[test]
fn over_http_in_both_eras() {
    let hub = running();
    let url = format!("http://{}/mcp", hub.http);
    for (mode, version) in [("auto", "2026-07-28"), ("legacy", "2025-11-25")] {
        let report = report(&["http", &url, &hub.token("developer"), mode]);
        check(&report);
        assert_eq!(report["version"], version);
    }
}

#[test]
fn over_the_stdio_bridge_in_both_eras() {
    let hub = running();
    let safeclaw = handed::program("safeclaw");
    let data = hub.data.to_str().unwrap();
    for (mode, version) in [("auto", "2026-07-28"), ("legacy", "2025-11-25")] {
        let token = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(token.path(), hub.token("developer")).unwrap();
        let report = report(&[
            "stdio",
            mode,
            safeclaw.to_str().unwrap(),
            "mcp",
            "--data",
            data,
            "--token-file",
            token.path().to_str().unwrap(),
        ]);
        check(&report);
        assert_eq!(report["version"], version);
    }
}
