//! Load over standard input and output: one child process, so many calls under way at once.

use super::client::{Era, Prepared};
use super::load::{Figures, Length};
use anyhow::{Context, ensure};
use serde::Deserialize;
use serde_json::{json, value::RawValue};
use std::collections::HashMap;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

const PATIENCE: Duration = Duration::from_secs(60);

/// An answer's id, and the rest of it as it stands.
#[derive(Deserialize)]
struct Answer<'a> {
    id: Option<u64>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
}

struct Pipe {
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    _child: Child,
}

impl Pipe {
    async fn send(&mut self, message: &str) -> anyhow::Result<()> {
        self.input.write_all(message.as_bytes()).await?;
        self.input.write_all(b"\n").await.context("the server closed its input")
    }

    async fn receive(&mut self) -> anyhow::Result<String> {
        let line = tokio::time::timeout(PATIENCE, self.output.next_line()).await.context("no answer in a minute")??;
        line.context("the server ended")
    }
}

/// Runs it through a command.
pub(crate) async fn stdio(
    command: &[String],
    era: Era,
    prepared: &Prepared,
    at_once: usize,
    length: Length,
) -> anyhow::Result<Figures> {
    let mut pipe = start(command).await?;
    if era == Era::Legacy {
        initialize(&mut pipe).await?;
    }
    pipe.send(&prepared.message(1)).await?;
    prepared.check(pipe.receive().await?.as_bytes())?;
    let started = Instant::now();
    let mut under_way = HashMap::new();
    let (mut next_id, mut times) = (2, Vec::new());
    loop {
        let more = match length {
            Length::For(time) => started.elapsed() < time,
            Length::Calls(calls) => next_id < calls + 2,
        };
        if more && under_way.len() < at_once {
            pipe.send(&prepared.message(next_id)).await?;
            under_way.insert(next_id, Instant::now());
            next_id += 1;
            continue;
        }
        if under_way.is_empty() {
            return Figures::of(times, started.elapsed());
        }
        let line = pipe.receive().await?;
        let answer: Answer<'_> = serde_json::from_str(&line).context("an answer is not JSON")?;
        let Some(asked) = answer.id.and_then(|id| under_way.remove(&id)) else { continue };
        times.push(asked.elapsed());
        prepared.check(answer.result.map_or(line.as_str(), RawValue::get).as_bytes())?;
    }
}

async fn start(command: &[String]) -> anyhow::Result<Pipe> {
    let (program, arguments) = command.split_first().context("an empty command")?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("{program} does not start"))?;
    let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        anyhow::bail!("{program} has no pipes");
    };
    Ok(Pipe { input, output: BufReader::new(output).lines(), _child: child })
}

async fn initialize(pipe: &mut Pipe) -> anyhow::Result<()> {
    let params = json!({
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "bench", "version": "0"},
    });
    pipe.send(&json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}).to_string()).await?;
    let answer = pipe.receive().await?;
    ensure!(answer.contains("protocolVersion"), "the server did not initialize: {answer}");
    pipe.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}).to_string()).await
}
