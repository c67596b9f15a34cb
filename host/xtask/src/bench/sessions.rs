//! How long until a session's first answer, and what waiting sessions cost.

use super::client::{Connection, Era, Peer, Prepared, Socket};
use super::load::Figures;
use super::servers::Hub;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

fn peer(hub: &Hub, token: String) -> anyhow::Result<Peer> {
    Ok(Peer { url: hub.url.parse()?, token: Some(token), era: Era::Modern, socket: Socket::Ordinary })
}

/// First calls of so many sessions, one after the other, each when nothing else runs.
pub(crate) async fn first_calls(
    hub: &Hub,
    prepared: &Prepared,
    sessions: usize,
    parked: bool,
) -> anyhow::Result<Figures> {
    let mut times = Vec::new();
    for _ in 0..sessions {
        if parked {
            hub.wait_until_parked().await?;
        }
        let token = hub.token("first").await?;
        let mut connection = Connection::open(&peer(hub, token)?).await?;
        let asked = Instant::now();
        connection.call(prepared).await?;
        times.push(asked.elapsed());
        hub.end_sessions().await?;
    }
    Figures::of(times.clone(), times.iter().sum())
}

/// Calls that each have a container of their own, one after the other, each when one is parked.
pub(crate) async fn single_calls(hub: &Hub, prepared: &Prepared, calls: usize) -> anyhow::Result<Figures> {
    let mut times = Vec::new();
    let mut connection = Connection::open(&peer(hub, hub.token("single").await?)?).await?;
    for _ in 0..calls {
        hub.wait_until_parked().await?;
        let asked = Instant::now();
        connection.call(prepared).await?;
        times.push(asked.elapsed());
    }
    Figures::of(times.clone(), times.iter().sum())
}

/// So many sessions that call once, all in the same moment; their connections stay open. Gives the times, the
/// time until the last was answered, and the connections.
pub(crate) async fn at_once(
    hub: &Hub,
    prepared: &Prepared,
    sessions: usize,
) -> anyhow::Result<(Figures, Duration, Vec<Connection>)> {
    let mut connections = Vec::new();
    for number in 0..sessions {
        // A principal has 32 sessions at most.
        let token = hub.token(&format!("crowd-{}", number / 25)).await?;
        connections.push(Connection::open(&peer(hub, token)?).await?);
    }
    let mut tasks = JoinSet::new();
    let started = Instant::now();
    for mut connection in connections {
        let prepared = prepared.clone();
        tasks.spawn(async move {
            let asked = Instant::now();
            connection.call(&prepared).await?;
            anyhow::Ok((asked.elapsed(), connection))
        });
    }
    let (mut times, mut open) = (Vec::new(), Vec::new());
    while let Some(ended) = tasks.join_next().await {
        let (time, connection) = ended??;
        times.push(time);
        open.push(connection);
    }
    let took = started.elapsed();
    Ok((Figures::of(times, took)?, took, open))
}
