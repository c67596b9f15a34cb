//! Until a session's first answer: with a container to be made, with one that is parked, with one for each call,
//! and what `docker run` takes for the same.

use super::client::Era;
use super::ground::Ground;
use super::load::Figures;
use super::report::{Report, Row};
use super::servers::{Hub, Setting};
use super::{docker, sessions, tools};

/// Names of rows, which what is to be reached is said of.
pub(crate) const COLD: &str = "first call, container to be made";
pub(crate) const WARM: &str = "first call, container parked";
pub(crate) const ONE_SHOT: &str = "a call with a container of its own, parked";
pub(crate) const DOCKER_RUN: &str = "docker run --rm of the same image, hardened";

/// How many of each kind are timed, one after the other.
const FEW: usize = 9;

/// Measures all four.
pub(crate) async fn measure(setting: &Setting, report: &mut Report) -> anyhow::Result<()> {
    let mut push = |what: &str, figures: Figures| {
        eprintln!("bench     {what}: {:.1} ms", figures.p50_ms);
        report.sessions.push(Row { server: "both walls".into(), what: what.to_owned(), at_once: 1, figures });
    };
    let add = tools::add(Era::Modern);
    {
        let ground = Ground::for_sessions()?;
        let hub = Hub::start(setting, &ground, 0).await?;
        push(COLD, sessions::first_calls(&hub, &add, FEW, false).await?);
    }
    {
        let ground = Ground::for_sessions()?;
        let hub = Hub::start(setting, &ground, 2).await?;
        push(WARM, sessions::first_calls(&hub, &add, FEW, true).await?);
    }
    {
        let ground = Ground::for_single_calls()?;
        let hub = Hub::start(setting, &ground, 2).await?;
        push(ONE_SHOT, sessions::single_calls(&hub, &add, FEW).await?);
    }
    match docker::runs(setting, FEW).await? {
        Some(figures) => {
            eprintln!("bench     docker run: {:.1} ms", figures.p50_ms);
            let what = DOCKER_RUN.to_owned();
            report.sessions.push(Row { server: "docker".into(), what, at_once: 1, figures });
        }
        None => report.notes.push("No `docker` command: its row is missing.".to_owned()),
    }
    Ok(())
}
