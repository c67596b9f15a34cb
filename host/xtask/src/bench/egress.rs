//! Requests to the outside: what one costs beside the same one by `curl`, how fast a large body comes, and whether
//! many slow ones leave room for others. The upstream is a process of its own, over TLS on loopback.

use super::client::{Connection, Era, Peer, Prepared, Socket};
use super::ground::Ground;
use super::load::{self, Figures, Length};
use super::report::{Memory, Report, Row};
use super::servers::{Hub, Own, Setting};
use super::tools::get;
use super::upstream::SLOW;
use super::usage;
use anyhow::{Context, ensure};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::process::Command;
use tokio::task::JoinSet;

/// Names of rows, which what is to be reached is said of.
pub(crate) const CURL: &str = "curl";
pub(crate) const SMALL: &str = "20 bytes, connection kept";
pub(crate) const ASKING: &str = "a call that asks for 20 bytes, connection kept";
pub(crate) const SILENT: &str = "the same call without its request";

const SMALL_BYTES: u64 = 20;
const LARGE_BYTES: u64 = 100 << 20;
/// Rounds of each in turn: what is told is the round in the middle.
const ROUNDS: usize = 5;
const REQUESTS: u64 = 200;
/// 1 024 requests: fewer connections to the hub than it takes, and no more calls in a session than it may have.
const SESSIONS: usize = 8;
const CALLS: usize = 16;
const EACH: u32 = 8;
const SLOW_MS: u64 = 6000;
/// Until the slow ones have surely begun.
const UNDER_WAY: Duration = Duration::from_secs(3);

/// Measures all of it, with a hub and an upstream of its own.
pub(crate) async fn measure(setting: &Setting, report: &mut Report) -> anyhow::Result<()> {
    let outside = tempfile::Builder::new().prefix("safeclaw-bench-outside-").tempdir()?;
    let (certificate, config) = (outside.path().join("ca.pem"), outside.path().join("egress.toml"));
    let arguments = ["upstream".as_ref(), "--certificate".as_ref(), certificate.as_os_str()];
    let upstream = Own::start(&arguments).await?;
    let authority = upstream.said.first().context("the upstream did not say where it is")?;
    let port =
        authority.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).context("the upstream has no port")?;
    std::fs::write(&config, "[egress]\nroots = [\"ca.pem\"]\n")?;
    let ground = Ground::for_requests(port)?;
    let hub = Hub::start_with_outside(setting, &ground, &config).await?;
    let caller = peer(&hub, "asks").await?;

    let mut say = |by: &str, what: &str, at_once: usize, figures: Figures| {
        eprintln!("bench     {by}: {what}, {at_once} at once: {:.2} ms, 99th {:.2} ms", figures.p50_ms, figures.p99_ms);
        report.requests.push(Row { server: by.to_owned(), what: what.to_owned(), at_once, figures });
    };
    let (mut alone, mut asking, mut silent) = (Vec::new(), Vec::new(), Vec::new());
    let small = get(authority, &format!("/bytes/{SMALL_BYTES}"), 1, SMALL_BYTES);
    let none = get(authority, "/", 0, 0);
    for _ in 0..ROUNDS {
        alone.extend(curl(&certificate, authority, SMALL_BYTES, REQUESTS).await?);
        asking.push(load::http(&caller, &small, 1, Length::Calls(REQUESTS)).await?);
        silent.push(load::http(&caller, &none, 1, Length::Calls(REQUESTS)).await?);
    }
    let has_curl = !alone.is_empty();
    if has_curl {
        say(CURL, SMALL, 1, middle(alone)?);
    }
    say("both walls", ASKING, 1, middle(asking)?);
    say("both walls", SILENT, 1, middle(silent)?);

    let (mut alone, mut asking) = (Vec::new(), Vec::new());
    let large = get(authority, &format!("/bytes/{LARGE_BYTES}"), 1, LARGE_BYTES);
    for _ in 0..ROUNDS {
        alone.extend(curl(&certificate, authority, LARGE_BYTES, 1).await?);
        asking.push(load::http(&caller, &large, 1, Length::Calls(1)).await?);
    }
    let speed = |figures: &Figures| format!("{:.0} MiB/s", (LARGE_BYTES >> 20) as f64 / figures.p50_ms * 1e3);
    let ours = middle(asking)?;
    let mut note = format!("A body of 100 MiB came through both walls with {}", speed(&ours));
    if has_curl {
        let theirs = middle(alone)?;
        note += &format!(", to `curl` with {}", speed(&theirs));
        say(CURL, "100 MiB", 1, theirs);
    }
    say("both walls", "a call that asks for 100 MiB", 1, ours);

    let before = usage::now()?;
    let Slow { slow, beside, during } = many_slow(&hub, authority, &caller, &small).await?;
    let count = SESSIONS * CALLS * EACH as usize;
    say("both walls", &format!("{EACH} requests in each call, each answered after {SLOW_MS} ms"), count, slow);
    say("both walls", &format!("{ASKING}, beside them"), 1, beside);
    report.memory.push(Memory { when: "one session that asks".to_owned(), usage: before });
    report.memory.push(Memory { when: format!("{SESSIONS} more with {count} requests under way"), usage: during });
    report.notes.push(note + ".");
    if !has_curl {
        report.notes.push("There is no `curl` here: nothing stands beside our requests.".to_owned());
    }
    Ok(())
}

async fn peer(hub: &Hub, principal: &str) -> anyhow::Result<Peer> {
    let token = Some(hub.token(principal).await?);
    Ok(Peer { url: hub.url.parse()?, token, era: Era::Modern, socket: Socket::Ordinary })
}

/// The round whose median is in the middle.
fn middle(mut rounds: Vec<Figures>) -> anyhow::Result<Figures> {
    rounds.sort_by(|a, b| a.p50_ms.total_cmp(&b.p50_ms));
    let middle = rounds.len() / 2;
    rounds.into_iter().nth(middle).context("nothing was measured")
}

/// One `curl` that asks so often over one connection; its first request, which connects, counts only where it is the
/// only one. `None` where there is no such program.
async fn curl(certificate: &Path, authority: &str, bytes: u64, times: u64) -> anyhow::Result<Option<Figures>> {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--fail", "--http1.1", "--noproxy", "*", "--output", "/dev/null"]);
    command.arg("--cacert").arg(certificate).args(["--write-out", "%{time_total}\n"]);
    let connecting = u64::from(times > 1);
    command.arg(format!("https://{authority}/bytes/{bytes}?[1-{}]", times + connecting));
    let output = match command.stdin(Stdio::null()).kill_on_drop(true).output().await {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        output => output.context("curl does not start")?,
    };
    ensure!(output.status.success(), "curl failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    let said = String::from_utf8_lossy(&output.stdout);
    let times =
        said.lines().skip(usize::from(connecting > 0)).map(|line| Ok(Duration::try_from_secs_f64(line.parse()?)?));
    let times = times.collect::<anyhow::Result<Vec<Duration>>>().context("curl told no times")?;
    Figures::of(times.clone(), times.iter().sum()).map(Some)
}

struct Slow {
    slow: Figures,
    beside: Figures,
    during: usage::Usage,
}

/// As many as are said above, of several sessions, and what a call of another one takes meanwhile.
async fn many_slow(hub: &Hub, authority: &str, caller: &Peer, small: &Prepared) -> anyhow::Result<Slow> {
    let prepared = get(authority, &format!("/slow/{SLOW_MS}"), EACH, u64::from(EACH) * SLOW.len() as u64);
    let ready = get(authority, "/", 0, 0);
    let mut open = Vec::new();
    for session in 0..SESSIONS {
        let peer = peer(hub, &format!("slow-{session}")).await?;
        for _ in 0..CALLS {
            let mut connection = Connection::open(&peer).await?;
            connection.call(&ready).await?;
            open.push(connection);
        }
    }
    let mut tasks = JoinSet::new();
    let started = Instant::now();
    for mut connection in open {
        let prepared = prepared.clone();
        tasks.spawn(async move {
            let asked = Instant::now();
            connection.call(&prepared).await?;
            anyhow::Ok(asked.elapsed())
        });
    }
    tokio::time::sleep(UNDER_WAY).await;
    let beside = load::http(caller, small, 1, Length::For(Duration::from_secs(1))).await?;
    ensure!(tasks.try_join_next().is_none(), "a slow call ended before a quick one was measured beside it");
    let during = usage::now()?;
    let mut times = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        times.push(ended??);
    }
    Ok(Slow { slow: Figures::of(times, started.elapsed())?, beside, during })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_round_in_the_middle_is_told() -> anyhow::Result<()> {
        let round = |ms| Figures::of(vec![Duration::from_millis(ms)], Duration::from_secs(1));
        let told = middle(vec![round(9)?, round(1)?, round(2)?])?;
        assert!((told.p50_ms - 2.0).abs() < 1e-9, "{told:?}");
        assert!(middle(Vec::new()).is_err());
        Ok(())
    }
}
