//! What a session may use, on the path of a call: rates, budgets and pauses.

use super::*;
use crate::usage::keeping::Standing;
use manifest::{Budget, LoopAfter, TierRules};

/// A hub whose tiers have these rules.
async fn bench_under(change: impl Fn(&mut TierRules), act: Act) -> Bench {
    let mut manifest = manifest([tool("read", Tier::User), tool("edit", Tier::Write)]);
    manifest.tiers.values_mut().for_each(change);
    bench_of(manifest, act, Fate::default(), None).await
}

/// The answer is the arguments.
fn echo() -> Act {
    Arc::new(|call: &protocol::Call| match call.arguments.as_str() {
        r#"{"a":"no"}"# => Some(Outcome::Denied("/a: is no number".into())),
        r#"{"a":"cpu"}"# => Some(Outcome::Limit(protocol::Limit::Cpu, 1000)),
        arguments => answer(arguments),
    })
}

fn loops(rules: &mut TierRules) {
    rules.loop_after = LoopAfter::Calls(3);
    rules.calls_per_hour = 100;
}

fn text_of(outcome: &CallOutcome) -> String {
    match outcome {
        CallOutcome::Limit { text, .. } => text.clone(),
        CallOutcome::Denied { reason, .. } => reason.clone(),
        other => format!("{other:?}"),
    }
}

impl Bench {
    async fn pass(&self, time: Duration) {
        tokio::time::pause();
        tokio::time::advance(time).await;
        tokio::time::resume();
    }

    fn denial(&self) -> String {
        self.last()["reason"].as_str().unwrap_or_default().to_owned()
    }

    fn events(&self, name: &str) -> Vec<serde_json::Value> {
        self.audit().into_iter().filter(|line| line["event"] == name).collect()
    }
}

#[tokio::test]
async fn who_has_called_too_often_learns_when_to_try_again() {
    let bench = bench_under(|rules| rules.calls_per_hour = 2, echo()).await;
    let caller = bench.caller("everyone");
    for _ in 0..2 {
        assert!(matches!(bench.call(&caller, "read", "{}").await, CallOutcome::Answer(_)));
    }
    bench.pass(Duration::from_secs(3000)).await;
    let refused = bench.call(&caller, "read", "{}").await;
    assert_eq!(limit_of(&refused), ("calls_per_hour", 2));
    let text = text_of(&refused);
    let seconds: u64 = text
        .strip_prefix("the call hit its limit calls_per_hour = 2; try again in ")
        .unwrap()
        .trim_end_matches(" s")
        .parse()
        .unwrap();
    assert!((1..=600).contains(&seconds), "{text}");
    assert!(
        bench.denial().starts_with("calls_per_hour = 2 in [tiers.user]; there is room again in "),
        "{}",
        bench.denial()
    );
    bench.pass(Duration::from_secs(seconds)).await;
    assert!(matches!(bench.call(&caller, "read", "{}").await, CallOutcome::Answer(_)));
}

#[tokio::test]
async fn more_sessions_are_no_more_calls() {
    let bench = bench_under(|rules| rules.principal_calls_per_hour = 12, echo()).await;
    let sessions: Vec<_> = (0..4).map(|_| bench.caller("everyone")).collect();
    let mut answered = 0;
    for caller in &sessions {
        for _ in 0..5 {
            answered += usize::from(matches!(bench.call(caller, "read", "{}").await, CallOutcome::Answer(_)));
        }
    }
    assert_eq!(answered, 12);
    let refused = bench.call(&sessions[3], "read", "{}").await;
    assert_eq!(limit_of(&refused), ("principal_calls_per_hour", 12));
    // To end a session and begin another is no way out.
    bench.hub.end_session(&sessions[0].session).await;
    assert_eq!(limit_of(&bench.call(&sessions[0], "read", "{}").await), ("principal_calls_per_hour", 12));
    let bob = bench.hub.local_caller("bob", &ProfileName::try_from("everyone").unwrap()).unwrap();
    assert!(matches!(bench.call(&bob, "read", "{}").await, CallOutcome::Answer(_)));
}

#[tokio::test]
async fn a_session_that_is_ended_or_forgotten_goes_on_counting() {
    let bench =
        bench_under(|rules| rules.budget = Budget { calls: Some(2), wall_s: None, egress_bytes: None }, echo()).await;
    let caller = bench.caller("everyone");
    bench.call(&caller, "read", "{}").await;
    bench.hub.end_session(&caller.session).await;
    bench.call(&caller, "read", "{}").await;
    bench.pass(Duration::from_secs(2 * 3600)).await;
    for _ in 0..2 {
        bench.hub.0.sessions.sweep(Instant::now(), &bench.hub.0.force.load());
    }
    assert!(bench.hub.sessions().is_empty());
    let refused = bench.call(&caller, "read", "{}").await;
    assert_eq!(limit_of(&refused), ("budget_calls", 2));
    assert!(text_of(&refused).ends_with("this does not come back by waiting: ask the operator"));
    assert!(bench.denial().starts_with("calls = 2 in [tiers.user.budget] is used up"), "{}", bench.denial());
    assert!(matches!(bench.call(&caller, "edit", "{}").await, CallOutcome::Answer(_)));
}

#[tokio::test]
async fn the_hubs_own_clock_is_what_a_budget_is_spent_by() {
    let change = |rules: &mut TierRules| rules.budget = Budget { calls: None, wall_s: Some(60), egress_bytes: None };
    let bench = bench_under(change, Arc::new(|_| None)).await;
    let caller = bench.caller("everyone");
    // The runner says nothing at all; a minute passes until the call is given up.
    let (notes, _listener) = mpsc::channel(1);
    let cancel = CancellationToken::new();
    let runs = async {
        while bench.hub.sessions().iter().flat_map(|s| s.runners.clone()).all(|runner| runner.open_calls == 0) {
            tokio::task::yield_now().await;
        }
        bench.pass(Duration::from_secs(61)).await;
        cancel.cancel();
    };
    let call = bench.hub.call(&caller, "read", "{}".into(), notes, cancel.clone());
    tokio::join!(call, runs);
    let refused = bench.call(&caller, "read", "{}").await;
    assert_eq!(limit_of(&refused), ("budget_wall_s", 60));
}

#[tokio::test]
async fn a_session_that_repeats_itself_waits_for_an_operator() {
    let bench = bench_under(loops, echo()).await;
    let (caller, other) = (bench.caller("everyone"), bench.caller("everyone"));
    for arguments in ["{}", "{}", r#"{"a":1}"#, "{}", "{}", r#"{"a":"no"}"#, "{}"] {
        bench.call(&caller, "edit", arguments).await;
    }
    let refused = bench.call(&caller, "edit", r#"{"a":2}"#).await;
    let session = caller.session.clone();
    let text = format!(
        "paused after 3 identical calls with identical results; an operator can resume it: safeclaw sessions resume {session}"
    );
    assert_eq!(refused, CallOutcome::Denied { reason: text.clone(), approvable: false });
    assert_eq!(bench.denial(), text);
    // Reading goes on, and so does everybody else.
    for (who, name) in [(&caller, "read"), (&other, "edit")] {
        assert!(matches!(bench.call(who, name, "{}").await, CallOutcome::Answer(_)));
    }
    let paused = bench.events("session_paused");
    assert_eq!(paused.len(), 1);
    assert_eq!((&paused[0]["session"], &paused[0]["tier"]), (&session.0.clone().into(), &"write".into()));
    assert_eq!((&paused[0]["tool"], &paused[0]["calls"]), (&"edit".into(), &3.into()));
    let view = |id: &SessionId| bench.hub.sessions().into_iter().find(|view| view.id == *id).unwrap().paused;
    assert_eq!((view(&session), view(&other.session)), (vec![Tier::Write], vec![]));
    let health = bench.hub.health();
    assert!(health.ok && health.warnings.iter().any(|line| line.contains(&format!("resume {session}`"))), "{health:?}");
    // Ending it is no way out, and neither is another manifest that would not have stopped it.
    bench.hub.end_session(&session).await;
    assert_eq!(text_of(&bench.call(&caller, "edit", "{}").await), text);
    bench.hub.0.force.rcu(|force| {
        let mut manifest = Manifest::clone(&force.manifest);
        manifest.tiers.values_mut().for_each(|rules| rules.loop_after = LoopAfter::Never);
        InForce { manifest: Arc::new(manifest), ..InForce::clone(force) }
    });
    assert_eq!(text_of(&bench.call(&caller, "edit", "{}").await), text);

    assert_eq!(bench.hub.resume_session(&session, "user 0").await.unwrap(), [Tier::Write]);
    assert!(matches!(bench.call(&caller, "edit", "{}").await, CallOutcome::Answer(_)));
    let resumed = bench.events("session_resumed");
    assert_eq!(
        (resumed.len(), &resumed[0]["session"], &resumed[0]["by"]),
        (1, &session.0.clone().into(), &"user 0".into())
    );
    assert!(matches!(bench.hub.resume_session(&session, "user 0").await, Err(ResumeError::NotPaused(_))));
    assert!(bench.hub.health().warnings.is_empty() && view(&session).is_empty());
}

#[tokio::test]
async fn failures_limits_and_lost_runners_repeat_themselves_too() {
    for arguments in [r#"{"a":"cpu"}"#, r#"{"a":"die"}"#] {
        let bench = bench_under(loops, echo()).await;
        let caller = bench.caller("everyone");
        for _ in 0..3 {
            bench.call(&caller, "edit", arguments).await;
        }
        assert!(text_of(&bench.call(&caller, "edit", "{}").await).starts_with("paused after 3"), "{arguments}");
    }
}

#[tokio::test]
async fn what_was_denied_or_answered_otherwise_pauses_nobody() {
    let count = AtomicUsize::new(0);
    let act: Act = Arc::new(move |call: &protocol::Call| match call.arguments.as_str() {
        "{}" => answer(&count.fetch_add(1, Ordering::SeqCst).to_string()),
        _ => Some(Outcome::Denied("/a: is no number".into())),
    });
    let bench = bench_under(loops, act).await;
    let caller = bench.caller("everyone");
    for arguments in ["{}", r#"{"a":1}"#] {
        for _ in 0..12 {
            bench.call(&caller, "edit", arguments).await;
        }
    }
    assert!(matches!(bench.call(&caller, "edit", "{}").await, CallOutcome::Answer(_)));
    assert!(bench.events("session_paused").is_empty());
}

#[tokio::test]
async fn only_the_operator_resumes() {
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;
    let bench = bench_under(loops, echo()).await;
    let caller = bench.caller("everyone");
    for _ in 0..3 {
        bench.call(&caller, "edit", "{}").await;
    }
    let ask = async |path: String| {
        let request = ::http::Request::post(path).body(axum::body::Body::empty()).unwrap();
        let response = crate::operator::router(bench.hub.clone()).oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        (status, String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().into()).unwrap())
    };
    let path = format!("/sessions/{}/resume", caller.session);
    assert_eq!(ask("/sessions/nobody/resume".into()).await.0, 404);
    assert_eq!(ask(path.clone()).await, (200, r#"["write"]"#.into()));
    assert_eq!(ask(path).await.0, 404);
    let route = crate::operator::routes().into_iter().find(|route| route.path.ends_with("/resume")).unwrap();
    assert_eq!(route.who, crate::operator::Who::Operator);
    assert!(bench.audit().iter().any(|line| line["event"] == "operator_acted"));
}

/// A hub on the directory of one that is gone.
async fn again(data: &Path) -> Hub {
    let mut manifest = manifest([tool("read", Tier::User), tool("edit", Tier::Write)]);
    manifest.tiers.values_mut().for_each(loops);
    for rules in manifest.tiers.values_mut() {
        (rules.calls_per_hour, rules.budget) = (6, Budget { calls: Some(8), wall_s: None, egress_bytes: None });
    }
    let force = InForce::fixed(manifest, Default::default()).including(&registration(&["read", "edit"]));
    let (mut inner, _) = hub_in(data, force, echo(), Fate::default(), None).await;
    inner.usage = Usage::load(&inner.store).await.unwrap();
    Hub(Arc::new(inner))
}

#[tokio::test]
async fn a_restart_gives_nothing_back() {
    let data = tempfile::tempdir().unwrap();
    let everyone = ProfileName::try_from("everyone").unwrap();
    let mut token = None;
    let mut ends = Vec::new();
    for n in 0..9 {
        let hub = again(data.path()).await;
        let token = token.get_or_insert_with(|| crate::tokens::create(data.path(), "ada", &everyone, None).unwrap());
        let caller = hub.authenticate(token).unwrap();
        for (tool, arguments) in [("read", format!(r#"{{"a":{n}}}"#)), ("edit", "{}".to_owned())] {
            let (notes, _listener) = mpsc::channel(1);
            let end = hub.call(&caller, tool, arguments, notes, CancellationToken::new()).await;
            ends.push(match &end.outcome {
                CallOutcome::Answer(_) => "answered".to_owned(),
                other => text_of(other).split([';', ' ']).take(2).collect::<Vec<_>>().join(" "),
            });
        }
        let standing = |_: &SessionId| Standing::InForce;
        hub.0.usage.keep(&hub.0.store, standing).await.unwrap();
        hub.drain(Duration::ZERO).await;
        hub.0.store.close().await;
    }
    let of = |tool: usize| ends.iter().skip(tool).step_by(2).map(String::as_str).collect::<Vec<_>>();
    // Six an hour; and three times the same.
    assert_eq!(of(0), [["answered"; 3].as_slice(), &["answered"; 3], &["the call"; 3]].concat());
    assert_eq!(of(1), [["answered"; 3].as_slice(), &["paused after"; 6]].concat());
}
