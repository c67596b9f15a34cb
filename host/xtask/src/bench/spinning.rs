//! What guests that compute without end do to others: how long a call in another session waits while they have
//! every processor, and how long one lives whose client has gone.

use super::client::{Connection, Era, Peer, Socket};
use super::ground::Ground;
use super::load::{self, Figures, Length};
use super::report::{Report, Row};
use super::servers::{Hub, Setting};
use super::tools::{add, spin};
use super::usage;
use anyhow::ensure;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Names of rows, which what is to be reached is said of.
pub(crate) const QUIET: &str = "add, while nothing else runs";
pub(crate) const BESIDE: &str = "add, beside";
pub(crate) const GIVEN_UP: &str = "a guest whose client gave up, until it is still";
/// As the manifest says it of the tool that spins.
pub(crate) const DEADLINE_MS: f64 = 8000.0;

const SPIN_MS: u64 = 6000;
/// Until a call that was just sent has surely reached its guest.
const UNDER_WAY: Duration = Duration::from_millis(300);
/// Processors are handed out in shorter turns: a runner without a tick for so long has stopped.
const STILL: Duration = Duration::from_millis(200);
/// Past any deadline of the manifest.
const AT_MOST: Duration = Duration::from_secs(30);
const FEW: usize = 5;

/// Measures both, in a hub of their own.
pub(crate) async fn measure(setting: &Setting, time: Duration, report: &mut Report) -> anyhow::Result<()> {
    let ground = Ground::for_spinning()?;
    let hub = Hub::start(setting, &ground, 2).await?;
    let spinners = std::thread::available_parallelism().map_or(1, usize::from);
    hub.wait_until_parked().await?;
    let (quiet, beside) = beside(&hub, spinners, time).await?;
    let given_up = given_up(&hub).await?;
    let mut push = |what: String, figures: Figures| {
        eprintln!("bench     {what}: {:.2} ms, 99th {:.2} ms", figures.p50_ms, figures.p99_ms);
        report.sessions.push(Row { server: "both walls".into(), what, at_once: 1, figures });
    };
    push(QUIET.to_owned(), quiet);
    push(format!("{BESIDE} {spinners} sessions that spin for {} s", SPIN_MS / 1000), beside);
    push(GIVEN_UP.to_owned(), given_up);
    Ok(())
}

/// A connection of a new session, whose runner is there.
async fn spinner(hub: &Hub) -> anyhow::Result<Connection> {
    let token = hub.token("spinner").await?;
    let mut connection = Connection::open(&peer(hub, token)?).await?;
    connection.call(&spin(0)).await?;
    Ok(connection)
}

fn peer(hub: &Hub, token: String) -> anyhow::Result<Peer> {
    Ok(Peer { url: hub.url.parse()?, token: Some(token), era: Era::Modern, socket: Socket::Ordinary })
}

/// Calls of one session, first alone, then while others spin.
async fn beside(hub: &Hub, spinners: usize, time: Duration) -> anyhow::Result<(Figures, Figures)> {
    let time = time.min(Duration::from_millis(SPIN_MS) - 3 * UNDER_WAY);
    let (caller, add) = (peer(hub, hub.token("beside").await?)?, add(Era::Modern));
    let mut connections = Vec::new();
    for _ in 0..spinners {
        connections.push(spinner(hub).await?);
    }
    hub.wait_until_parked().await?;
    let quiet = load::http(&caller, &add, 1, Length::For(time)).await?;
    let mut spinning = JoinSet::new();
    for mut connection in connections {
        spinning.spawn(async move { connection.call(&spin(SPIN_MS)).await });
    }
    tokio::time::sleep(UNDER_WAY).await;
    let beside = load::http(&caller, &add, 1, Length::For(time)).await?;
    ensure!(spinning.try_join_next().is_none(), "a guest stopped spinning before it was measured beside it");
    while let Some(ended) = spinning.join_next().await {
        ended??;
    }
    Ok((quiet, beside))
}

/// From the moment in which a client closes its connection to the last tick of processor time that a runner took.
async fn given_up(hub: &Hub) -> anyhow::Result<Figures> {
    let mut times = Vec::new();
    for _ in 0..FEW {
        let mut connection = spinner(hub).await?;
        hub.wait_until_parked().await?;
        let before = runners_ms()?;
        let call = tokio::spawn(async move { connection.call(&spin(SPIN_MS)).await });
        tokio::time::sleep(UNDER_WAY).await;
        ensure!(runners_ms()? > before, "the guest did not spin: what follows would show nothing");
        call.abort();
        drop(call.await);
        times.push(until_still(Instant::now()).await?);
        hub.end_sessions().await?;
    }
    Figures::of(times.clone(), times.iter().sum())
}

async fn until_still(closed: Instant) -> anyhow::Result<Duration> {
    let (mut used, mut last) = (runners_ms()?, closed);
    while last.elapsed() < STILL {
        tokio::time::sleep(Duration::from_millis(5)).await;
        let now = runners_ms()?;
        if now > used {
            last = Instant::now();
        }
        used = now;
        ensure!(closed.elapsed() < AT_MOST, "a guest whose client gave up still spins after {} s", AT_MOST.as_secs());
    }
    Ok(last - closed)
}

fn runners_ms() -> anyhow::Result<u64> {
    Ok(usage::now()?.get("runners").map_or(0, |used| used.cpu_ms))
}
