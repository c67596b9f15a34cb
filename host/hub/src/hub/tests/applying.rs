//! Manifests applied while the hub runs, and hubs killed while they are.

use super::*;
use crate::failpoint;
use crate::manifests::{Agreed, ApplyError, Ledger, Proposal};
use manifest::SourceFile;

/// A manifest of these tools of `demo`, with so many calls an hour. Nothing is granted but to be called.
pub(super) fn proposal(tools: &[&str], calls_per_hour: u32) -> Proposal {
    let mut text = format!(
        r#"name = "test"
[tiers.user]
concurrent_calls = 4
calls_per_hour = {calls_per_hour}
idle = "15min"
[tiers.user.ceiling]
size = "small"
runner = "session"
[tiers.user.ceiling.limits]
memory = "16MiB"
cpu = "2s"
deadline = "10s"
arguments = "1KiB"
result = "1KiB"
log = "1KiB"
handles = 16
[components.demo]
[profiles.everyone]
tiers = ["user"]
"#
    );
    for tool in tools {
        text.push_str(&format!("[tools.{tool}]\ncomponent = \"demo\"\ntier = \"user\"\nreason = \"tests\"\n"));
    }
    let files = vec![SourceFile { name: "test.toml".into(), text }];
    Proposal { files, directory: None, mounts: Default::default(), commit: None, by: "ada".into() }
}

pub(super) fn yes(base: u64) -> Agreed {
    Agreed { base, widen: true, signed: None }
}

/// A hub of versions in a directory that may have had one before.
pub(super) async fn hub_of(
    data: &Path,
    act: impl Fn(&protocol::Call) -> Option<Outcome> + Send + Sync + 'static,
) -> Hub {
    let registration = registration(&["read", "edit", "single", "wipe"]);
    let force = InForce::nothing("nothing was applied".into()).including(&registration);
    let (mut inner, _) = hub_in(data, force, Arc::new(act), Fate::default(), None).await;
    let shelf = &inner.registrar.shelf;
    shelf.store_artefact(&registration.artefact, b"artefact".to_vec()).await.unwrap().keep();
    shelf.store(&registration, Arc::new(b"wasm".to_vec())).await.unwrap();
    inner.ledger = Some(Ledger::new(inner.store.clone(), &[9; 32], data));
    let ledger = inner.ledger.as_ref().unwrap();
    if let Some(version) = ledger.last().await.unwrap() {
        let manifest = manifest::read(&version.content.files).unwrap().manifest;
        let force = InForce::version(Some(version.number), &version.content, manifest).including(&registration);
        inner.force = ArcSwap::from_pointee(force);
    }
    inner.tell().await;
    Hub(Arc::new(inner))
}

fn caller(hub: &Hub) -> Caller {
    hub.local_caller("ada", &ProfileName::try_from("everyone").unwrap()).unwrap()
}

async fn call(hub: &Hub, caller: &Caller, tool: &str) -> CallOutcome {
    let (notes, _listener) = mpsc::channel(1);
    hub.call(caller, tool, "{}".into(), notes, CancellationToken::new()).await.outcome
}

fn said(outcome: &CallOutcome) -> &str {
    match outcome {
        CallOutcome::Answer(_) => "answer",
        CallOutcome::UnknownTool => "unknown",
        CallOutcome::Denied { reason, .. } => reason,
        CallOutcome::Limit { limit, .. } => limit,
        CallOutcome::Broken { .. } => "broken",
        CallOutcome::Cancelled => "cancelled",
    }
}

#[tokio::test]
async fn nothing_is_allowed_before_a_manifest_is_applied_and_everything_of_it_after() {
    let dir = tempfile::tempdir().unwrap();
    let hub = hub_of(dir.path(), |_| answer("hi")).await;
    assert!(hub.local_caller("ada", &ProfileName::try_from("everyone").unwrap()).is_err());
    assert!(!hub.health().ok && hub.health().problems.concat().contains("nothing was applied"));
    let told = hub.changes();
    let first = hub.plan(proposal(&["read"], 10)).unwrap();
    assert!(first.base == 0 && first.widens && first.changes.iter().any(|c| c.text.contains("read")), "{first:?}");
    let refused = hub.apply(proposal(&["read"], 10), Agreed { base: 0, widen: false, signed: None }).await.unwrap_err();
    assert!(matches!(refused, ApplyError::Widens(0)), "{refused}");
    assert_eq!(hub.apply(proposal(&["read"], 10), yes(0)).await.unwrap().version, 1);
    assert!(told.has_changed().unwrap(), "clients are told");
    let caller = caller(&hub);
    let listed = |hub: &Hub| hub.tools(&caller).into_iter().map(|t| t.description.name).collect::<Vec<_>>();
    assert_eq!(listed(&hub), ["read"]);
    assert_eq!(said(&call(&hub, &caller, "read").await), "answer");
    hub.apply(proposal(&["edit"], 10), yes(1)).await.unwrap();
    assert_eq!(listed(&hub), ["edit"]);
    assert_eq!(said(&call(&hub, &caller, "read").await), "unknown");
    assert_eq!(said(&call(&hub, &caller, "edit").await), "answer");
}

#[tokio::test]
async fn a_mount_beside_the_audit_log_is_warned_of_as_soon_as_it_may_be_written_and_no_longer() {
    let (dir, beside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let hub = hub_of(dir.path(), |_| answer("hi")).await;
    hub.apply(proposal(&["read"], 10), yes(0)).await.unwrap();
    assert_eq!(hub.health().warnings, Vec::<String>::new());
    let mut writes = proposal(&["read"], 10);
    let text = &mut writes.files.first_mut().unwrap().text;
    let grant = "fs = [{ mount = \"scratch\", access = \"write\" }]\n";
    // Of the lowest tier nothing can be written.
    *text = text.replace("user", "write").replace("ceiling]\n", &format!("ceiling]\n{grant}"));
    text.push_str(grant);
    text.push_str("[mounts.scratch]\npath = \"/scratch\"\nreason = \"tests\"\n");
    writes.mounts = [(manifest::MountName::try_from("scratch").unwrap(), beside.path().to_owned())].into();
    hub.apply(writes, yes(1)).await.unwrap();
    assert!(hub.health().warnings.concat().contains("mount `scratch`"), "{:?}", hub.health().warnings);
    hub.apply(proposal(&["read"], 10), yes(2)).await.unwrap();
    assert_eq!(hub.health().warnings, Vec::<String>::new());
}

#[tokio::test]
async fn what_only_narrows_needs_no_agreement_and_the_same_again_is_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let hub = hub_of(dir.path(), |_| answer("hi")).await;
    hub.apply(proposal(&["read", "edit"], 10), yes(0)).await.unwrap();
    let narrow = Agreed { base: 1, widen: false, signed: None };
    hub.apply(proposal(&["read"], 5), narrow).await.unwrap();
    let again = hub.apply(proposal(&["read"], 5), yes(2)).await.unwrap_err();
    assert!(matches!(again, ApplyError::Nothing(2)), "{again}");
    let wrong = Proposal { files: vec![], ..proposal(&[], 1) };
    assert!(matches!(hub.apply(wrong, yes(2)).await, Err(ApplyError::Manifest(_))));
    let broken = SourceFile { name: "x.toml".into(), text: "[tiers.everything]".into() };
    assert!(matches!(hub.plan(Proposal { files: vec![broken], ..proposal(&[], 1) }), Err(ApplyError::Manifest(_))));
    assert_eq!(hub.health().manifest_version, Some(2));
}

#[tokio::test]
async fn of_two_at_once_one_wins_and_the_other_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let hub = hub_of(dir.path(), |_| answer("hi")).await;
    hub.apply(proposal(&["read"], 10), yes(0)).await.unwrap();
    for base in 1..=10 {
        let (one, other) = tokio::join!(
            hub.apply(proposal(&["read"], 20 + u32::try_from(base).unwrap()), yes(base)),
            hub.apply(proposal(&["edit"], 20 + u32::try_from(base).unwrap()), yes(base)),
        );
        let lost = [one, other].into_iter().filter_map(Result::err).collect::<Vec<_>>();
        let [ApplyError::Outpaced { base: b, last }] = lost.as_slice() else { unreachable!("{lost:?}") };
        assert_eq!((*b, *last), (base, base + 1));
    }
    // Another process of the same operator, whose store says nothing to this one.
    let other = Store::open(&Location::within(dir.path())).await.unwrap();
    let elsewhere = Ledger::new(other, &[9; 32], dir.path());
    let last = elsewhere.last().await.unwrap().unwrap();
    let mut content = last.content.clone();
    content.by = "somebody else".into();
    let decision = crate::audit::Decision::TokenRevoked { jti: "x".into(), principal: "y".into() };
    elsewhere.enter(last.number, content, |_| decision).await.unwrap();
    let late = hub.apply(proposal(&["read"], 99), yes(last.number)).await;
    // It goes on from what the store has by then: nothing is written over.
    assert_eq!(late.unwrap().version, last.number + 2);
}

#[tokio::test]
async fn a_call_in_flight_ends_when_its_tool_loses_something_and_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let hub = hub_of(dir.path(), |_| None).await;
    hub.apply(proposal(&["read", "edit"], 10), yes(0)).await.unwrap();
    let caller = caller(&hub);
    let cancel = CancellationToken::new();
    let (notes, _listener) = mpsc::channel(1);
    let (losing, keeping, ()) = tokio::join!(
        call(&hub, &caller, "read"),
        hub.call(&caller, "edit", "{}".into(), notes, cancel.clone()),
        async {
            while hub.sessions().first().is_none_or(|s| s.open_calls < 2 || s.runners.is_empty()) {
                tokio::task::yield_now().await;
            }
            // Both are in their runner by now, or will be told before they are.
            let wider = hub.apply(proposal(&["read", "edit", "single"], 20), yes(1)).await.unwrap();
            assert_eq!(wider.broken_off, 0);
            let narrower = hub.apply(proposal(&["edit", "single"], 20), yes(2)).await.unwrap();
            assert_eq!(narrower.broken_off, 1);
            tokio::time::sleep(Duration::from_millis(50)).await;
            cancel.cancel();
        }
    );
    assert_eq!(said(&losing), "what it was granted was taken back while it ran");
    assert_eq!(said(&keeping.outcome), "cancelled", "by its caller, and not before");
    let log = std::fs::read_to_string(dir.path().join("audit.jsonl")).unwrap();
    assert!(log.contains("a new manifest took something from it"), "{log}");
}

#[tokio::test]
async fn a_runner_of_an_older_version_takes_no_call_of_a_newer_one() {
    let dir = tempfile::tempdir().unwrap();
    let hub = hub_of(dir.path(), |_| answer("hi")).await;
    hub.apply(proposal(&["read", "edit"], 10), yes(0)).await.unwrap();
    let caller = caller(&hub);
    let runner = |hub: &Hub| hub.sessions()[0].runners[0].age_s;
    call(&hub, &caller, "read").await;
    let ticket = || hub.0.sessions.enter(&caller).unwrap();
    let before = format!("{:p}", std::sync::Arc::as_ptr(&ticket()));
    hub.apply(proposal(&["read"], 10), yes(1)).await.unwrap();
    hub.0.sessions.sweep(Instant::now(), &hub.0.force.load());
    assert!(hub.sessions()[0].runners.is_empty(), "it had a ticket of version 1");
    assert_eq!(said(&call(&hub, &caller, "read").await), "answer");
    assert_eq!(before, format!("{:p}", std::sync::Arc::as_ptr(&ticket())), "the session goes on");
    assert_eq!(runner(&hub), 0);
}

#[tokio::test]
async fn going_back_is_a_new_version_with_the_old_ones_content() {
    let dir = tempfile::tempdir().unwrap();
    let hub = hub_of(dir.path(), |_| answer("hi")).await;
    hub.apply(proposal(&["read"], 10), yes(0)).await.unwrap();
    hub.apply(proposal(&["edit"], 20), yes(1)).await.unwrap();
    let plan = hub.plan_rollback(1).await.unwrap();
    assert!(plan.base == 2 && plan.changes.iter().any(|c| c.text.contains("10")), "{plan:?}");
    let back = hub.roll_back(1, "bob", yes(2)).await.unwrap();
    assert_eq!(back.version, 3);
    let versions = hub.versions().await.unwrap();
    let told: Vec<_> = versions.iter().map(|v| (v.version, v.of, v.by.as_str())).collect();
    assert_eq!(told, [(3, Some(1), "bob"), (2, None, "ada"), (1, None, "ada")]);
    assert_eq!(versions[0].digest, versions[2].digest);
    assert_eq!(hub.version(3).await.unwrap().files, hub.version(1).await.unwrap().files);
    assert!(hub.compare(1, 3).await.unwrap().is_empty() && !hub.compare(1, 2).await.unwrap().is_empty());
    let none = hub.roll_back(7, "bob", yes(3)).await.unwrap_err();
    assert!(none.to_string().contains("cannot be used") && format!("{none:?}").contains("Missing(7)"));
    assert_eq!(said(&call(&hub, &caller(&hub), "read").await), "answer");
    let log = std::fs::read_to_string(dir.path().join("audit.jsonl")).unwrap();
    assert_eq!(log.matches("manifest_applied").count(), 2);
    assert!(log.contains(r#""event":"manifest_rolled_back","version":3,"of":1"#), "{log}");
}

#[tokio::test]
async fn a_component_that_is_added_is_part_of_the_next_version() {
    let dir = tempfile::tempdir().unwrap();
    let hub = hub_of(dir.path(), |_| answer("hi")).await;
    hub.apply(proposal(&["read"], 10), yes(0)).await.unwrap();
    let registration = registration(&["read"]);
    let other = Registration { component: manifest::Digest::of(b"another file"), ..registration.clone() };
    // Whoever exchanges what is registered, without the operator's door, exchanges nothing.
    hub.0.force.rcu(|force| force.including(&other));
    assert!(hub.tools(&caller(&hub)).is_empty());
    assert!(hub.health().problems.concat().contains("was applied with"), "{:?}", hub.health().problems);
    let ledger = hub.0.ledger.as_ref().unwrap();
    let before = hub.0.force.load_full();
    hub.0.lock_in(ledger, 1, &before, &other).await.unwrap();
    assert_eq!(hub.health().manifest_version, Some(2));
    assert_eq!(hub.tools(&caller(&hub)).len(), 1);
    let changes = hub.compare(1, 2).await.unwrap();
    assert!(changes.len() == 1 && changes[0].widens && changes[0].text.contains("demo"), "{changes:?}");
}

#[tokio::test]
async fn a_version_after_a_lost_store_has_its_own_number_in_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let hub = hub_of(dir.path(), |_| answer("hi")).await;
    hub.apply(proposal(&["read"], 10), yes(0)).await.unwrap();
    hub.apply(proposal(&["read"], 11), yes(1)).await.unwrap();
    let ledger = hub.0.ledger.as_ref().unwrap();
    sqlx::query("DELETE FROM manifests").execute(hub.0.store.pool()).await.unwrap();
    let content = crate::manifests::Content { by: "bob".into(), ..check_content() };
    let entered = crate::manifests::agreed::enter(ledger, content, true, None).await.unwrap();
    hub.0.tell().await;
    assert_eq!(entered.number, 3);
    let log = std::fs::read_to_string(dir.path().join("audit.jsonl")).unwrap();
    assert_eq!(log.matches(r#""event":"manifest_applied","version":3,"#).count(), 1, "{log}");
    assert_eq!(log.matches(r#""event":"manifest_applied","version":1,"#).count(), 1, "{log}");
}

fn check_content() -> crate::manifests::Content {
    let nothing = InForce::nothing(String::new());
    crate::manifests::check(proposal(&["edit"], 10), &nothing).unwrap().content
}

const CHILD: &str = "hub::tests::applying::applies_and_goes_back";
const ROUNDS: u64 = 8;

#[tokio::test]
#[ignore = "the child of the test below, which kills it"]
async fn applies_and_goes_back() {
    let Some(data) = failpoint::child() else { return };
    let hub = hub_of(data, |_| answer("hi")).await;
    for round in 1..=ROUNDS {
        let base = hub.health().manifest_version.unwrap_or(0);
        let applied = if round % 4 == 0 {
            hub.roll_back(base - 1, "ada", yes(base)).await
        } else {
            hub.apply(proposal(&["read"], 10 + u32::try_from(round).unwrap()), yes(base)).await
        };
        failpoint::answered(&applied.unwrap().version.to_string());
    }
}

/// Killed at every step of every apply: what was answered is in force after the next start, whole, and in the log.
#[tokio::test]
async fn no_version_that_was_answered_is_lost_when_the_hub_is_killed() {
    let fresh = || tempfile::tempdir().unwrap();
    let steps: Vec<_> = failpoint::run(CHILD, fresh().path()).into_iter().collect();
    let mut kills = 0;
    for (step, times) in steps.iter().filter(|(step, _)| step.starts_with("apply.") || step.starts_with("outbox.")) {
        for nth in 1..=*times {
            let data = fresh();
            let answered = failpoint::killed(CHILD, data.path(), step, nth).unwrap();
            kills += 1;
            let last_answered = answered.last().map_or(0, |line| line.parse::<u64>().unwrap());
            let hub = hub_of(data.path(), |_| answer("hi")).await;
            let in_force = hub.health().manifest_version.unwrap_or(0);
            // The one that was under way is whole or not there.
            assert!((last_answered..=last_answered + 1).contains(&in_force), "{step}:{nth} {last_answered} {in_force}");
            let log = std::fs::read_to_string(data.path().join("audit.jsonl")).unwrap();
            for version in 1..=in_force {
                assert!(log.contains(&format!(r#""version":{version},"#)), "{step}:{nth}: version {version} is told");
            }
            assert!(hub.0.store.untold().await.unwrap().is_empty());
            assert!(hub.versions().await.unwrap().iter().all(|version| version.unverified.is_none()));
            // And it goes on.
            let next = hub.apply(proposal(&["read"], 1000), yes(in_force)).await.unwrap();
            assert_eq!(next.version, in_force + 1);
        }
    }
    println!("{kills} kills survived, no answered version lost");
    assert!(kills >= 60, "{kills}");
}
