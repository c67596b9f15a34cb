//! The same tool in Python, beside the one in Rust: in one container, under one load.

use super::client::{Era, Peer, Socket};
use super::ground::Ground;
use super::load::{self, Length};
use super::report::{Report, Row};
use super::servers::{Hub, Setting};
use super::{sessions, tools};
use std::path::Path;
use std::time::{Duration, Instant};

/// First calls that are timed one after the other.
const FEW: usize = 5;

/// Measures both tools of a hub that has both components.
pub(crate) async fn measure(
    setting: &Setting,
    component: &Path,
    time: Duration,
    report: &mut Report,
) -> anyhow::Result<()> {
    let ground = Ground::for_python()?;
    let hub = Hub::start(setting, &ground, 2).await?;
    let began = Instant::now();
    let registered = hub.add("hello_python", component).await?;
    report.notes.push(format!(
        "The Python component has {:.1} MB, its artefact {:.1} MB; it was registered in {:.0} s. A runner hashes and \
         maps the artefacts of all tools of its class before its first call, so the tool in Rust waits for it too.",
        megabytes(registered.component_bytes),
        megabytes(registered.artefact_bytes),
        began.elapsed().as_secs_f64()
    ));
    hub.wait_until_parked().await?;
    for (language, prepared) in [("Rust", tools::add(Era::Modern)), ("Python", tools::python_add())] {
        let first = sessions::first_calls(&hub, &prepared, FEW, true).await?;
        let what = format!("{language}: first call, container parked");
        eprintln!("bench     {what}: {:.1} ms", first.p50_ms);
        report.sessions.push(Row { server: "both walls".into(), what, at_once: 1, figures: first });
        let token = Some(hub.token("python").await?);
        let peer = Peer { url: hub.url.parse()?, token, era: Era::Modern, socket: Socket::Ordinary };
        for at_once in [1, 8] {
            let figures = load::http(&peer, &prepared, at_once, Length::For(time)).await?;
            eprintln!("bench     {language}: add, {at_once} at once: {:.0} calls/s", figures.per_second);
            let server = format!("both walls, large, {language}");
            report.rows.push(Row { server, what: "add, HTTP".to_owned(), at_once, figures });
        }
        hub.end_sessions().await?;
    }
    Ok(())
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
