//! The red button with real runners: from the request until every one of them is confirmed to be dead.

use super::client::Era;
use super::ground::Ground;
use super::load::Figures;
use super::report::{Report, Row};
use super::servers::{Hub, Setting};
use super::{sessions, tools};
use anyhow::ensure;

/// The row, for the table of what is to be reached.
pub(crate) const PRESSED: &str = "the red button with --panic, runners in use";
/// Each in a session of its own.
pub(crate) const RUNNERS: usize = 10;
const ROUNDS: usize = 5;

/// Everything that runs is stopped, so the runners need no call that a person has to allow.
pub(crate) async fn measure(setting: &Setting, report: &mut Report) -> anyhow::Result<()> {
    let ground = Ground::for_sessions()?;
    let hub = Hub::start(setting, &ground, 2).await?;
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        hub.wait_until_parked().await?;
        let (_, _, open) = sessions::at_once(&hub, &tools::add(Era::Modern), RUNNERS).await?;
        let pressed = hub.stop_everything().await?;
        ensure!(pressed.killed == RUNNERS, "{} of {RUNNERS} runners are dead: {:?}", pressed.killed, pressed.undone);
        times.push(pressed.took);
        drop(open);
        hub.resume().await?;
        hub.end_sessions().await?;
    }
    eprintln!("bench     the red button with {RUNNERS} runners: {times:?}");
    let figures = Figures::of(times.clone(), times.iter().sum())?;
    report.sessions.push(Row { server: "both walls".into(), what: PRESSED.into(), at_once: RUNNERS, figures });
    Ok(())
}
