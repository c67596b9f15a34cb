//! The hub as its operator has it: `safeclaw` in child processes, nothing that a user could not type.

use crate::ground::Ground;
use crate::process::Owned;
use anyhow::Context;
use serde_json::Value;
use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

/// A hub that starts parks its first runners; on a busy machine that takes seconds.
const READY_WITHIN: Duration = Duration::from_secs(90);
/// It lets running calls end, then kills every container.
const STOP_WITHIN: Duration = Duration::from_secs(20);
/// A container takes a fraction of a second; on a busy machine some.
const PARKED_WITHIN: Duration = Duration::from_secs(60);

/// A running hub, stopped when dropped.
#[derive(Debug)]
pub(crate) struct Hub {
    safeclaw: PathBuf,
    data: PathBuf,
    log: PathBuf,
    /// Where agents reach it.
    pub(crate) url: String,
    parks: bool,
    _process: Owned,
}

/// What a hub is started with.
#[derive(Debug, Clone)]
pub(crate) struct Setting {
    /// The directory of the programs.
    pub(crate) bin: PathBuf,
    /// The container engine.
    pub(crate) engine: String,
    /// The runner image.
    pub(crate) image: String,
    /// Parked runners of each class.
    pub(crate) parked: usize,
}

impl Hub {
    /// Starts one on a free port of loopback.
    pub(crate) async fn start(setting: &Setting, ground: &Ground) -> anyhow::Result<Self> {
        let safeclaw = setting.bin.join("safeclaw");
        let log = File::options().create(true).append(true).open(ground.log()).context("no log file")?;
        let mut workspace = OsString::from("workspace=");
        workspace.push(ground.workspace());
        let mut command = Command::new(&safeclaw);
        command
            .args(["--log", "debug", "--log-format", "json", "hub", "--json", "--listen", "127.0.0.1:0"])
            .arg("--data")
            .arg(ground.data())
            .arg("--manifest")
            .arg(ground.manifest())
            .arg("--mount")
            .arg(workspace)
            .args(["--engine", &setting.engine, "--image", &setting.image])
            .args(["--parked", &setting.parked.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log);
        let mut process = Owned::start(&mut command, STOP_WITHIN).context("safeclaw does not start")?;
        let stdout = process.child().stdout.take().context("safeclaw has no output")?;
        let mut first = String::new();
        let mut lines = BufReader::new(stdout);
        let said = tokio::time::timeout(READY_WITHIN, lines.read_line(&mut first)).await;
        let ready: Option<Value> = matches!(said, Ok(Ok(1..))).then(|| serde_json::from_str(&first).ok()).flatten();
        let Some(url) = ready.as_ref().and_then(|ready| ready.get("mcp")?.as_str()) else {
            anyhow::bail!("the hub did not start:\n{}", tail(&ground.log()));
        };
        Ok(Self {
            safeclaw,
            data: ground.data(),
            log: ground.log(),
            url: url.to_owned(),
            parks: setting.parked > 0,
            _process: process,
        })
    }

    /// Adds a component; gives what was registered.
    pub(crate) async fn add(&self, name: &str, file: &Path) -> anyhow::Result<Value> {
        self.ask(["tool".into(), "add".into(), name.into(), file.as_os_str().to_owned(), "--json".into()]).await
    }

    /// Makes a token.
    pub(crate) async fn token(&self, profile: &str) -> anyhow::Result<String> {
        let made = self
            .ask(
                ["token", "create", "--principal", "demo", "--profile", profile, "--ttl", "12h", "--json"]
                    .map(Into::into),
            )
            .await?;
        let token = made.get("token").and_then(Value::as_str).context("no token was made")?;
        Ok(token.to_owned())
    }

    /// A tool's container: as asked for, and as read from inside.
    pub(crate) async fn posture(&self, tool: &str, profile: &str) -> anyhow::Result<Value> {
        self.ask(["posture", tool, "--profile", profile, "--json"].map(Into::into)).await
    }

    /// Waits until the pool grows no more; at once, where nothing is parked.
    pub(crate) async fn wait_until_parked(&self) -> anyhow::Result<()> {
        let began = Instant::now();
        let (mut before, mut same) = (0, 0);
        while self.parks && same < 3 {
            let health = self.ask(["health", "--json"].map(Into::into)).await?;
            let parked = health.get("parked").and_then(Value::as_u64).unwrap_or(0);
            same = if parked > 0 && parked == before { same + 1 } else { 0 };
            before = parked;
            if began.elapsed() > PARKED_WITHIN {
                anyhow::bail!("the pool did not fill within {} s:\n{}", PARKED_WITHIN.as_secs(), tail(&self.log));
            }
            tokio::time::sleep(Duration::from_millis(150)).await;
        }
        Ok(())
    }

    /// Ends every session, so that what follows is measured alone.
    pub(crate) async fn end_sessions(&self) -> anyhow::Result<()> {
        let sessions = self.ask(["sessions", "--json"].map(Into::into)).await?;
        for session in sessions.as_array().map(Vec::as_slice).unwrap_or_default() {
            if let Some(id) = session.get("id").and_then(Value::as_str) {
                self.run(["sessions", "--end", id].map(Into::into)).await?;
            }
        }
        Ok(())
    }

    /// What to paste into an MCP client.
    pub(crate) async fn client_configuration(&self, token: &str) -> anyhow::Result<String> {
        self.run(["config", "client", "--url", &self.url, "--token", token].map(Into::into)).await
    }

    /// The log's lines about one call, which only the operator can read.
    pub(crate) fn log_of(&self, call: &str) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        text.lines().filter(|line| line.contains(call)).collect::<Vec<_>>().join("\n")
    }

    async fn ask<const N: usize>(&self, arguments: [OsString; N]) -> anyhow::Result<Value> {
        let text = self.run(arguments).await?;
        serde_json::from_str(&text).context("safeclaw printed no JSON")
    }

    async fn run<const N: usize>(&self, arguments: [OsString; N]) -> anyhow::Result<String> {
        let command: Vec<String> = arguments.iter().take(2).map(|a| a.to_string_lossy().into_owned()).collect();
        let mut child = Command::new(&self.safeclaw);
        child.args(arguments).env("SAFECLAW_DATA", &self.data).stdin(Stdio::null()).kill_on_drop(true);
        let output = child.output().await.context("safeclaw does not start")?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            anyhow::bail!("safeclaw {} failed: {}\n{}", command.join(" "), said.trim(), tail(&self.log));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

/// The end of the hub's log, for a failure.
fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let shown = lines.iter().skip(lines.len().saturating_sub(15)).map(|line| format!("  | {line}"));
    shown.collect::<Vec<_>>().join("\n")
}
