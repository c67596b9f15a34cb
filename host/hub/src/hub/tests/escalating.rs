//! Escalated calls over the whole hub: what a person allowed runs, once or under its lease, and nothing else does.
#![expect(clippy::panic, reason = "tests")]

mod attacks;
mod kills;
mod outside;
mod taken_back;
mod waiting;

use super::*;
use crate::approvers::{Approver, ApproverName, Need, NotApproved, Presence, SecondFactor};
use crate::escalation::{Answer, ApprovalId, ApprovalView, NotAnswered, Signed};
use manifest::Digest;
use std::sync::atomic::AtomicI64;

/// Another epoch: what was allowed before is not allowed.
fn raise(hub: &Hub) {
    hub.0.epoch.raise(false, |epoch| crate::audit::Decision::Resumed { epoch, by: "test".into() });
}

/// Somebody whose signature is his name and the statement's digest: what a key does is tested where keys are.
pub(super) struct Double;

impl SecondFactor for Double {
    fn check(&self, statement: &[u8], signature: &str, need: Need<'_>) -> Result<Approver, NotApproved> {
        let (name, digest) = signature.split_once(' ').ok_or(NotApproved::BadSignature)?;
        if digest != Digest::of(statement).as_str() {
            return Err(NotApproved::BadSignature);
        }
        if name == need.requester {
            return Err(NotApproved::Requester(ApproverName::try_from(name).unwrap()));
        }
        let name = ApproverName::try_from(name).unwrap();
        Ok(Approver { name, key: "SHA256:test".into(), presence: Presence::Touched })
    }

    fn any_for(&self, _: Need<'_>) -> bool {
        true
    }
}

/// A hub with an approver, `read` for everybody, `edit` of tier admin, `wipe` of tier critical; and its clock.
struct Office {
    bench: Bench,
    clock: Arc<AtomicI64>,
}

fn tools() -> Manifest {
    let escalated = |name, tier| manifest::Tool { runner: RunnerScope::Call, ..tool(name, tier) };
    let marked = manifest::Tool { gate: manifest::Gate::Approval, ..escalated("single", Tier::User) };
    let mut manifest =
        manifest([tool("read", Tier::User), escalated("edit", Tier::Admin), escalated("wipe", Tier::Critical), marked]);
    manifest.tools.values_mut().for_each(|tool| tool.grants.limits.arguments_bytes = 1 << 20);
    manifest.tiers.values_mut().for_each(|rules| rules.concurrent_calls = 8);
    manifest.tiers.values_mut().for_each(|rules| rules.calls_per_hour = 40);
    manifest
}

async fn office_in(
    data: &Path,
    clock: &Arc<AtomicI64>,
    act: impl Fn(&protocol::Call) -> Option<Outcome> + Send + Sync + 'static,
) -> (Hub, Arc<AtomicUsize>) {
    hub_of(data, clock, act, Some(Arc::new(Double))).await
}

/// Without a double: whoever answers does so with a key.
async fn hub_of(
    data: &Path,
    clock: &Arc<AtomicI64>,
    act: impl Fn(&protocol::Call) -> Option<Outcome> + Send + Sync + 'static,
    double: Option<Arc<dyn SecondFactor>>,
) -> (Hub, Arc<AtomicUsize>) {
    let registration = registration(&["read", "edit", "single", "wipe"]);
    let force = InForce::fixed(tools(), Default::default()).including(&registration);
    let (mut inner, starts) = hub_in(data, force, Arc::new(act), Fate::default(), None).await;
    let reads = clock.clone();
    let now = inner.epoch.now();
    let clock = Clock::of(move || jiff::Timestamp::from_second(reads.load(Ordering::SeqCst)).unwrap());
    inner.desk = Desk::open(inner.store.clone(), clock, now).await.unwrap();
    inner.double = double;
    inner.tell().await;
    (Hub(Arc::new(inner)), starts)
}

async fn office(act: impl Fn(&protocol::Call) -> Option<Outcome> + Send + Sync + 'static) -> Office {
    let data = tempfile::tempdir().unwrap();
    let clock = Arc::new(AtomicI64::new(1_800_000_000));
    let (hub, starts) = office_in(data.path(), &clock, act).await;
    Office { bench: Bench { hub, starts, data }, clock }
}

/// Says back what it was called with.
fn echo(call: &protocol::Call) -> Option<Outcome> {
    answer(&format!("{} {}", call.tool, call.arguments))
}

impl std::ops::Deref for Office {
    type Target = Bench;

    fn deref(&self) -> &Bench {
        &self.bench
    }
}

impl Office {
    fn ada(&self) -> Caller {
        self.caller("everyone")
    }

    fn pass(&self, seconds: i64) {
        self.clock.fetch_add(seconds, Ordering::SeqCst);
    }

    async fn end(&self, caller: &Caller, tool: &str, arguments: &str) -> CallEnd {
        end_of(&self.hub, caller, tool, arguments).await
    }

    /// The approval that a call waits for.
    async fn ask(&self, caller: &Caller, tool: &str, arguments: &str) -> ApprovalId {
        let end = self.end(caller, tool, arguments).await;
        waits_for(&end).unwrap_or_else(|| panic!("{end:?}"))
    }

    async fn view(&self, id: &ApprovalId) -> ApprovalView {
        self.hub.approval(id).await.unwrap().unwrap()
    }

    async fn answer(&self, id: &ApprovalId, decision: Answer) -> Result<(), NotAnswered> {
        answered(&self.hub, id, "ana", decision).await
    }

    async fn state(&self, id: &ApprovalId) -> String {
        self.view(id).await.summary.state
    }

    /// What the audit log has of approvals, without ids.
    fn told(&self) -> Vec<String> {
        let events = self.audit().into_iter().filter_map(|line| Some(line["event"].as_str()?.to_owned()));
        events.filter(|event| event.starts_with("approval_")).collect()
    }
}

async fn end_of(hub: &Hub, caller: &Caller, tool: &str, arguments: &str) -> CallEnd {
    let (notes, _listener) = mpsc::channel(1);
    hub.call(caller, tool, arguments.into(), notes, CancellationToken::new()).await
}

fn waits_for(end: &CallEnd) -> Option<ApprovalId> {
    let CallOutcome::Denied { approvable: true, .. } = &end.outcome else { return None };
    ApprovalId::try_from(end.approval.clone()?.id).ok()
}

/// As a person answers who has seen what the hub shows.
async fn answered(hub: &Hub, id: &ApprovalId, who: &str, decision: Answer) -> Result<(), NotAnswered> {
    let statements = hub.approval(id).await.unwrap().unwrap().statements;
    let statement = if decision == Answer::Approve { statements.approve } else { statements.deny };
    let signature = format!("{who} {}", Digest::of(statement.as_bytes()));
    hub.answer(id, Signed { decision, signature, why: None }).await
}

/// The hub's process ends.
async fn leave(hub: Hub) {
    hub.0.audit.close().await;
    hub.0.store.close().await;
}

/// What a call said, or why it did not.
fn words(end: &CallEnd) -> String {
    match &end.outcome {
        CallOutcome::Answer(answer) => match answer.content.first() {
            Some(Content::Text(text)) => text.clone(),
            _ => "an answer".into(),
        },
        CallOutcome::Denied { approvable: true, .. } => "pending".into(),
        CallOutcome::Denied { reason, .. } => reason.clone(),
        CallOutcome::Limit { limit, value, .. } => format!("{limit} = {value}"),
        other => format!("{other:?}"),
    }
}

#[tokio::test]
async fn a_tool_that_the_manifest_puts_behind_an_approval_waits_in_whatever_tier() {
    let office = office(echo).await;
    let ada = office.ada();
    let listed = office.hub.tool(&ada, "single").unwrap();
    assert!(listed.needs_approval && listed.tier == Tier::User);
    let id = office.ask(&ada, "single", "{}").await;
    assert_eq!(office.starts(), 0);
    office.answer(&id, Answer::Approve).await.unwrap();
    for _ in 0..2 {
        assert_eq!(words(&office.end(&ada, "single", "{}").await), "single {}");
    }
    office.pass(301);
    assert_eq!(words(&office.end(&ada, "single", "{}").await), "pending");
    // The red button ends what runs under it, as it ends the others.
    let id = office.ask(&ada, "single", r#"{"a":1}"#).await;
    office.answer(&id, Answer::Approve).await.unwrap();
    raise(&office.hub);
    assert_eq!(words(&office.end(&ada, "single", r#"{"a":1}"#).await), "pending");
}

#[tokio::test]
async fn critical_runs_once_for_each_answer_and_everything_is_written_down() {
    let office = office(echo).await;
    let ada = office.ada();
    let id = office.ask(&ada, "wipe", r#"{"b": 1, "a": "x"}"#).await;
    assert_eq!(office.starts(), 0, "nothing ran");
    assert_eq!(office.ask(&ada, "wipe", r#"{"a":"x","b":1.0}"#).await, id, "one call is one request");
    office.answer(&id, Answer::Approve).await.unwrap();
    // In whatever spelling: what the approver saw is what runs.
    let ran = office.end(&ada, "wipe", r#"{ "b":1e0, "a":"\u0078" }"#).await;
    assert_eq!(words(&ran), r#"wipe {"a":"x","b":1}"#);
    assert_eq!(office.state(&id).await, "executed");
    let again = office.ask(&ada, "wipe", r#"{"a":"x","b":1}"#).await;
    assert_ne!(again, id);
    assert_eq!(office.starts(), 1);
    let wanted =
        ["approval_requested", "approval_granted", "approval_claimed", "approval_executed", "approval_requested"];
    assert_eq!(office.told(), wanted);
    let lines = office.audit();
    let of = |event: &str| lines.iter().position(|line| line["event"] == event).unwrap();
    assert!(of("requested") < of("approval_claimed") && of("approval_claimed") < of("executed"));
    let granted = &lines[of("approval_granted")];
    assert_eq!((&granted["approver"], &granted["key"]), (&"ana".into(), &"SHA256:test".into()));
    assert_eq!(lines[of("approval_claimed")]["call"], lines[of("requested")]["call"]);
    // Whoever gets a copy of the log cannot guess the arguments.
    assert!(lines[of("approval_requested")]["arguments"].as_str().unwrap().starts_with("hmac-sha256:"));
}

#[tokio::test]
async fn admin_runs_under_its_lease_until_its_end_and_no_use_makes_it_longer() {
    let office = office(echo).await;
    let ada = office.ada();
    let id = office.ask(&ada, "edit", "{}").await;
    office.answer(&id, Answer::Approve).await.unwrap();
    assert_eq!(office.hub.leases().len(), 1);
    for seconds in [0, 100, 199] {
        office.pass(seconds);
        assert_eq!(words(&office.end(&ada, "edit", "{}").await), "edit {}");
    }
    assert_eq!((office.hub.leases()[0].calls, office.hub.leases()[0].once), (3, false));
    office.pass(1);
    assert_ne!(office.ask(&ada, "edit", "{}").await, id, "300 s after the answer a person is asked again");
    assert!(office.hub.leases().is_empty());
    assert_eq!(office.starts(), 3, "a container for each call");
}

#[tokio::test]
async fn the_approver_sees_the_call_and_what_is_other_than_the_last_time() {
    let office = office(echo).await;
    let ada = office.ada();
    let first = office.ask(&ada, "wipe", r#"{"path":"/a","all":false}"#).await;
    assert!(office.view(&first).await.changed[0].contains("never allowed"));
    office.answer(&first, Answer::Approve).await.unwrap();
    office.end(&ada, "wipe", r#"{"path":"/a","all":false}"#).await;
    office.pass(60);
    let hostile = "{\"path\":\"/\u{202e}a\\n  \\\"all\\\": false\",\"all\":true,\"x\":\"\\u001b[2J\"}";
    let view = office.view(&office.ask(&ada, "wipe", hostile).await).await;
    assert_eq!(
        view.arguments_shown,
        "{\n  \"all\": true,\n  \"path\": \"/\\u202ea\\n  \\\"all\\\": false\",\n  \"x\": \"\\u001b[2J\"\n}"
    );
    let changed = [
        "the argument \"all\" was false, and is true",
        "the argument \"path\" was \"/a\", and is \"/\\u202ea\\n  \\\"all\\\": false\"",
        "the argument \"x\" is new: \"\\u001b[2J\"",
    ];
    assert_eq!(view.changed, changed);
    assert_eq!(Digest::of(view.arguments.as_bytes()).as_str(), field(&view.statements.approve, "arguments_sha256"));
    assert_eq!(
        (field(&view.statements.approve, "decision"), field(&view.statements.deny, "decision")),
        ("approve".into(), "deny".into())
    );
    assert!(view.grants.iter().any(|grant| grant.contains("mount work")) && view.grants.contains(&"no network".into()));
    assert!(view.notes.iter().any(|note| note.contains("only the arguments are bound")));
    assert!(view.notes.iter().any(|note| note.ends_with("U+202E")));
    assert_eq!(view.component_says, "\"a tool\"");
    let summary = &view.summary;
    assert_eq!((summary.principal.as_str(), summary.session.as_str()), ("ada", ada.session.0.as_str()));
    // Nothing is cut.
    let long = format!(r#"{{"path":"{}"}}"#, "y".repeat(8000));
    let view = office.view(&office.ask(&ada, "wipe", &long).await).await;
    assert!(view.arguments_shown.contains(&"y".repeat(8000)));
}

fn field(statement: &str, name: &str) -> String {
    let statement: serde_json::Value = serde_json::from_str(statement).unwrap();
    statement[name].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn to_wait_uses_up_no_rate() {
    let office = office(echo).await;
    let ada = office.ada();
    let id = office.ask(&ada, "wipe", "{}").await;
    for _ in 0..30 {
        assert_eq!(office.ask(&ada, "wipe", "{}").await, id);
    }
    office.answer(&id, Answer::Approve).await.unwrap();
    assert_eq!(words(&office.end(&ada, "wipe", "{}").await), "wipe {}");
    assert_eq!(office.told().len(), 4);
}
