//! The path of a call with everything but containers: policy, session, audit log, ticket, runner, answer.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod applying;
mod button;
mod counting;
mod credentials;
mod doors;
mod enrolling;
mod escalating;
mod identity;
mod lasting;
mod leaving;
mod tracing_calls;
mod using;

use super::*;
use crate::audit::Place;
use crate::escalation::Clock;
use crate::identity::Config;
use crate::metrics::Parts;
use crate::registry::{Sealer, Shelf};
use crate::runner::testing::{Act, Tap, honest, overheard};
use crate::runner::{Fate, Runner};
use crate::store::Location;
use crate::testing::{manifest, profile, registration, tool};
use container::{Launcher, ProcessConfig};
use manifest::{ArgumentsRecord, RunnerScope};
use protocol::{Answer, Content, HubKey, HubPublicKey, Outcome};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicUsize;
use tokio::sync::Semaphore;

/// A hub without containers, and how many runners it has started.
struct Bench {
    hub: Hub,
    starts: Arc<AtomicUsize>,
    data: tempfile::TempDir,
}

fn answer(text: &str) -> Option<Outcome> {
    Some(Outcome::Answer(Answer { content: vec![Content::Text(text.into())], structured: None, is_error: false }))
}

/// Its tools: `read` and `edit`, `single` with a runner per call, `wipe` of tier critical.
async fn bench(act: impl Fn(&protocol::Call) -> Option<Outcome> + Send + Sync + 'static) -> Bench {
    bench_with(Arc::new(act), Fate::default(), None).await
}

async fn bench_with(act: Act, fate: Fate, full: Option<&Path>) -> Bench {
    let single = manifest::Tool { runner: RunnerScope::Call, ..tool("single", Tier::User) };
    let mut manifest =
        manifest([tool("read", Tier::User), tool("edit", Tier::Write), single, tool("wipe", Tier::Critical)]);
    let reader = profile("reader", &[Tier::User], None);
    manifest.profiles.insert(reader.name.clone(), reader);
    bench_of(manifest, act, fate, full).await
}

async fn bench_of(manifest: Manifest, act: Act, fate: Fate, full: Option<&Path>) -> Bench {
    let data = tempfile::tempdir().unwrap();
    let registration = registration(&["read", "edit", "single", "wipe"]);
    let force = InForce::fixed(manifest, Default::default()).including(&registration);
    let (hub, starts) = hub_in(data.path(), force, act, fate, full).await;
    Bench { hub: Hub(Arc::new(hub)), starts, data }
}

/// A hub in a directory, and how many runners it has started.
async fn hub_in(data: &Path, force: InForce, act: Act, fate: Fate, full: Option<&Path>) -> (Inner, Arc<AtomicUsize>) {
    hub_tapped(data, force, act, fate, full, None).await
}

/// The same, with somebody who listens to what its runners are sent.
async fn hub_tapped(
    data: &Path,
    force: InForce,
    act: Act,
    fate: Fate,
    full: Option<&Path>,
    tap: Option<Tap>,
) -> (Inner, Arc<AtomicUsize>) {
    let meet: Meet = Box::new(move |key| {
        let (act, tap) = (act.clone(), tap.clone());
        Box::pin(async move {
            match tap {
                Some(tap) => overheard(key, act, fate, tap).await,
                None => honest(key, act, fate).await,
            }
        })
    });
    hub_of_runners(data, force, full, meet).await
}

/// Makes a runner that takes the tickets of this key.
type Meet = Box<dyn Fn(HubPublicKey) -> futures_util::future::BoxFuture<'static, Runner> + Send + Sync>;

/// The same, with runners of one's own.
async fn hub_of_runners(data: &Path, force: InForce, full: Option<&Path>, meet: Meet) -> (Inner, Arc<AtomicUsize>) {
    let dir = DataDir::open(data).unwrap();
    let key = HubKey::from_seed(&[9; 32]);
    let (public, starts) = (key.public().to_string(), Arc::new(AtomicUsize::new(0)));
    let (counted, meet) = (starts.clone(), Arc::new(meet));
    let start: crate::pool::Start = Box::new(move |_, _| {
        counted.fetch_add(1, Ordering::SeqCst);
        let met = meet(public.parse().unwrap());
        Box::pin(async move { Ok(met.await) })
    });
    let program = PathBuf::from("/proc/self/exe");
    let processes =
        ProcessConfig { runner: program.clone(), compile: program, hub_key: String::new(), forbidden: Vec::new() };
    // Before the log, as a start does.
    let epoch = Epoch::open(dir.root()).unwrap();
    let audit = Audit::open(Place::of(&dir), "test", None).unwrap();
    if let Some(full) = full {
        audit.divert(std::fs::File::options().append(true).open(full).unwrap());
    }
    let tickets = Arc::new(Tickets { key, hub: "test".into(), epoch: epoch.clone() });
    let starter = Starter::new(Launcher::processes(processes).unwrap(), TaskTracker::new(), audit.clone());
    let stands: crate::pool::Stands = Box::new(|_, _| Box::pin(async { true }));
    let pool = Pool::with(force.admission.clone(), start, stands, starter.metrics().clone());
    let traces = Traces::default();
    let registrar = Registrar {
        shelf: Arc::new(Shelf::new(&dir, Sealer::from_seed(&[9; 32]))),
        audit: audit.clone(),
        starter: starter.clone(),
        tickets: tickets.clone(),
        made_with: "tests".into(),
        turn: Semaphore::new(1),
    };
    let store = Store::open(&Location::within(data)).await.unwrap();
    let desk = Desk::open(store.clone(), Clock::default(), epoch.now()).await.unwrap();
    let inner = Inner {
        metrics: Metrics::new(&Parts::of(&audit, &starter, &traces)),
        traces,
        sessions: Sessions::default(),
        usage: Usage::new(),
        denied_tiers: BTreeSet::new(),
        force: ArcSwap::from_pointee(force),
        flights: Flights::default(),
        epoch,
        leashes: Leashes::default(),
        // Each test says itself what is done between calls.
        upkeep: upkeep::Alive::already(),
        ledger: None,
        desk,
        broker: crate::testing::broker(),
        outside: crate::egress::Outside::load(&store, |_| true).await.unwrap(),
        double: None,
        approvers: ArcSwap::from_pointee(Approvers::new(store.approvers().await.unwrap())),
        enrolling: tokio::sync::Mutex::new(Nonce::new().unwrap()),
        store,
        applying: tokio::sync::Mutex::default(),
        telling: tokio::sync::Mutex::default(),
        identity: Identity::open(data, Location::within(data), Config::default()).unwrap(),
        tickets,
        audit,
        denials: Denials::default(),
        refusals: Denials::default(),
        wall2: "off",
        hub_id: "test".into(),
        egress: ::egress::Declared::default(),
        local: Mutex::default(),
        registrar,
        pool,
        pool_config: PoolConfig::default(),
        starter,
        changes: watch::Sender::new(0),
        draining: false.into(),
        calls: TaskTracker::new(),
        tasks: Default::default(),
        runners: TaskTracker::new(),
        stop: CancellationToken::new(),
        trouble: Arc::default(),
        certificates: Certificates::default(),
        gate_is_open: false.into(),
        data: Arc::new(dir),
    };
    (inner, starts)
}

impl Bench {
    fn caller(&self, profile: &str) -> Caller {
        self.hub.local_caller("ada", &ProfileName::try_from(profile).unwrap()).unwrap()
    }

    async fn call(&self, caller: &Caller, tool: &str, arguments: &str) -> CallOutcome {
        let (notes, _listener) = mpsc::channel(1);
        self.hub.call(caller, tool, arguments.into(), notes, CancellationToken::new()).await.outcome
    }

    fn starts(&self) -> usize {
        self.starts.load(Ordering::SeqCst)
    }

    /// The records of calls; those of the chain, of runners and of beginnings come when they come.
    fn audit(&self) -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(self.data.path().join("audit.jsonl")).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let others = ["log_begun", "head", "session_begun", "runner_started", "runner_assigned", "runner_ended"];
        lines.filter(|line| !others.contains(&line["event"].as_str().unwrap())).collect()
    }

    /// The last record of a call.
    fn last(&self) -> serde_json::Value {
        self.audit().pop().unwrap()
    }
}

fn limit_of(outcome: &CallOutcome) -> (&str, u64) {
    match outcome {
        CallOutcome::Limit { limit, value, .. } => (limit, *value),
        _ => ("none", 0),
    }
}

#[tokio::test]
async fn a_call_is_recorded_before_and_after_and_its_words_are_not() {
    let bench = bench(|call| answer(&format!("{} \u{1b}", call.tool))).await;
    let caller = bench.caller("everyone");
    let outcome = bench.call(&caller, "read", r#"{"secret":"hush"}"#).await;
    let CallOutcome::Answer(answer) = outcome else { unreachable!("{outcome:?}") };
    assert_eq!(answer.content, [Content::Text("read \\u{1b}".into())]);
    let audit = bench.audit();
    assert_eq!((audit[0]["event"].as_str(), audit[1]["event"].as_str()), (Some("requested"), Some("executed")));
    assert_eq!(audit[0]["call"], audit[1]["call"]);
    let digest = serde_json::to_value(bench.hub.0.audit.digest(r#"{"secret":"hush"}"#)).unwrap();
    assert_eq!(audit[0]["arguments"], digest);
    assert_eq!(
        audit[0]["grants"],
        bench.hub.0.force.load().manifest.tools[&ToolName::try_from("read").unwrap()].digest().as_str()
    );
    assert!(audit[1]["usage"]["hub"]["wall_us"].is_u64() && audit[1]["usage"]["runner"]["cpu_us"].is_u64());
    assert_eq!((audit[1]["outcome"].as_str(), audit[1]["runner"].as_str()), (Some("answered"), Some("safeclaw-test")));
    assert!(!format!("{audit:?}").contains("hush"));
}

#[tokio::test]
async fn arguments_are_there_in_clear_where_the_manifest_says_so_and_nowhere_else() {
    let mut manifest = manifest([tool("read", Tier::User), tool("edit", Tier::Write)]);
    manifest.tools.get_mut(&ToolName::try_from("read").unwrap()).unwrap().record = ArgumentsRecord::Arguments;
    let bench = bench_of(manifest, Arc::new(|_| answer("hi")), Fate::default(), None).await;
    let caller = bench.caller("everyone");
    for name in ["read", "edit"] {
        bench.call(&caller, name, r#"{"to":"\u001b[2J"}"#).await;
    }
    let requested: Vec<_> = bench.audit().into_iter().filter(|line| line["event"] == "requested").collect();
    assert_eq!(requested[0]["arguments_text"], r#"{"to":"\u001b[2J"}"#);
    assert_eq!(requested[1].get("arguments_text"), None);
}

#[tokio::test]
async fn a_session_and_its_runners_are_written_down_from_beginning_to_end() {
    let bench = bench(|_| answer("hi")).await;
    let caller = bench.caller("everyone");
    bench.call(&caller, "read", "{}").await;
    bench.call(&caller, "read", "{}").await;
    bench.hub.end_session(&caller.session).await;
    let text = std::fs::read_to_string(bench.data.path().join("audit.jsonl")).unwrap();
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let events: Vec<_> =
        lines.iter().filter_map(|line| line["event"].as_str()).filter(|event| *event != "head").collect();
    let call = ["requested", "executed"];
    let wanted = ["log_begun", "session_begun", "requested", "runner_assigned", "executed"];
    assert_eq!(events, [wanted.as_slice(), &call, &["session_ended"]].concat());
    let assigned = lines.iter().find(|line| line["event"] == "runner_assigned").unwrap();
    let executed = lines.iter().find(|line| line["event"] == "executed").unwrap();
    assert_eq!((&assigned["session"], &assigned["posture"]), (&executed["session"], &executed["posture"]));
    assert_eq!(assigned["runner"], "safeclaw-test");
}

#[tokio::test]
async fn what_a_profile_hides_is_not_there_and_starts_nothing() {
    let bench = bench(|_| answer("hi")).await;
    let reader = bench.caller("reader");
    for name in ["edit", "wipe", "nothing", "", "a b"] {
        assert_eq!(bench.call(&reader, name, "{}").await, CallOutcome::UnknownTool, "{name}");
        assert_eq!(bench.last()["event"], "denied");
    }
    let names: Vec<_> = bench.hub.tools(&reader).into_iter().map(|t| t.description.name).collect();
    assert_eq!(names, ["read", "single"]);
    let everyone = bench.caller("everyone");
    let reason = "a person would have to allow this call, and no approver is enrolled who could";
    let denied = CallOutcome::Denied { reason: reason.into(), approvable: false };
    assert_eq!(bench.call(&everyone, "wipe", "{}").await, denied);
    assert!(bench.hub.tools(&everyone).iter().any(|t| t.needs_approval));
    assert_eq!(bench.starts(), 0);
}

#[tokio::test]
async fn arguments_are_bounded_before_a_runner_sees_them() {
    let bench = bench(|_| answer("hi")).await;
    let caller = bench.caller("everyone");
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(1000));
    assert_eq!(limit_of(&bench.call(&caller, "read", &long).await), ("arguments_bytes", 1000));
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(32), "]".repeat(32));
    assert_eq!(limit_of(&bench.call(&caller, "read", &deep).await), ("arguments_depth", 32));
    for text in ["", "[]", "{", "null"] {
        assert!(
            matches!(bench.call(&caller, "read", text).await, CallOutcome::Denied { approvable: false, .. }),
            "{text}"
        );
    }
    assert_eq!(bench.starts(), 0);
}

#[tokio::test]
async fn arguments_of_too_many_values_reach_no_runner() {
    let mut manifest = manifest([tool("read", Tier::User)]);
    for tool in manifest.tools.values_mut() {
        tool.grants.limits.arguments_bytes = 1 << 20;
    }
    let bench = bench_of(manifest, Arc::new(|_| answer("hi")), Fate::default(), None).await;
    let many = format!("{{\"a\":[{}0]}}", "0,".repeat(crate::bounds::VALUES));
    let outcome = bench.call(&bench.caller("everyone"), "read", &many).await;
    assert_eq!(limit_of(&outcome), ("arguments_values", 100_000));
    assert_eq!(bench.starts(), 0);
}

#[tokio::test]
async fn an_answer_is_bounded_too() {
    let bench = bench(|_| answer(&"x".repeat(1001))).await;
    let caller = bench.caller("everyone");
    assert_eq!(limit_of(&bench.call(&caller, "read", "{}").await), ("result_bytes", 1000));
    assert_eq!(bench.last()["limit"], "result_bytes");
}

#[tokio::test]
async fn a_session_has_its_rate_and_others_have_theirs() {
    let bench = bench(|_| answer("hi")).await;
    let (caller, other) = (bench.caller("everyone"), bench.caller("everyone"));
    for _ in 0..10 {
        assert!(matches!(bench.call(&caller, "read", "{}").await, CallOutcome::Answer(_)));
    }
    assert_eq!(limit_of(&bench.call(&caller, "read", "{}").await), ("calls_per_hour", 10));
    assert!(matches!(bench.call(&caller, "edit", "{}").await, CallOutcome::Answer(_)));
    assert!(matches!(bench.call(&other, "read", "{}").await, CallOutcome::Answer(_)));
}

#[tokio::test]
async fn a_session_shares_a_runner_by_tier_and_a_single_call_has_its_own() {
    let bench = bench(|_| answer("hi")).await;
    let caller = bench.caller("everyone");
    for (name, starts) in
        [("read", 1), ("read", 1), ("edit", 2), ("edit", 2), ("single", 3), ("single", 4), ("read", 4)]
    {
        bench.call(&caller, name, "{}").await;
        assert_eq!(bench.starts(), starts, "{name}");
    }
    assert_eq!(bench.hub.sessions()[0].runners.len(), 2);
    bench.call(&bench.caller("everyone"), "read", "{}").await;
    assert_eq!(bench.starts(), 5);
}

#[tokio::test]
async fn so_many_calls_at_once_and_a_call_that_nobody_waits_for_is_stopped_and_recorded() {
    let bench = bench(|_| None).await;
    let caller = bench.caller("everyone");
    let (notes, _listener) = mpsc::channel(1);
    let call = |cancel| bench.hub.call(&caller, "read", "{}".into(), notes.clone(), cancel);
    let cancel = CancellationToken::new();
    let third = async {
        while bench
            .hub
            .0
            .sessions
            .enter(&caller)
            .unwrap()
            .gate(&bench.hub.0.force.load(), Tier::User)
            .map(|gate| gate.free())
            != Some(0)
        {
            tokio::task::yield_now().await;
        }
        let third = bench.call(&caller, "read", "{}").await;
        cancel.cancel();
        third
    };
    // The second is dropped as soon as the first has ended.
    let (first, third) = tokio::select! {
        biased;
        both = async { tokio::join!(call(cancel.clone()), third) } => both,
        second = call(CancellationToken::new()) => unreachable!("{second:?}"),
    };
    assert_eq!(limit_of(&third), ("concurrent_calls", 2));
    assert_eq!(first.outcome, CallOutcome::Cancelled);
    bench.hub.0.calls.close();
    bench.hub.0.calls.wait().await;
    let cancelled = bench.audit().into_iter().filter(|line| line["outcome"] == "cancelled").count();
    assert_eq!(cancelled, 2);
}

#[tokio::test]
async fn what_cannot_be_recorded_does_not_run() {
    let bench = bench_with(Arc::new(|_| answer("hi")), Fate::default(), Some(Path::new("/dev/full"))).await;
    let outcome = bench.call(&bench.caller("everyone"), "read", "{}").await;
    assert!(matches!(outcome, CallOutcome::Denied { approvable: false, .. }), "{outcome:?}");
    assert_eq!(bench.starts(), 0);
}

#[tokio::test]
async fn a_runner_that_dies_is_broken_or_out_of_memory_and_the_next_call_works() {
    let bench = bench(|_| answer("hi")).await;
    let caller = bench.caller("everyone");
    assert!(matches!(bench.call(&caller, "read", r#"{"a":"die"}"#).await, CallOutcome::Broken { .. }));
    assert!(matches!(bench.call(&caller, "read", "{}").await, CallOutcome::Answer(_)));
    assert_eq!(bench.starts(), 2);

    let fate = Fate { out_of_memory: true, exit_code: Some(137), left: false };
    let bench = bench_with(Arc::new(|_| answer("hi")), fate, None).await;
    let outcome = bench.call(&bench.caller("everyone"), "read", r#"{"a":"die"}"#).await;
    assert_eq!(limit_of(&outcome), ("container_memory_bytes", 512 << 20));
}

#[tokio::test]
async fn a_session_that_is_ended_takes_its_calls_and_runners_along() {
    let bench = bench(|_| None).await;
    let caller = bench.caller("everyone");
    let (notes, _listener) = mpsc::channel(1);
    let (end, ()) =
        tokio::join!(bench.hub.call(&caller, "read", "{}".into(), notes, CancellationToken::new()), async {
            while bench.hub.sessions().first().is_none_or(|session| session.runners.is_empty()) {
                tokio::task::yield_now().await;
            }
            bench.hub.end_session(&caller.session).await;
        });
    assert_eq!(end.outcome, CallOutcome::Cancelled);
    assert!(bench.hub.sessions().is_empty());
    assert!(bench.audit().iter().any(|line| line["event"] == "session_ended"));
}

#[tokio::test]
async fn an_idle_runner_is_ended_and_the_session_stays() {
    let bench = bench(|_| answer("hi")).await;
    // Not before: the store is opened by a thread, for which no test clock waits.
    tokio::time::pause();
    let caller = bench.caller("everyone");
    bench.call(&caller, "read", "{}").await;
    bench.hub.0.sessions.sweep(Instant::now(), &bench.hub.0.force.load());
    assert_eq!(bench.hub.sessions()[0].runners.len(), 1);
    tokio::time::advance(Duration::from_secs(61)).await;
    bench.hub.0.sessions.sweep(Instant::now(), &bench.hub.0.force.load());
    assert_eq!(bench.hub.sessions()[0].runners.len(), 0);
    bench.call(&caller, "read", "{}").await;
    assert_eq!(bench.starts(), 2);
}

#[tokio::test]
async fn a_hub_that_drains_takes_no_call() {
    let bench = bench(|_| answer("hi")).await;
    let caller = bench.caller("everyone");
    bench.call(&caller, "read", "{}").await;
    bench.hub.drain(Duration::from_secs(1)).await;
    assert!(matches!(bench.call(&caller, "read", "{}").await, CallOutcome::Denied { .. }));
    assert!(bench.hub.sessions().is_empty() && !bench.hub.health().ok);
    let name = ComponentName::try_from("demo").unwrap();
    assert!(matches!(bench.hub.add_component(&name, Vec::new()).await, Err(RegisterError::Draining)));
    assert!(bench.audit().iter().any(|line| line["event"] == "hub_stopped"));
}
