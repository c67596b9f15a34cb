//! What is measured, in order: every server under the same load, then sessions, then what it all costs.

use super::client::{Era, Peer, Prepared, Socket};
use super::ground::Ground;
use super::load::{self, Length};
use super::report::{Cost, Report, Row};
use super::servers::{Hub, Own, Setting};
use super::{docker, pipe, sessions, spinning, usage};
use anyhow::Context;
use clap::ValueEnum;
use serde_json::json;
use std::ffi::OsStr;
use std::time::Duration;

/// Sessions, single calls and containers of each kind that are timed one after the other.
const FEW: usize = 9;
const TEXT_BYTES: usize = 64 << 10;

/// What can be measured by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Calls on every server, and what each process spends on them
    Calls,
    /// First calls of sessions, calls with a container of their own, `docker run`
    Sessions,
    /// Guests that spin
    Spinning,
    /// Many sessions at once, and idle ones
    Crowd,
}

/// How much.
#[derive(Debug, Clone)]
pub(crate) struct Amount {
    /// Nothing but these; everything if empty.
    pub(crate) only: Vec<Part>,
    /// For each row of calls.
    pub(crate) time: Duration,
    /// Calls of the row that shows what memory does.
    pub(crate) calls: u64,
    /// Sessions at once, and idle ones.
    pub(crate) crowd: usize,
    pub(crate) idle: usize,
}

/// Something else to measure in the same run: `NAME=URL` or `NAME=COMMAND`.
#[derive(Debug, Clone)]
pub(crate) struct Other {
    pub(crate) name: String,
    pub(crate) at: String,
}

impl std::str::FromStr for Other {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((name, at)) if !name.is_empty() && !at.is_empty() => Ok(Self { name: name.into(), at: at.into() }),
            _ => Err("write NAME=URL or NAME=\"COMMAND WITH ARGUMENTS\""),
        }
    }
}

/// A server over HTTP, with what is called there.
struct Served<'a> {
    name: &'a str,
    url: String,
    token: Option<String>,
}

/// Measures everything.
pub(crate) async fn run(setting: &Setting, amount: &Amount, others: &[Other]) -> anyhow::Result<Report> {
    let mut report = Report { machine: machine(), ..Report::default() };
    let wanted = |part| amount.only.is_empty() || amount.only.contains(&part);
    if wanted(Part::Calls) {
        calls(setting, amount, others, &mut report).await.context("calls")?;
    }
    if wanted(Part::Sessions) {
        first_calls(setting, &mut report).await.context("sessions")?;
    }
    if wanted(Part::Spinning) {
        let rows = spinning::rows(setting, &add(Era::Modern), amount.time).await.context("guests that spin")?;
        report.sessions.extend(rows);
    }
    if wanted(Part::Crowd) {
        crowd(setting, amount, &mut report).await.context("many sessions")?;
    }
    Ok(report)
}

async fn calls(setting: &Setting, amount: &Amount, others: &[Other], report: &mut Report) -> anyhow::Result<()> {
    let ground = Ground::for_sessions()?;
    let wall1_ground = Ground::for_sessions()?;
    let hub = Hub::start(setting, &ground, 2).await?;
    let native = Own::start(&["native".as_ref()]).await?;
    let arguments: [&OsStr; 9] = [
        "wall1".as_ref(),
        "--bin".as_ref(),
        setting.bin.as_os_str(),
        "--data".as_ref(),
        &wall1_ground.data().into_os_string(),
        "--manifest".as_ref(),
        &wall1_ground.manifest_file().into_os_string(),
        "--component".as_ref(),
        setting.component.as_os_str(),
    ];
    let wall1 = Own::start(&arguments).await?;
    let said = |own: &Own, place: usize| own.said.get(place).cloned();
    let token = hub.token("bench").await?;
    let mut served = vec![
        Served { name: "native", url: said(&native, 0).unwrap_or_default(), token: None },
        Served { name: "wall 1 only", url: said(&wall1, 0).unwrap_or_default(), token: said(&wall1, 1) },
        Served { name: "both walls", url: hub.url.clone(), token: Some(token.clone()) },
    ];
    let mut commands = vec![
        ("native", vec![std::env::current_exe()?.display().to_string(), "native".into(), "--stdio".into()]),
        ("both walls", hub.bridge(&token)),
    ];
    for other in others {
        if other.at.starts_with("http://") {
            served.push(Served { name: &other.name, url: other.at.clone(), token: None });
        } else {
            commands.push((&other.name, other.at.split_whitespace().map(str::to_owned).collect()));
        }
    }
    for server in &served {
        over_http(server, amount, report).await.with_context(|| server.name.to_owned())?;
    }
    for (name, command) in &commands {
        over_stdio(name, command, amount, report).await.with_context(|| format!("{name} over standard input"))?;
    }
    if let Some(both) = served.iter().find(|server| server.name == "both walls") {
        costs(both, amount, report).await?;
    }
    Ok(())
}

fn add(era: Era) -> Prepared {
    Prepared::new(era, "add", &json!({"a": 19, "b": 23}), r#""42""#)
}

fn echo(era: Era) -> Prepared {
    let text = "0123456789abcdef".repeat(TEXT_BYTES / 16);
    Prepared::new(era, "echo", &json!({ "text": text }), &text)
}

async fn over_http(server: &Served<'_>, amount: &Amount, report: &mut Report) -> anyhow::Result<()> {
    use {Era::*, Socket::*};
    let rows = [
        ("add", Modern, Ordinary, 1),
        ("add", Modern, Ordinary, 8),
        ("add", Modern, Ordinary, 64),
        ("add", Modern, QuickAck, 1),
        ("add", Legacy, Ordinary, 1),
        ("64 KiB", Modern, Ordinary, 1),
        ("64 KiB", Modern, Ordinary, 8),
    ];
    for (tool, era, socket, at_once) in rows {
        let peer = Peer { url: server.url.parse()?, token: server.token.clone(), era, socket };
        let prepared = if tool == "add" { add(era) } else { echo(era) };
        let figures = load::http(&peer, &prepared, at_once, Length::For(amount.time)).await?;
        let mut what = format!("{tool}, HTTP");
        if era == Legacy {
            what += ", legacy";
        }
        if socket == QuickAck {
            what += ", quick ACK";
        }
        say(server.name, &what, at_once, figures.per_second);
        report.rows.push(Row { server: server.name.to_owned(), what, at_once, figures });
    }
    Ok(())
}

async fn over_stdio(name: &str, command: &[String], amount: &Amount, report: &mut Report) -> anyhow::Result<()> {
    for (tool, at_once) in [("add", 1), ("add", 32), ("64 KiB", 1)] {
        let prepared = if tool == "add" { add(Era::Legacy) } else { echo(Era::Legacy) };
        let figures = pipe::stdio(command, Era::Legacy, &prepared, at_once, Length::For(amount.time)).await?;
        let what = format!("{tool}, stdio");
        say(name, &what, at_once, figures.per_second);
        report.rows.push(Row { server: name.to_owned(), what, at_once, figures });
    }
    Ok(())
}

/// The same calls again, counted: what each process spent on them, and what its memory did.
async fn costs(both: &Served<'_>, amount: &Amount, report: &mut Report) -> anyhow::Result<()> {
    let peer = Peer { url: both.url.parse()?, token: both.token.clone(), era: Era::Modern, socket: Socket::Ordinary };
    for (what, prepared, at_once, calls) in [
        ("add, 1 at once", add(Era::Modern), 1, amount.calls / 10),
        ("add, 64 at once", add(Era::Modern), 64, amount.calls),
        ("64 KiB, 8 at once", echo(Era::Modern), 8, amount.calls / 10),
    ] {
        let before = usage::now()?;
        load::http(&peer, &prepared, at_once, Length::Calls(calls)).await?;
        report.costs.push(Cost { what: format!("{calls} × {what}"), calls, before, after: usage::now()? });
    }
    Ok(())
}

async fn first_calls(setting: &Setting, report: &mut Report) -> anyhow::Result<()> {
    let mut push = |what: &str, figures: load::Figures| {
        eprintln!("bench     {what}: {:.1} ms", figures.p50_ms);
        report.sessions.push(Row { server: "both walls".into(), what: what.to_owned(), at_once: 1, figures });
    };
    let prepared = add(Era::Modern);
    {
        let ground = Ground::for_sessions()?;
        let hub = Hub::start(setting, &ground, 0).await?;
        push("first call, container to be made", sessions::first_calls(&hub, &prepared, FEW, false).await?);
    }
    {
        let ground = Ground::for_sessions()?;
        let hub = Hub::start(setting, &ground, 2).await?;
        push("first call, container parked", sessions::first_calls(&hub, &prepared, FEW, true).await?);
    }
    {
        let ground = Ground::for_single_calls()?;
        let hub = Hub::start(setting, &ground, 2).await?;
        push("a call with a container of its own, parked", sessions::single_calls(&hub, &prepared, FEW).await?);
    }
    match docker::runs(setting, FEW).await? {
        Some(figures) => {
            eprintln!("bench     docker run: {:.1} ms", figures.p50_ms);
            let what = "docker run --rm of the same image, hardened".to_owned();
            report.sessions.push(Row { server: "docker".into(), what, at_once: 1, figures });
        }
        None => report.notes.push("No `docker` command: its row is missing.".to_owned()),
    }
    Ok(())
}

async fn crowd(setting: &Setting, amount: &Amount, report: &mut Report) -> anyhow::Result<()> {
    let prepared = add(Era::Modern);
    for (sessions, what) in [(amount.crowd, "sessions at once, one call each"), (amount.idle, "sessions, then idle")] {
        let ground = Ground::for_sessions()?;
        let hub = Hub::start(setting, &ground, 2).await?;
        hub.wait_until_parked().await?;
        let before = usage::now()?;
        let (figures, took, _open) = sessions::at_once(&hub, &prepared, sessions).await?;
        let what = format!("{sessions} {what}");
        eprintln!("bench     {what}: all answered after {:.1} s", took.as_secs_f64());
        let calls = sessions as u64;
        report.sessions.push(Row { server: "both walls".into(), what: what.clone(), at_once: sessions, figures });
        report.costs.push(Cost { what, calls, before, after: usage::now()? });
    }
    Ok(())
}

fn say(server: &str, what: &str, at_once: usize, per_second: f64) {
    eprintln!("bench     {server}: {what}, {at_once} at once: {per_second:.0} calls/s");
}

/// The processors and the kernel, as a reader of the table wants to know them.
fn machine() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let models: Vec<&str> =
        cpu.lines().filter_map(|line| line.strip_prefix("model name")?.split_once(": ")).map(|(_, m)| m).collect();
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let model = models.first().copied().unwrap_or("a processor without a name");
    format!("{} × {model}, Linux {}", models.len(), kernel.trim())
}
