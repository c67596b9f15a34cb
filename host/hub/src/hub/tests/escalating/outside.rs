//! What a call asks of the outside, as the governor sees it: what holds is looked at for each request, a person's answer
//! is for one request and for one time, and a session that has read from outside is told from one that has not.

use super::*;
use crate::egress::{Ground, Line};
use crate::session::Session;
use crate::usage::Share;
use ::egress::{Approval, Described, Egress, Ended, Governor, Refused};
use manifest::http::{HostPattern, HttpGrant, Method, PathPattern, PathRecord, Scheme, Target};
use protocol::HttpFault;

fn grant() -> HttpGrant {
    HttpGrant {
        scheme: Scheme::Https,
        host: HostPattern::try_from("api.test".to_owned()).unwrap(),
        port: 443,
        methods: [Method::Get, Method::Delete].into(),
        paths: [PathPattern::try_from("/**".to_owned()).unwrap()].into(),
        request_bytes: 1 << 20,
        response_bytes: 1 << 20,
        first_byte_ms: 1000,
        total_ms: 1000,
        per_call: 10,
        per_minute: 10,
        concurrent: 2,
        content_types: None,
        credential: None,
        redirects: 0,
        private: BTreeSet::new(),
        approve: [Method::Delete].into(),
        record: PathRecord::Digest,
    }
}

/// `read` may ask for something outside.
fn outward(change: impl FnOnce(&mut Manifest)) -> InForce {
    let mut manifest = tools();
    manifest.tools.values_mut().filter(|tool| tool.name.as_str() == "read").for_each(|tool| {
        tool.grants.http = vec![grant()];
    });
    change(&mut manifest);
    InForce::fixed(manifest, Default::default()).including(&registration(&["read", "edit", "single", "wipe"]))
}

async fn outward_office(change: impl FnOnce(&mut Manifest)) -> Office {
    let office = office(echo).await;
    office.hub.0.force.store(Arc::new(outward(change)));
    office
}

fn share(office: &Office, caller: &Caller) -> Share {
    let force = office.hub.0.force.load();
    office.hub.0.usage.pass(caller, &force.manifest.tiers[&Tier::User]).unwrap()
}

/// The line of a call of `read` with these arguments.
fn line(office: &Office, caller: &Caller, arguments: &str) -> (Line, Arc<Session>) {
    let inner = office.hub.0.clone();
    let force = inner.force.load_full();
    let session = inner.sessions.enter(caller).unwrap();
    let ground = Ground {
        call: uuid::Uuid::new_v4(),
        caller: caller.clone(),
        offer: force.catalogue.offers[&manifest::ToolName::try_from("read").unwrap()].clone(),
        session: session.clone(),
        flight: Arc::new(inner.flights.begin(&caller.profile, "read", &CancellationToken::new())),
        share: share(office, caller),
        epoch: inner.epoch.now(),
        force,
        elevated: false,
        arguments: arguments.into(),
        lease: None,
    };
    (Line::new(inner, ground), session)
}

fn request(method: Method, url: &str) -> Described {
    let body_sha256 = None;
    Described { method, target: Target::parse(url).unwrap(), credential: None, body_sha256 }
}

fn delete() -> Described {
    request(Method::Delete, "https://api.test/1?x=2")
}

fn happened(ended: Ended) -> Egress {
    Egress {
        request: 3,
        began: jiff::Timestamp::UNIX_EPOCH,
        method: "GET".into(),
        origin: "https://api.test".into(),
        path: "/salaries?of=ada".into(),
        record: PathRecord::Digest,
        address: None,
        credential: None,
        hop: 0,
        ended,
        sent: 1,
        received: 2,
        wall_us: 3,
    }
}

fn why(refused: Result<::egress::Standing, Refused>) -> String {
    refused.map_or_else(|refused| refused.operator, |standing| format!("{} grants", standing.grants.len()))
}

#[tokio::test]
async fn what_holds_is_looked_at_for_each_request() {
    let office = outward_office(|_| {}).await;
    let ada = office.ada();
    let (line, session) = line(&office, &ada, "{}");
    assert_eq!(why(line.standing()), "1 grants");
    // Another manifest is in force: what it grants counts, whatever the call began under.
    let nothing = |m: &mut Manifest| m.tools.values_mut().for_each(|tool| tool.grants.http.clear());
    office.hub.0.force.store(Arc::new(outward(nothing)));
    assert_eq!(why(line.standing()), "0 grants");
    office.hub.0.force.store(Arc::new(outward(|m| m.tools.clear())));
    assert!(why(line.standing()).contains("[tools.read]"));
    office.hub.0.force.store(Arc::new(outward(|_| {})));
    // Raised, and not in a panic: a call that nobody had to allow goes on.
    raise(&office.hub);
    assert_eq!(why(line.standing()), "1 grants");
    session.ended.cancel();
    assert_eq!(why(line.standing()), "its call is over");
    let (line, _session) = self::line(&office, &ada, "{}");
    office.hub.0.epoch.raise(true, |epoch| crate::audit::Decision::Resumed { epoch, by: "test".into() });
    assert_eq!(why(line.standing()), "the red button was pressed");
}

#[tokio::test]
async fn an_approved_request_is_made_once_and_no_other_one_is() {
    let office = outward_office(|_| {}).await;
    let ada = office.ada();
    let (first, _) = line(&office, &ada, r#"{"n":1}"#);
    assert_eq!(first.approval(&delete()).await, Approval::Wanted);
    let stopped = first.stopped().await;
    assert!(
        matches!(&stopped.outcome, CallOutcome::Denied { approvable: true, reason } if reason.contains("DELETE https://api.test"))
    );
    // From then on the call asks for nothing.
    assert!(why(first.standing()).contains("waits for a person"));
    let id = ApprovalId::try_from(stopped.approval.unwrap().id).unwrap();
    let view = office.view(&id).await;
    assert_eq!(view.request.as_ref().unwrap().url, "https://api.test/1?x=2");
    assert!(view.notes[0].contains("one request, once"), "{:?}", view.notes);
    office.answer(&id, Answer::Approve).await.unwrap();
    // Any other one is another question: another place, method, body, credential, call or caller.
    let with = |change: fn(&mut Described)| {
        let mut other = delete();
        change(&mut other);
        other
    };
    let others = [
        request(Method::Delete, "https://api.test/2?x=2"),
        request(Method::Get, "https://api.test/1?x=2"),
        with(|other| other.body_sha256 = Some([1; 32])),
        with(|other| other.credential = Some("token".try_into().unwrap())),
    ];
    for other in others {
        let (line, _) = line(&office, &ada, r#"{"n":1}"#);
        assert_eq!(line.approval(&other).await, Approval::Wanted, "{other:?}");
    }
    let (elsewhere, _) = line(&office, &ada, r#"{"n":2}"#);
    assert_eq!(elsewhere.approval(&delete()).await, Approval::Wanted);
    let (somebody, _) = line(&office, &office.ada(), r#"{"n":1}"#);
    assert_eq!(somebody.approval(&delete()).await, Approval::Wanted);
    // This one, once.
    let (again, _) = line(&office, &ada, r#"{ "n" : 1 }"#);
    assert_eq!(again.approval(&delete()).await, Approval::Given);
    assert!(again.stands() && why(again.standing()) == "1 grants");
    again.finish(true).await;
    assert_eq!(office.state(&id).await, "executed");
    let (twice, _) = line(&office, &ada, r#"{"n":1}"#);
    assert_eq!(twice.approval(&delete()).await, Approval::Wanted);
    assert_ne!(twice.stopped().await.approval.unwrap().id, id.to_string());
}

#[tokio::test]
async fn a_request_that_was_denied_is_not_asked_for_again() {
    let office = outward_office(|_| {}).await;
    let ada = office.ada();
    let (first, _) = line(&office, &ada, "{}");
    first.approval(&delete()).await;
    let id = ApprovalId::try_from(first.stopped().await.approval.unwrap().id).unwrap();
    office.answer(&id, Answer::Deny).await.unwrap();
    let (again, _) = line(&office, &ada, "{}");
    assert_eq!(again.approval(&delete()).await, Approval::Wanted);
    let stopped = again.stopped().await;
    assert!(stopped.approval.is_none());
    assert!(matches!(stopped.outcome, CallOutcome::Denied { approvable: false, .. }));
}

#[tokio::test]
async fn what_is_taken_back_stops_the_request_that_was_made_on_it() {
    let office = outward_office(|_| {}).await;
    let ada = office.ada();
    let (first, _) = line(&office, &ada, "{}");
    first.approval(&delete()).await;
    let id = ApprovalId::try_from(first.stopped().await.approval.unwrap().id).unwrap();
    office.answer(&id, Answer::Approve).await.unwrap();
    let (again, _) = line(&office, &ada, "{}");
    assert_eq!(again.approval(&delete()).await, Approval::Given);
    assert!(office.hub.take_back(&id).await);
    assert!(!again.stands());
    assert_eq!(why(again.standing()), "what a person had allowed was taken back");
    let stopped = again.stopped().await;
    assert!(matches!(stopped.outcome, CallOutcome::Denied { approvable: false, .. }));
}

#[tokio::test]
async fn bytes_are_counted_before_they_pass_and_the_last_ones_do_not() {
    let office = outward_office(|m| {
        m.tiers.values_mut().for_each(|rules| rules.budget.egress_bytes = Some(100));
    })
    .await;
    let ada = office.ada();
    let (line, _) = line(&office, &ada, "{}");
    line.spend(60).unwrap();
    let refused = line.spend(41).unwrap_err();
    assert_eq!(refused.fault, HttpFault::Budget);
    assert!(refused.operator.contains("[tiers.user.budget]"), "{}", refused.operator);
    line.spend(40).unwrap();
    // Another call of the session has the same budget, and none begins any more.
    assert_eq!(words(&office.end(&ada, "read", "{}").await), "budget_egress_bytes = 100");
    assert_eq!(words(&office.end(&office.ada(), "read", "{}").await), "read {}");
}

#[tokio::test]
async fn the_log_has_a_path_by_its_digest_and_in_clear_where_the_manifest_says_so() {
    let office = outward_office(|_| {}).await;
    let (line, _) = line(&office, &office.ada(), "{}");
    line.record(happened(Ended::Requested)).await.unwrap();
    line.record(Egress { record: PathRecord::Path, ..happened(Ended::Answered(200)) }).await.unwrap();
    let lines: Vec<_> = office.audit().into_iter().filter(|line| line["event"] == "egress").collect();
    assert_eq!(lines.len(), 2);
    assert_eq!((lines[0]["outcome"].as_str(), lines[1]["outcome"].as_str()), (Some("requested"), Some("answered")));
    assert!(!lines[0].to_string().contains("salaries"), "{}", lines[0]);
    assert_eq!(lines[0]["path"], lines[1]["path"]);
    assert_eq!(lines[1]["path_text"], "/salaries?of=ada");
    assert_eq!((lines[1]["status"].as_u64(), lines[1]["received"].as_u64()), (Some(200), Some(2)));
    let metrics = office.hub.metrics().unwrap();
    assert!(metrics.contains("safeclaw_egress_requests_total{outcome=\"answered\"} 1"), "{metrics}");
}

#[tokio::test]
async fn a_session_that_has_read_from_outside_waits_for_a_person_where_the_manifest_says_so() {
    let asks = |m: &mut Manifest| {
        m.tiers.values_mut().for_each(|rules| rules.after_outside = manifest::Gate::Approval);
    };
    let office = outward_office(asks).await;
    let (ada, other) = (office.ada(), office.ada());
    assert_eq!(words(&office.end(&ada, "read", "{}").await), "read {}");
    let (line, _) = line(&office, &ada, "{}");
    line.record(happened(Ended::Requested)).await.unwrap();
    let id = office.ask(&ada, "read", "{}").await;
    let notes = office.view(&id).await.notes.join("\n");
    assert!(notes.contains("has read from outside since"), "{notes}");
    // A person's answer lets the call run, in the session's own runner.
    office.answer(&id, Answer::Approve).await.unwrap();
    assert_eq!(words(&office.end(&ada, "read", "{}").await), "read {}");
    assert_eq!(words(&office.end(&other, "read", "{}").await), "read {}");
    // Off by default.
    office.hub.0.force.store(Arc::new(outward(|_| {})));
    assert_eq!(words(&office.end(&ada, "read", r#"{"a":1}"#).await), "read {\"a\":1}");
}

#[tokio::test]
async fn what_cannot_be_remembered_or_recorded_is_not_asked_for() {
    let office = outward_office(|_| {}).await;
    let caller = Caller { session: crate::api::SessionId("of-a-token".into()), ..office.ada() };
    let (line, _) = line(&office, &caller, "{}");
    office.hub.0.store.close().await;
    let refused = line.record(happened(Ended::Requested)).await.unwrap_err();
    assert_eq!(refused.fault, HttpFault::Unrecorded);
    assert!(office.audit().iter().all(|line| line["event"] != "egress"));
}
