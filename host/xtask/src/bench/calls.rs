//! Calls on every server under the same load, then the same calls again, counted.

use super::audit::Mark;
use super::client::{Era, Peer, Socket};
use super::ground::Ground;
use super::load::{self, Length};
use super::plan::{Amount, Other};
use super::report::{Cost, Growth, Report, Row};
use super::servers::{Hub, Own, Setting};
use super::tools::{add, echo};
use super::{pipe, usage};
use anyhow::Context;
use std::ffi::OsStr;

/// A server over HTTP.
struct Served<'a> {
    name: &'a str,
    url: String,
    token: Option<String>,
    /// Not a server of ours: what it does not do is a note, and the others are measured all the same.
    foreign: bool,
}

/// Measures them all: the native one first, ours last.
pub(crate) async fn measure(
    setting: &Setting,
    amount: &Amount,
    others: &[Other],
    report: &mut Report,
) -> anyhow::Result<()> {
    let ground = Ground::for_sessions()?;
    let wall1_ground = Ground::for_sessions()?;
    let hub = Hub::start(setting, &ground, 2).await?;
    let native = Own::start(&["native".as_ref()]).await?;
    let wall1 = wall1(setting, &wall1_ground).await?;
    let said = |own: &Own, place: usize| own.said.get(place).cloned();
    let token = hub.token("bench").await?;
    let both = Served { name: "both walls", url: hub.url.clone(), token: Some(token.clone()), foreign: false };
    let mut served = vec![
        Served { name: "native", url: said(&native, 0).unwrap_or_default(), token: None, foreign: false },
        Served {
            name: "wall 1 only",
            url: said(&wall1, 0).unwrap_or_default(),
            token: said(&wall1, 1),
            foreign: false,
        },
    ];
    let mut commands = vec![
        ("native", vec![std::env::current_exe()?.display().to_string(), "native".into(), "--stdio".into()]),
        ("both walls", hub.bridge(&token)),
    ];
    for other in others {
        if other.at.starts_with("http://") {
            served.push(Served { name: &other.name, url: other.at.clone(), token: None, foreign: true });
        } else {
            commands.push((&other.name, other.at.split_whitespace().map(str::to_owned).collect()));
        }
    }
    for server in served.iter().chain([&both]) {
        over_http(server, amount, report).await.with_context(|| server.name.to_owned())?;
    }
    for (name, command) in &commands {
        let foreign = others.iter().any(|other| other.name == *name);
        match over_stdio(name, command, amount, report).await {
            Err(error) if foreign => report.notes.push(format!("{name}, stdio: {error:#}")),
            measured => measured.with_context(|| format!("{name} over standard input"))?,
        }
    }
    costs(&both, &ground, amount, report).await
}

async fn wall1(setting: &Setting, ground: &Ground) -> anyhow::Result<Own> {
    let arguments: [&OsStr; 9] = [
        "wall1".as_ref(),
        "--bin".as_ref(),
        setting.bin.as_os_str(),
        "--data".as_ref(),
        &ground.data().into_os_string(),
        "--manifest".as_ref(),
        &ground.manifest_file().into_os_string(),
        "--component".as_ref(),
        setting.component.as_os_str(),
    ];
    Own::start(&arguments).await
}

async fn over_http(server: &Served<'_>, amount: &Amount, report: &mut Report) -> anyhow::Result<()> {
    use {Era::*, Socket::*};
    let rows = [
        ("add", Modern, Ordinary, 1),
        ("add", Modern, Ordinary, 8),
        ("add", Modern, Ordinary, 64),
        ("add", Modern, QuickAck, 1),
        ("add", Legacy, Ordinary, 1),
        ("add", Legacy, Ordinary, 8),
        ("64 KiB", Modern, Ordinary, 1),
        ("64 KiB", Modern, Ordinary, 8),
    ];
    for (tool, era, socket, at_once) in rows {
        let peer = Peer { url: server.url.parse()?, token: server.token.clone(), era, socket };
        let prepared = if tool == "add" { add(era) } else { echo(era) };
        let mut what = format!("{tool}, HTTP");
        if era == Legacy {
            what += ", legacy";
        }
        if socket == QuickAck {
            what += ", quick ACK";
        }
        let figures = match load::http(&peer, &prepared, at_once, Length::For(amount.time)).await {
            // Most servers speak one era, and some no second connection.
            Err(error) if server.foreign => {
                report.notes.push(format!("{}: {what}, {at_once} at once: {error:#}", server.name));
                continue;
            }
            figures => figures?,
        };
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

/// What each process spends, and what its memory does.
async fn costs(both: &Served<'_>, ground: &Ground, amount: &Amount, report: &mut Report) -> anyhow::Result<()> {
    let peer = Peer { url: both.url.parse()?, token: both.token.clone(), era: Era::Modern, socket: Socket::Ordinary };
    for (what, prepared, at_once, calls) in [
        ("add, 1 at once", add(Era::Modern), 1, amount.calls / 10),
        ("add, 64 at once", add(Era::Modern), 64, amount.calls),
        ("64 KiB, 8 at once", echo(Era::Modern), 8, amount.calls / 10),
    ] {
        let (before, mark) = (usage::now()?, Mark::now(&ground.audit())?);
        load::http(&peer, &prepared, at_once, Length::Calls(calls)).await?;
        let (after, audit) = (usage::now()?, mark.cpu()?);
        report.costs.push(Cost { what: format!("{calls} × {what}"), calls, before, after, audit });
    }
    if let Some(calls) = amount.until {
        report.growth = Some(growth(&peer, amount.calls, calls).await?);
    }
    Ok(())
}

/// The first of these calls make every buffer that calls need; whoever has more after the others keeps something.
async fn growth(peer: &Peer, fewer: u64, more: u64) -> anyhow::Result<Growth> {
    let prepared = add(Era::Modern);
    load::http(peer, &prepared, 64, Length::Calls(fewer)).await?;
    let before = usage::now()?;
    load::http(peer, &prepared, 64, Length::Calls(more.saturating_sub(fewer))).await?;
    eprintln!("bench     memory after {fewer} and after {more} calls was read");
    Ok(Growth { calls: (fewer, more), usage: (before, usage::now()?) })
}

fn say(server: &str, what: &str, at_once: usize, per_second: f64) {
    eprintln!("bench     {server}: {what}, {at_once} at once: {per_second:.0} calls/s");
}
