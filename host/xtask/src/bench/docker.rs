//! For comparison: the same image, hardened the same way, started by hand for each call.

use super::load::Figures;
use super::servers::Setting;
use anyhow::{Context, ensure};
use std::process::Stdio;
use std::time::Instant;
use tokio::process::Command;

/// The posture's settings that cost time to set up; the runner says hello and ends with its input.
const HARDENED: [&str; 22] = [
    "run",
    "--rm",
    "--read-only",
    "--network=none",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--user=1000:1000",
    "--tmpfs=/tmp:rw,noexec,nosuid,nodev,size=64m",
    "--tmpfs=/run:rw,noexec,nosuid,nodev,size=16m",
    "--pids-limit=100",
    "--memory=512m",
    "--memory-swap=512m",
    "--cpu-period=10000",
    "--cpu-quota=5000",
    "--ulimit=core=0",
    "--ulimit=nofile=1024",
    "--ipc=none",
    "--cgroupns=private",
    "--log-driver=none",
    "--stop-signal=SIGKILL",
    "--entrypoint=/runner",
    "--interactive",
];

/// `docker run --rm` so many times; `None` where there is no `docker` command.
pub(crate) async fn runs(setting: &Setting, runs: usize) -> anyhow::Result<Option<Figures>> {
    let mut times = Vec::new();
    for _ in 0..runs {
        let mut command = Command::new("docker");
        command.args(["--host", &setting.engine]).args(HARDENED).arg(&setting.image);
        command.stdin(Stdio::null()).kill_on_drop(true);
        let started = Instant::now();
        let output = match command.output().await {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            output => output.context("docker does not start")?,
        };
        times.push(started.elapsed());
        // Docker's own failures have codes from 125 to 127; how a runner without a hub ends is its own affair.
        let failed = matches!(output.status.code(), Some(125..=127) | None);
        ensure!(!failed, "docker run failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Figures::of(times.clone(), times.iter().sum()).map(Some)
}
