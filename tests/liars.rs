//! A runner in hostile hands. A program takes the runner's place in containers of the shipping posture and plays
//! scripts, one file each in `tests/liars`; a hub that knows nothing of it serves an agent through it. After each
//! lie the agent has seen what the script says, the audit log has the reason, the container is gone, nothing is
//! open any more, and meanwhile another session was served. Adding a lie is adding a file.

mod document;
mod stage;

use hub::{CallEnd, CallNote, CallOutcome, Caller};
use protocol::Content;
use serde_json::Value;
use stage::Stage;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tests::handed;
use tests::script::{Moment, Script};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Lies at once: the processors are few, and the hub's deadlines on a runner's start are not for a crowd.
const AT_ONCE: usize = 5;
/// Nothing here takes so long, except on a machine that stands still.
const PATIENCE: Duration = Duration::from_secs(120);
/// Between two looks at what another process changes.
const LOOK: Duration = Duration::from_millis(100);

/// A script and the name of its file.
#[derive(Debug, Clone)]
struct Lie {
    name: String,
    script: Script,
}

/// All of them, in the order of the moments and then of their names.
fn lies() -> Vec<Lie> {
    let mut lies: Vec<Lie> = std::fs::read_dir(handed::repository().join("tests/liars"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == "toml"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            let script = toml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
            Lie { name, script }
        })
        .collect();
    lies.sort_by(|a, b| (a.script.honest_until, &a.name).cmp(&(b.script.honest_until, &b.name)));
    lies
}

impl Lie {
    /// Whether it begins before any call: then its container must say which script it plays.
    fn is_early(&self) -> bool {
        self.script.honest_until < Moment::Call
    }

    /// Whether the hub waits for it with its own long deadlines.
    fn is_long(&self) -> bool {
        self.script.audit.iter().any(|line| line.ends_with("in time")) && self.is_early()
    }
}

#[test]
fn each_lie_is_seen_through_and_costs_nobody_else_anything() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let faults = runtime.block_on(async {
        let mut lies = lies();
        assert!(lies.len() >= 80, "{} lies", lies.len());
        // Those that the hub waits for begin first and wait beside the others.
        lies.sort_by_key(|lie| !lie.is_long());
        let stage = Arc::new(Stage::set(&lies).await);
        let (room, mut playing) = (Arc::new(Semaphore::new(AT_ONCE)), JoinSet::new());
        for lie in lies {
            let (stage, room) = (stage.clone(), room.clone());
            playing.spawn(async move {
                let _place = if lie.is_long() { None } else { Some(room.acquire_owned().await.unwrap()) };
                let seen = Seen::of(&stage, &lie).await;
                (lie, seen)
            });
        }
        let played = playing.join_all().await;
        let stage = Arc::into_inner(stage).unwrap();
        let audit = stage.end().await;
        // Once more, since a line too many may have come later.
        played.iter().flat_map(|(lie, seen)| seen.faults(lie, &audit)).collect::<Vec<_>>()
    });
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// What came of a lie.
struct Seen {
    agent: Vec<String>,
    session: String,
    /// What must hold whatever the lie is, and did not.
    broken: Vec<String>,
}

impl Seen {
    async fn of(stage: &Stage, lie: &Lie) -> Self {
        let caller = stage.own.caller("agent");
        let mut broken = Vec::new();
        let mut calls = Vec::new();
        for _ in 0..lie.script.calls {
            let mut call = Call::start(stage, &caller, lie);
            let is_last = calls.len() + 1 == lie.script.calls;
            if !is_last || lie.script.cancels {
                call.heard.recv().await;
            }
            if is_last && lie.script.cancels {
                call.cancel.cancel();
            }
            calls.push(call);
        }
        // While it lies, an honest session is served.
        broken.extend(stage.honest().await.err());
        let mut agent = Vec::new();
        for call in calls {
            match timeout(PATIENCE, call.end).await {
                Ok(Ok((end, notes))) => {
                    broken.extend(impossible(&end, &notes));
                    agent.push(told(&end));
                }
                other => agent.push(format!("no end: {other:?}")),
            }
        }
        let mut seen = Self { agent, session: caller.session.to_string(), broken };
        let settled = timeout(PATIENCE, async {
            while seen.log(lie, &stage.own.audit()).0 != sorted(&lie.script.audit) {
                sleep(LOOK).await;
            }
        });
        // Whatever is there by then is compared at the end.
        if settled.await.is_ok() {
            seen.broken.extend(seen.left(stage, lie, &caller).await);
        }
        seen
    }

    /// The audit log's lines on this lie in a fixed order, and the runners that they name.
    fn log(&self, lie: &Lie, audit: &[Value]) -> (Vec<String>, BTreeSet<String>) {
        let class = format!("call-{}", lie.name);
        let mut runners = BTreeSet::new();
        let mut lines = Vec::new();
        // The lines of its session name its runner; those of its runner do not name the session.
        for by_session in [true, false] {
            for line in audit {
                let runner = line["runner"].as_str();
                let of_session = line["session"] == self.session.as_str();
                let of_runner = line["class"] == class.as_str() || runner.is_some_and(|name| runners.contains(name));
                if of_session == by_session && (of_session || of_runner) {
                    runners.extend(runner.map(str::to_owned));
                    lines.extend(said(line));
                }
            }
        }
        (sorted(&lines), runners)
    }

    /// What is still there and must not be, a while after the end.
    async fn left(&self, stage: &Stage, lie: &Lie, caller: &Caller) -> Option<String> {
        let (_, runners) = self.log(lie, &stage.own.audit());
        // Whoever told no lie that can be seen serves on.
        let killed = lie.script.audit.iter().any(|line| line.starts_with("runner_"));
        let gone = timeout(PATIENCE, async {
            loop {
                let sessions = stage.own.hub.sessions();
                let session = sessions.iter().find(|session| session.id == caller.session);
                let calls = session.map_or(0, |session| session.open_calls);
                let open = session.map_or(0, |session| session.runners.iter().map(|runner| runner.open_calls).sum());
                let serving = session.map_or(0, |session| session.runners.len());
                let there = runners.iter().filter(|name| stage.exists(name)).count();
                if calls == 0 && open == 0 && (!killed || (serving == 0 && there == 0)) {
                    return;
                }
                sleep(LOOK).await;
            }
        });
        gone.await.err().map(|_| format!("left behind: {:?}, runners {runners:?}", stage.own.hub.sessions()))
    }

    fn faults(&self, lie: &Lie, audit: &[Value]) -> Vec<String> {
        let mut faults = self.broken.clone();
        if self.agent != lie.script.agent {
            faults.push(format!("the agent saw {:#?}, not {:#?}", self.agent, lie.script.agent));
        }
        let (log, runners) = self.log(lie, audit);
        if log != sorted(&lie.script.audit) {
            faults.push(format!("the audit log says {log:#?}, not {:#?}", sorted(&lie.script.audit)));
        }
        if runners.is_empty() {
            faults.push("no runner is named".to_owned());
        }
        faults.into_iter().map(|fault| format!("{}: {fault}", lie.name)).collect()
    }
}

/// A call of the agent.
struct Call {
    end: JoinHandle<(CallEnd, Vec<CallNote>)>,
    /// Something at its first note, or at its end.
    heard: mpsc::Receiver<()>,
    cancel: CancellationToken,
}

impl Call {
    fn start(stage: &Stage, caller: &Caller, lie: &Lie) -> Self {
        let (hub, caller, tool) = (stage.own.hub.clone(), caller.clone(), lie.name.clone());
        let arguments = format!(r#"{{"a":"{}"}}"#, "x".repeat(lie.script.arguments_bytes));
        let (first, heard) = mpsc::channel(1);
        let (cancel, cancelled) = (CancellationToken::new(), CancellationToken::new());
        let stop = cancel.clone();
        let end = tokio::spawn(async move {
            let (notes, mut noted) = mpsc::channel(64);
            let collect = tokio::spawn(async move {
                let mut all = Vec::new();
                while let Some(note) = noted.recv().await {
                    all.push(note);
                    let _ = first.try_send(());
                }
                all
            });
            let end = hub.call(&caller, &tool, arguments, notes, stop).await;
            drop(cancelled);
            (end, collect.await.unwrap())
        });
        Self { end, heard, cancel }
    }
}

/// What no agent may see, whatever its tool's runner says.
fn impossible(end: &CallEnd, notes: &[CallNote]) -> Vec<String> {
    let mut faults = Vec::new();
    let shown = format!("{:?}{notes:?}", end.outcome);
    // `Debug` writes a character that cannot be seen as `\u{1b}`, and one that the hub made visible as `\\u{1b}`.
    if shown.replace(r"\\u{", "").contains(r"\u{") {
        faults.push(format!("text that was not cleaned: {shown}"));
    }
    let mut reached = f64::NEG_INFINITY;
    for note in notes {
        if let CallNote::Progress(progress) = note {
            let goes_on = progress.progress.partial_cmp(&reached) == Some(Ordering::Greater);
            if !goes_on || progress.total.is_some_and(|total| !total.is_finite()) {
                faults.push(format!("progress that does not go on: {notes:?}"));
            }
            reached = progress.progress;
        }
    }
    if let Some(usage) = end.usage
        && (usage.wall_us > end.wall_us || usage.cpu_us > end.wall_us || usage.peak_memory_bytes > 64 << 20)
    {
        faults.push(format!("absurd figures: {usage:?} in {} µs", end.wall_us));
    }
    if let CallOutcome::Broken { id } = end.outcome
        && id != end.call_id
    {
        faults.push("an id that the log does not have".to_owned());
    }
    faults
}

/// A call's end in one line.
fn told(end: &CallEnd) -> String {
    match &end.outcome {
        CallOutcome::Answer(answer) => {
            let blocks = answer.content.iter().map(|block| match block {
                Content::Text(text) => text.clone(),
                Content::Image(bytes, mime) => format!("an image of {} bytes, {mime}", bytes.len()),
                other => format!("{other:?}"),
            });
            format!("answered: {}", blocks.collect::<Vec<_>>().join(", "))
        }
        CallOutcome::UnknownTool => "unknown tool".to_owned(),
        CallOutcome::Denied { reason, .. } => format!("denied: {reason}"),
        CallOutcome::Limit { limit, value, .. } => format!("limit: {limit} = {value}"),
        CallOutcome::Broken { .. } => "broken".to_owned(),
        CallOutcome::Cancelled => "cancelled".to_owned(),
    }
}

/// A line of the audit log, as the scripts have it; none for lines that the stage itself causes.
fn said(line: &Value) -> Option<String> {
    let text = |name: &str| line[name].as_str().unwrap_or_default();
    let event = text("event");
    match event {
        "requested" => Some(event.to_owned()),
        "executed" if line["outcome"] == "limit" => Some(format!("executed: {} = {}", text("limit"), line["value"])),
        "executed" => Some(format!("executed: {}", text("outcome"))),
        "session_begun" | "session_ended" | "runner_started" | "runner_assigned" | "runner_ended" => None,
        _ => Some(format!("{event}: {}", without_serial(text("reason")))),
    }
}

/// Serials rise from call to call, so that no script can know them.
fn without_serial(reason: &str) -> String {
    let Some((before, after)) = reason.split_once("for ticket ") else { return reason.to_owned() };
    format!("{before}for ticket N{}", after.trim_start_matches(|c: char| c.is_ascii_digit()))
}

/// In the order in which they are told; what happens at the same time has none of its own.
fn sorted(lines: &[String]) -> Vec<String> {
    const ORDER: [&str; 5] = ["requested", "runner_killed", "runner_lost", "outcome_unknown", "executed"];
    let place = |line: &String| ORDER.iter().position(|event| line.starts_with(event)).unwrap_or(ORDER.len());
    let mut lines = lines.to_vec();
    lines.sort_by(|a, b| (place(a), a).cmp(&(place(b), b)));
    lines
}
