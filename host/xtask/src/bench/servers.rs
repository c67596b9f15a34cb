//! The servers that are measured, each a process of its own that ends with its value.

use crate::ground::Ground;
use crate::process::Owned;
use anyhow::{Context, ensure};
use serde::Deserialize;
use serde_json::Value;
use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

/// Starting compiles a component or parks runners; on a busy machine that takes seconds.
const READY_WITHIN: Duration = Duration::from_secs(90);
const STOP_WITHIN: Duration = Duration::from_secs(20);
const PARKED_WITHIN: Duration = Duration::from_secs(120);

/// Where the programs are, and what the hub needs.
#[derive(Debug, Clone)]
pub(crate) struct Setting {
    pub(crate) bin: PathBuf,
    pub(crate) engine: String,
    pub(crate) image: String,
    pub(crate) component: PathBuf,
    /// The component whose tool makes requests.
    pub(crate) requests: PathBuf,
}

/// This program as a server: the native one, or the hub without wall 2.
pub(crate) struct Own {
    /// What it printed: its URL, and a token if it wants one.
    pub(crate) said: Vec<String>,
    _process: Owned,
}

impl Own {
    pub(crate) async fn start(arguments: &[&OsStr]) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = Owned::start(&mut command, STOP_WITHIN)?;
        let line = first_line(&mut process).await.context("a server of the bench did not start")?;
        Ok(Self { said: line.split_whitespace().map(str::to_owned).collect(), _process: process })
    }
}

async fn first_line(process: &mut Owned) -> anyhow::Result<String> {
    let output = process.child().stdout.take().context("it has no output")?;
    let mut line = String::new();
    let read = tokio::time::timeout(READY_WITHIN, BufReader::new(output).read_line(&mut line)).await;
    ensure!(matches!(read, Ok(Ok(1..))), "it said nothing");
    Ok(line)
}

/// What the hub says of a component.
#[derive(Debug, Deserialize)]
pub(crate) struct Registered {
    pub(crate) component_bytes: u64,
    pub(crate) artefact_bytes: u64,
}

/// What the red button has done.
#[derive(Debug)]
pub(crate) struct Pressed {
    /// Runners that are confirmed to be dead.
    pub(crate) killed: usize,
    pub(crate) undone: Vec<String>,
    pub(crate) took: Duration,
}

/// `safeclaw hub`, as its operator has it.
pub(crate) struct Hub {
    safeclaw: PathBuf,
    data: PathBuf,
    pub(crate) url: String,
    _process: Owned,
}

impl Hub {
    /// Starts one with so many parked runners for each class.
    pub(crate) async fn start(setting: &Setting, ground: &Ground, parked: usize) -> anyhow::Result<Self> {
        let hub = Self::start_with(setting, ground, |command| {
            command.args(["--engine", &setting.engine, "--parked", &parked.to_string()]);
        });
        let hub = hub.await?;
        hub.add("bench", &setting.component).await?;
        Ok(hub)
    }

    /// Starts one whose tools may ask the outside that this file describes.
    pub(crate) async fn start_with_outside(setting: &Setting, ground: &Ground, outside: &Path) -> anyhow::Result<Self> {
        let hub = Self::start_with(setting, ground, |command| {
            command.args(["--engine", &setting.engine, "--parked", "2"]).arg("--egress").arg(outside);
        });
        let hub = hub.await?;
        hub.add("bench", &setting.component).await?;
        hub.add("bench-http", &setting.requests).await?;
        Ok(hub)
    }

    /// Starts one over a launcher that is there already, in a data directory that has the component already.
    pub(crate) async fn start_over(setting: &Setting, ground: &Ground, launcher: &Path) -> anyhow::Result<Self> {
        Self::start_with(setting, ground, |command| {
            command.arg("--launcher").arg(format!("unix://{}", launcher.display())).args(["--parked", "0"]);
        })
        .await
    }

    async fn start_with(
        setting: &Setting,
        ground: &Ground,
        launcher: impl FnOnce(&mut Command),
    ) -> anyhow::Result<Self> {
        let safeclaw = setting.bin.join("safeclaw");
        let log = File::options().create(true).append(true).open(ground.log())?;
        let mut command = Command::new(&safeclaw);
        command
            .args(["hub", "--json", "--listen", "127.0.0.1:0"])
            .arg("--data")
            .arg(ground.data())
            .arg("--manifest")
            .arg(ground.manifest())
            .arg("--mount")
            .arg(format!("workspace={}", ground.workspace().display()))
            .args(["--image", &setting.image])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log);
        launcher(&mut command);
        let mut process = Owned::start(&mut command, STOP_WITHIN).context("safeclaw does not start")?;
        let line = first_line(&mut process).await;
        let said = line.with_context(|| std::fs::read_to_string(ground.log()).unwrap_or_default())?;
        let ready: Value = serde_json::from_str(&said).context("the hub did not say where it is")?;
        let url = ready.get("mcp").and_then(Value::as_str).context("the hub has no address")?.to_owned();
        Ok(Self { safeclaw, data: ground.data(), url, _process: process })
    }

    /// Registers a component.
    pub(crate) async fn add(&self, name: &str, component: &Path) -> anyhow::Result<Registered> {
        let added = ["tool".as_ref(), "add".as_ref(), name.as_ref(), component.as_os_str(), "--json".as_ref()];
        serde_json::from_str(&self.run(&added).await?).context("the hub did not say what it registered")
    }

    /// A token: one more session, of this principal.
    pub(crate) async fn token(&self, principal: &str) -> anyhow::Result<String> {
        let made = ["token", "create", "--principal", principal, "--profile", "bench", "--ttl", "12h", "--json"];
        let said: Value = serde_json::from_str(&self.run(&made.map(OsStr::new)).await?)?;
        Ok(said.get("token").and_then(Value::as_str).context("no token was made")?.to_owned())
    }

    /// The command that an agent is given for standard input and output.
    pub(crate) fn bridge(&self, token: &str) -> Vec<String> {
        let path = |path: &Path| path.display().to_string();
        vec![
            "env".to_owned(),
            format!("SAFECLAW_TOKEN={token}"),
            path(&self.safeclaw),
            "mcp".to_owned(),
            "--data".to_owned(),
            path(&self.data),
        ]
    }

    /// Waits until the pool grows no more.
    pub(crate) async fn wait_until_parked(&self) -> anyhow::Result<()> {
        let began = Instant::now();
        let (mut before, mut same) = (0, 0);
        while same < 3 {
            let health: Value = serde_json::from_str(&self.run(&["health", "--json"].map(OsStr::new)).await?)?;
            let parked = health.get("parked").and_then(Value::as_u64).unwrap_or(0);
            same = if parked > 0 && parked == before { same + 1 } else { 0 };
            before = parked;
            ensure!(began.elapsed() < PARKED_WITHIN, "the pool did not fill");
            tokio::time::sleep(Duration::from_millis(150)).await;
        }
        Ok(())
    }

    /// Ends every session, so that what follows is measured alone.
    pub(crate) async fn end_sessions(&self) -> anyhow::Result<()> {
        let sessions: Value = serde_json::from_str(&self.run(&["sessions", "--json"].map(OsStr::new)).await?)?;
        for session in sessions.as_array().map(Vec::as_slice).unwrap_or_default() {
            if let Some(id) = session.get("id").and_then(Value::as_str) {
                self.run(&["sessions", "--end", id].map(OsStr::new)).await?;
            }
        }
        Ok(())
    }

    /// Presses the red button, and says how long its answer took by its own word.
    pub(crate) async fn stop_everything(&self) -> anyhow::Result<Pressed> {
        #[derive(Deserialize)]
        struct Said {
            killed: usize,
            undone: Vec<String>,
            took_ms: u64,
        }
        let said = self.run(&["revoke-all", "--panic", "--json"].map(OsStr::new)).await?;
        let Said { killed, undone, took_ms } = serde_json::from_str(&said)?;
        Ok(Pressed { killed, undone, took: Duration::from_millis(took_ms) })
    }

    /// Lets tools be called again.
    pub(crate) async fn resume(&self) -> anyhow::Result<()> {
        self.run(&["resume"].map(OsStr::new)).await.map(drop)
    }

    async fn run(&self, arguments: &[&OsStr]) -> anyhow::Result<String> {
        let mut command = Command::new(&self.safeclaw);
        command.args(arguments).env("SAFECLAW_DATA", &self.data).stdin(Stdio::null()).kill_on_drop(true);
        let output = command.output().await.context("safeclaw does not start")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "safeclaw {:?} failed: {}", arguments.first(), said.trim());
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}
