//! What each kind of call does to the metrics: exactly this, and nothing else.

use super::*;
use crate::metrics::exposition::Exposition;
use protocol::Limit;
use std::os::unix::fs::PermissionsExt as _;

/// The counts of calls, denials and limits that are not zero.
type Counts = (Vec<String>, Vec<String>, Vec<String>);

impl Bench {
    fn exposed(&self) -> Exposition {
        let text = self.hub.metrics().unwrap();
        Exposition::read(&text).unwrap_or_else(|error| unreachable!("{error}\n{text}"))
    }

    fn counts(&self) -> Counts {
        let exposed = self.exposed();
        let counted = |name| exposed.counted(name);
        (counted("safeclaw_calls"), counted("safeclaw_denials"), counted("safeclaw_limits"))
    }

    #[track_caller]
    fn check(&self, calls: &[&str], denials: &[&str], limits: &[&str]) {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert_eq!(self.counts(), (owned(calls), owned(denials), owned(limits)));
        // Each call is measured, too.
        let total: f64 = calls.iter().map(|call| call.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum();
        let measured = |tier| self.exposed().value("safeclaw_call_duration_seconds_count", &[("tier", tier)]).unwrap();
        assert_eq!(["user", "write", "admin", "critical", "none"].map(measured).iter().sum::<f64>(), total);
    }
}

#[tokio::test]
async fn an_answer_is_an_answer_and_a_tools_failure_a_failure() {
    let failed = Outcome::Answer(Answer { content: Vec::new(), structured: None, is_error: true });
    let bench = bench(move |call| if call.tool.as_str() == "edit" { Some(failed.clone()) } else { answer("hi") }).await;
    let caller = bench.caller("everyone");
    for tool in ["read", "read", "edit"] {
        bench.call(&caller, tool, "{}").await;
    }
    bench.check(&["answered,user 2", "failed,write 1"], &[], &[]);
    let exposed = bench.exposed();
    assert_eq!(exposed.value("safeclaw_sessions", &[]), Some(1.0));
    assert_eq!(exposed.value("safeclaw_runners", &[]), Some(2.0));
    assert_eq!(exposed.value("safeclaw_runner_starts_total", &[("for", "cold"), ("result", "ok")]), Some(2.0));
    // What the log writes about itself is no record of the hub's.
    let text = std::fs::read_to_string(bench.data.path().join("audit.jsonl")).unwrap();
    let own = |line: &&str| line.contains(r#""event":"log_begun""#) || line.contains(r#""event":"head""#);
    let records: Vec<_> = text.lines().filter(|line| !own(line)).collect();
    assert_eq!(exposed.value("safeclaw_audit_records_total", &[]), Some(records.len() as f64));
    let bytes: usize = records.iter().map(|line| line.len() + 1).sum();
    assert_eq!(exposed.value("safeclaw_audit_bytes_total", &[]), Some(bytes as f64));
}

#[tokio::test]
async fn what_policy_denies_has_the_rule_that_denied_it() {
    let bench = bench(|_| answer("hi")).await;
    let (reader, everyone) = (bench.caller("reader"), bench.caller("everyone"));
    for (caller, tool) in [(&everyone, "nothing"), (&everyone, "\u{1b}[2J"), (&reader, "edit"), (&everyone, "wipe")] {
        bench.call(caller, tool, "{}").await;
    }
    let calls = ["denied,critical 1", "denied,none 2", "denied,write 1"];
    bench.check(&calls, &["approval 1", "profile 1", "unknown_tool 2"], &[]);
}

#[tokio::test]
async fn a_scope_that_is_lacking_is_counted_at_whichever_door_it_is_found_out() {
    let bench = bench(|_| answer("hi")).await;
    let caller = Caller { scopes: Scopes::of(Tier::User), ..bench.caller("everyone") };
    bench.call(&caller, "edit", "{}").await;
    bench.check(&["denied,write 1"], &["scope 1"], &[]);
    // Over HTTP it is a status, and no call.
    assert_eq!(bench.hub.lacks_scope(&caller, "edit").await, Some(Scopes::of(Tier::Write)));
    bench.check(&["denied,write 2"], &["scope 2"], &[]);
}

#[tokio::test]
async fn a_tier_that_the_hub_does_not_have() {
    let data = tempfile::tempdir().unwrap();
    let force =
        InForce::fixed(manifest([tool("edit", Tier::Write)]), Default::default()).including(&registration(&["edit"]));
    let (mut inner, starts) = hub_in(data.path(), force, Arc::new(|_| answer("hi")), Fate::default(), None).await;
    inner.denied_tiers = [Tier::Write].into();
    let bench = Bench { hub: Hub(Arc::new(inner)), starts, data };
    bench.call(&bench.caller("everyone"), "edit", "{}").await;
    bench.check(&["denied,write 1"], &["tier 1"], &[]);
}

#[tokio::test]
async fn a_component_that_is_not_there() {
    let manifest = manifest([tool("read", Tier::User), tool("late", Tier::User)]);
    let bench = bench_of(manifest, Arc::new(|_| answer("hi")), Fate::default(), None).await;
    bench.call(&bench.caller("everyone"), "late", "{}").await;
    bench.check(&["denied,user 1"], &["unknown_tool 1"], &[]);
}

#[tokio::test]
async fn rates_places_and_sessions_are_denials_and_limits() {
    let bench = bench(|_| answer("hi")).await;
    let caller = bench.caller("everyone");
    for _ in 0..11 {
        bench.call(&caller, "read", "{}").await;
    }
    let (calls, denials, limits) = (["answered,user 10", "limit,user 1"], ["rate 1"], ["calls_per_hour 1"]);
    bench.check(&calls, &denials, &limits);

    let session = bench.hub.0.sessions.enter(&caller).unwrap();
    let gate = session.gate(&bench.hub.0.force.load(), Tier::Write).unwrap();
    let places = (gate.pass().unwrap(), gate.pass().unwrap());
    bench.call(&caller, "edit", "{}").await;
    drop(places);
    for _ in 1..32 {
        bench.hub.0.sessions.enter(&bench.caller("everyone")).unwrap();
    }
    bench.call(&bench.caller("everyone"), "read", "{}").await;
    bench.check(
        &["answered,user 10", "limit,none 1", "limit,user 1", "limit,write 1"],
        &["concurrency 1", "rate 1", "sessions 1"],
        &["calls_per_hour 1", "concurrent_calls 1", "sessions_per_principal 1"],
    );
}

#[tokio::test]
async fn arguments_that_do_not_fit() {
    let bench = bench(|call| match call.arguments.as_str() {
        "{}" => Some(Outcome::Denied("/a: is no number".into())),
        _ => answer("hi"),
    })
    .await;
    let caller = bench.caller("everyone");
    for arguments in ["[]", &format!(r#"{{"a":"{}"}}"#, "x".repeat(1000)), "{}"] {
        bench.call(&caller, "read", arguments).await;
    }
    bench.check(&["denied,user 2", "limit,user 1"], &["arguments 2", "runner 1"], &["arguments_bytes 1"]);
}

#[tokio::test]
async fn who_is_not_in_force_and_a_hub_that_stops() {
    let bench = bench(|_| answer("hi")).await;
    let (caller, gone) = (bench.caller("everyone"), bench.caller("everyone"));
    bench.hub.0.local.lock().unwrap().remove(&gone.session);
    bench.call(&gone, "read", "{}").await;
    bench.hub.0.draining.store(true, Ordering::Release);
    bench.call(&caller, "read", "{}").await;
    bench.check(&["denied,none 2"], &["draining 1", "not_in_force 1"], &[]);
    assert_eq!(bench.exposed().value("safeclaw_healthy", &[]), Some(0.0));
}

#[tokio::test]
async fn what_cannot_be_recorded() {
    let bench = bench_with(Arc::new(|_| answer("hi")), Fate::default(), Some(Path::new("/dev/full"))).await;
    bench.call(&bench.caller("everyone"), "read", "{}").await;
    bench.check(&["denied,user 1"], &["audit 1"], &[]);
    let exposed = bench.exposed();
    assert_eq!(exposed.value("safeclaw_audit_failures_total", &[]), Some(1.0));
    assert_eq!(exposed.value("safeclaw_audit_records_total", &[]), Some(0.0));
}

#[tokio::test]
async fn limits_and_runners_that_are_lost() {
    let bench = bench(|_| Some(Outcome::Limit(Limit::Cpu, 1000))).await;
    let caller = bench.caller("everyone");
    bench.call(&caller, "read", "{}").await;
    bench.call(&caller, "read", r#"{"a":"die"}"#).await;
    bench.check(&["broken,user 1", "limit,user 1"], &[], &["cpu_ms 1"]);
}

/// The counts of a call that runs when this is done to it.
async fn while_it_runs(done: impl Fn(&Bench, &CancellationToken)) -> Bench {
    let bench = bench(|_| None).await;
    let caller = bench.caller("everyone");
    let ((notes, _listener), cancel) = (mpsc::channel(1), CancellationToken::new());
    let runs = async {
        let idle = || bench.hub.sessions().iter().flat_map(|s| s.runners.clone()).all(|runner| runner.open_calls == 0);
        while idle() {
            tokio::task::yield_now().await;
        }
        assert_eq!(bench.exposed().value("safeclaw_calls_running", &[]), Some(1.0));
        done(&bench, &cancel);
    };
    tokio::join!(bench.hub.call(&caller, "read", "{}".into(), notes, cancel.clone()), runs);
    assert_eq!(bench.exposed().value("safeclaw_calls_running", &[]), Some(0.0));
    bench
}

#[tokio::test]
async fn who_cancels_and_from_whom_it_is_taken() {
    let bench = while_it_runs(|_, cancel| cancel.cancel()).await;
    bench.check(&["cancelled,user 1"], &[], &[]);
    let bench = while_it_runs(|bench, _| assert_eq!(bench.hub.0.flights.withdraw(|_, _| false), 1)).await;
    bench.check(&["denied,user 1"], &["withdrawn 1"], &[]);
}

#[tokio::test]
async fn an_agent_makes_no_label() {
    let bench = bench(|_| answer("hi")).await;
    let caller = bench.caller("everyone");
    bench.call(&caller, "read", "{}").await;
    let before = bench.exposed().samples();
    for n in 0..10_000 {
        bench.call(&caller, &format!("made_up_{n}"), "{}").await;
    }
    let text = bench.hub.metrics().unwrap();
    assert_eq!(Exposition::read(&text).unwrap().samples(), before);
    for secret in ["made_up", "ada", caller.session.0.as_str(), "everyone"] {
        assert!(!text.contains(secret), "{secret}");
    }
    bench.check(&["answered,user 1", "denied,none 10000"], &["unknown_tool 10000"], &[]);
}

/// Real processes that are no runners, through the launcher: one ends at once, one talks nonsense.
#[tokio::test]
async fn a_runners_end_is_counted_by_its_cause() {
    let bench = bench(|_| answer("hi")).await;
    let manifest = manifest([tool("read", Tier::User)]);
    let work = tempfile::tempdir().unwrap();
    let sources = [("work".to_owned().try_into().unwrap(), work.path().to_owned())].into();
    let classes = classes(&manifest, &sources, bench.data.path()).unwrap();
    let class = class_of(manifest.tools.values().next().unwrap());
    for (script, cause) in [("exit 0", "stream_ended"), ("while echo nonsense; do :; done", "violation")] {
        let program = work.path().join(cause);
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
        let (runner, compile) = (program.clone(), program);
        let config = ProcessConfig { runner, compile, hub_key: String::new(), forbidden: Vec::new() };
        let launcher = Launcher::processes(config).unwrap();
        launcher.admit(manifest.digest(), classes.clone()).await.unwrap();
        let starter = Starter::new(launcher, TaskTracker::new(), bench.hub.0.audit.clone());
        assert!(starter.runner(&manifest.digest(), &class).await.is_err());
        let parts = Parts::of(&bench.hub.0.audit, &starter, &bench.hub.0.traces);
        let exposed = Exposition::read(&Metrics::new(&parts).text(Default::default()).unwrap()).unwrap();
        assert_eq!(exposed.counted("safeclaw_runner_ends"), [format!("{cause} 1")]);
    }
}

#[tokio::test]
async fn the_operators_door_has_them() {
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;
    let bench = bench(|_| answer("hi")).await;
    bench.call(&bench.caller("everyone"), "read", "{}").await;
    let request = http::Request::get("/metrics").body(axum::body::Body::empty()).unwrap();
    let response = crate::operator::router(bench.hub.clone()).oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    let kind = response.headers().get("content-type").unwrap().to_str().unwrap().to_owned();
    assert_eq!(kind, "application/openmetrics-text; version=1.0.0; charset=utf-8");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let exposed = Exposition::read(std::str::from_utf8(&body).unwrap()).unwrap();
    let answered = [("outcome", "answered"), ("tier", "user")];
    assert_eq!(exposed.value("safeclaw_calls_total", &answered), Some(1.0));
}
