//! The governor by itself: how many calls it decides on, and what a session costs it, with ten thousand of them over
//! runners that do nothing; then ten sessions over real ones, so that nobody takes the first for the second.

use super::client::{Connection, Era, Peer, Prepared, Socket};
use super::ground::Ground;
use super::load::Figures;
use super::plan::Amount;
use super::report::{Memory, Report, Row};
use super::servers::{Hub, Setting};
use super::stand_in::StandIn;
use super::{tools, usage};
use anyhow::Context;
use hub::tokens;
use manifest::ProfileName;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// What `add` is asked for.
const ANSWER: &str = "42";
/// Connections over which the sessions come: of one address a hub takes 64.
const CONNECTIONS: usize = 32;
/// Sessions of one principal; a hub takes 32.
const PER_PRINCIPAL: usize = 25;
/// Sessions with real runners.
const REAL: usize = 10;

/// Measures all of it.
pub(crate) async fn measure(setting: &Setting, amount: &Amount, report: &mut Report) -> anyhow::Result<()> {
    let ground = Ground::for_sessions()?;
    // The component is registered by real containers; from then on the data directory has it.
    drop(Hub::start(setting, &ground, 0).await?);
    let socket = ground.data().with_file_name("launcher.sock");
    let stand_in = StandIn::listen(&socket, ANSWER)?;
    let hub = Hub::start_over(setting, &ground, &socket).await.context("the hub over a stand-in")?;
    let many = made(ground.data(), amount.governed).await?;
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        let token = many.first().cloned();
        connections.push(Connection::open(&peer(&hub, token)?).await?);
    }
    let shares: Vec<Vec<String>> = (0..CONNECTIONS).map(|at| share(&many, at)).collect();

    let (add, denied) = (tools::add(Era::Modern), tools::denied());
    let before = usage::now()?;
    let rounds = [
        ("first call of each session, a stand-in for its runner", &add),
        ("one more call of each session", &add),
        ("a call of each session that is denied", &denied),
    ];
    let mut held = None;
    for (what, prepared) in rounds {
        let figures = round(&mut connections, &shares, prepared).await.context(what)?;
        // Before anything idle is ended.
        held.get_or_insert(usage::now()?);
        push(report, &format!("{} sessions: {what}", many.len()), CONNECTIONS, figures);
    }
    let held = held.unwrap_or_default();
    let own = |usage: &usage::Usage| usage.get("hub").map_or(0, |used| used.own_kib);
    let each = (own(&held).saturating_sub(own(&before))) as f64 / many.len().max(1) as f64;
    report.notes.push(format!(
        "A session that has a runner costs the hub {each:.1} KiB of memory of its own: {} sessions, before and after \
         the first call of each.",
        many.len()
    ));
    report.memory.push(Memory { when: "no session, a stand-in for the launcher".to_owned(), usage: before });
    report.memory.push(Memory { when: format!("{} sessions over stand-ins", many.len()), usage: held });

    let few: Vec<_> = many.iter().take(REAL).cloned().collect();
    let figures = at_once(&hub, &few, &add, amount.time).await?;
    push(report, &format!("{REAL} sessions, stand-ins"), REAL, figures);
    drop((connections, hub, stand_in));

    let ground = Ground::for_sessions()?;
    let hub = Hub::start(setting, &ground, REAL).await?;
    hub.wait_until_parked().await?;
    let few = made(ground.data(), REAL).await?;
    let before = usage::now()?;
    let figures = at_once(&hub, &few, &add, amount.time).await?;
    let after = usage::now()?;
    push(report, &format!("{REAL} sessions, real runners"), REAL, figures);
    let each = (own(&after).saturating_sub(own(&before))) as f64 / REAL as f64;
    report.notes.push(format!("Of {REAL} sessions with real runners each costs it {each:.0} KiB, buffers included."));
    Ok(())
}

fn push(report: &mut Report, what: &str, at_once: usize, figures: Figures) {
    eprintln!("bench     {what}: {:.0} a second, {:.2} ms", figures.per_second, figures.p50_ms);
    report.sessions.push(Row { server: "hub".into(), what: what.to_owned(), at_once, figures });
}

fn peer(hub: &Hub, token: Option<String>) -> anyhow::Result<Peer> {
    Ok(Peer { url: hub.url.parse()?, token, era: Era::Modern, socket: Socket::Ordinary })
}

/// So many tokens, in the hub's own store: a command for each would take longer than everything that is measured.
async fn made(data: PathBuf, many: usize) -> anyhow::Result<Vec<String>> {
    let make = move || {
        let profile = ProfileName::try_from("bench").ok().context("a profile's name")?;
        let ttl = Some(Duration::from_secs(12 * 3600));
        let one = |number: usize| tokens::create(&data, &format!("many-{}", number / PER_PRINCIPAL), &profile, ttl);
        (0..many).map(|number| one(number).context("a token was not made")).collect()
    };
    tokio::task::spawn_blocking(make).await?
}

/// Every so-manieth, so that each connection has sessions of every principal.
fn share(all: &[String], at: usize) -> Vec<String> {
    all.iter().skip(at).step_by(CONNECTIONS).cloned().collect()
}

/// Each session calls once; each connection has its share of them, one after the other.
async fn round(
    connections: &mut Vec<Connection>,
    shares: &[Vec<String>],
    prepared: &Prepared,
) -> anyhow::Result<Figures> {
    let mut tasks = JoinSet::new();
    let started = Instant::now();
    for (mut connection, share) in connections.drain(..).zip(shares.to_vec()) {
        let prepared = prepared.clone();
        tasks.spawn(async move {
            let mut times = Vec::new();
            for token in share {
                connection.becomes(token);
                let asked = Instant::now();
                connection.call(&prepared).await?;
                times.push(asked.elapsed());
            }
            anyhow::Ok((connection, times))
        });
    }
    let mut times = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        let (connection, some) = ended??;
        connections.push(connection);
        times.extend(some);
    }
    Figures::of(times, started.elapsed())
}

/// A connection for each session, each calling as soon as it was answered.
async fn at_once(hub: &Hub, sessions: &[String], prepared: &Prepared, time: Duration) -> anyhow::Result<Figures> {
    let mut open = Vec::new();
    for token in sessions {
        let mut connection = Connection::open(&peer(hub, Some(token.clone()))?).await?;
        // A runner that has to start is not what is measured here.
        connection.call(prepared).await?;
        open.push(connection);
    }
    let mut tasks = JoinSet::new();
    let started = Instant::now();
    for mut connection in open {
        let prepared = prepared.clone();
        tasks.spawn(async move {
            let mut times = Vec::new();
            while started.elapsed() < time {
                let asked = Instant::now();
                connection.call(&prepared).await?;
                times.push(asked.elapsed());
            }
            anyhow::Ok(times)
        });
    }
    let mut times = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        times.extend(ended??);
    }
    Figures::of(times, started.elapsed())
}
