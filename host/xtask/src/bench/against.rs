//! This revision beside another: both hubs in one run, in turns, under one client.

use super::client::{Era, Peer, Prepared, Socket};
use super::ground::Ground;
use super::load::{self, Figures, Length};
use super::report::{Compared, Comparison};
use super::servers::{Hub, Setting};
use super::{sessions, tools};
use anyhow::Context;
use std::time::Duration;

/// Of each row, for each revision. Whatever else the machine does meets both alike.
const ROUNDS: usize = 5;
/// First calls in a round.
const FEW: usize = 3;

/// The other revision.
#[derive(Debug, Clone)]
pub(crate) struct Other {
    /// As people know it.
    pub(crate) title: String,
    /// Its programs and its image; the component is ours.
    pub(crate) setting: Setting,
}

/// One row.
struct Kind {
    what: &'static str,
    at_once: usize,
    prepared: Prepared,
    warm: bool,
}

/// Measures both.
pub(crate) async fn measure(ours: &Setting, other: &Other, time: Duration) -> anyhow::Result<Comparison> {
    let lacks = || {
        format!(
            "the hub of {} does not take this revision's arguments, manifest or component: compare with a later one",
            other.title
        )
    };
    let (our_ground, their_ground) = (Ground::for_sessions()?, Ground::for_sessions()?);
    let theirs = Hub::start(&other.setting, &their_ground, 2).await.with_context(lacks)?;
    let ours = Hub::start(ours, &our_ground, 2).await?;
    let kind = |what, at_once, prepared, warm| Kind { what, at_once, prepared, warm };
    let mut rows = Vec::new();
    for kind in [
        kind("add, HTTP", 1, tools::add(Era::Modern), false),
        kind("add, HTTP", 64, tools::add(Era::Modern), false),
        kind("64 KiB, HTTP", 1, tools::echo(Era::Modern), false),
        kind("first call, container parked", 1, tools::add(Era::Modern), true),
    ] {
        let mut row = Compared { what: kind.what, at_once: kind.at_once, theirs: Vec::new(), ours: Vec::new() };
        for round in 0..ROUNDS {
            // Neither revision always comes after the other.
            for turn in [round % 2, (round + 1) % 2] {
                let (hub, figures) = if turn == 0 { (&theirs, &mut row.theirs) } else { (&ours, &mut row.ours) };
                figures.push(figures_of(hub, &kind, time).await?);
            }
        }
        let (theirs, ours) = row.p50_ms();
        eprintln!("bench     {}, {} at once: {theirs:.2} ms against {ours:.2} ms", kind.what, kind.at_once);
        rows.push(row);
    }
    Ok(Comparison { revision: other.title.clone(), rows })
}

async fn figures_of(hub: &Hub, kind: &Kind, time: Duration) -> anyhow::Result<Figures> {
    if kind.warm {
        return sessions::first_calls(hub, &kind.prepared, FEW, true).await;
    }
    let token = Some(hub.token("compared").await?);
    let peer = Peer { url: hub.url.parse()?, token, era: Era::Modern, socket: Socket::Ordinary };
    hub.wait_until_parked().await?;
    let figures = load::http(&peer, &kind.prepared, kind.at_once, Length::For(time)).await?;
    hub.end_sessions().await?;
    Ok(figures)
}
