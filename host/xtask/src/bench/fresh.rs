//! The engine alone: a fresh instance and a call, with our pool and with wasmtime's, in one process in turns.

use super::report::{Fresh, Report};
use super::servers::Setting;
use anyhow::{Context, ensure};
use std::process::Stdio;
use tokio::process::Command;

const CALLS: &str = "20000";

/// Runs the program that measures it, which is an example of `compile`: here nothing links the engine.
pub(crate) async fn measure(setting: &Setting, report: &mut Report) -> anyhow::Result<()> {
    let program = setting.bin.join("examples/measure");
    let mut command = Command::new(&program);
    command.arg(&setting.component).args(["add", r#"{"a":19,"b":23}"#, CALLS, "--json"]);
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.with_context(|| format!("{} does not start", program.display()))?;
    ensure!(output.status.success(), "measure failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    let fresh: Fresh = serde_json::from_slice(&output.stdout).context("measure said something else")?;
    eprintln!("bench     fresh instance and call: {:.1} µs", fresh.ours.p50_us);
    report.fresh = Some(fresh);
    Ok(())
}
