//! Approvers are enrolled and revoked; and what an agent with the operator's own shell cannot do.

use super::applying::{hub_of, proposal, yes};
use super::*;
use crate::approvers::testing::{TOUCHED, Token, UNTOUCHED, line, plain, sign};
use crate::approvers::{
    APPROVAL_NAMESPACE, APPROVER_NAMESPACE, ApproverName, ApproversView, Change, ChangeKind, Disagreed, Enrol,
    EnrolError, MANIFEST_NAMESPACE, Need, NewApprover, NotApproved, Revoke, SecondFactor, SignedChange, SignedManifest,
    manifest_statement, reset,
};
use crate::manifests::{Agreed, ApplyError, Cold};
use jiff::{SignedDuration, Timestamp};

fn name(name: &str) -> ApproverName {
    ApproverName::try_from(name).unwrap()
}

fn new(who: &str, line: String) -> NewApprover {
    // As the hub writes it: without a comment.
    let key = line.split(' ').take(2).collect::<Vec<_>>().join(" ");
    NewApprover { name: name(who), key, principals: Default::default(), passphrase: false }
}

fn token() -> Token {
    Token::new(1, "ssh:")
}

fn soon() -> Timestamp {
    Timestamp::now() + SignedDuration::from_secs(60)
}

/// What an approver with `token()` signs for.
fn signed(view: &ApproversView, kind: ChangeKind, approver: &NewApprover) -> SignedChange {
    signed_with(view, kind, approver, |text| token().sign(APPROVER_NAMESPACE, text.as_bytes(), TOUCHED))
}

fn signed_with(
    view: &ApproversView,
    kind: ChangeKind,
    approver: &NewApprover,
    sign: impl Fn(&str) -> String,
) -> SignedChange {
    let (nonce, expires) = (view.nonce.clone(), soon());
    let text = Change { kind, hub: &view.hub, approver, nonce: &nonce, expires }.text().unwrap();
    SignedChange { signature: sign(&text), nonce, expires }
}

/// `ana` is enrolled, with a token.
async fn with_ana(data: &Path) -> Hub {
    let hub = hub_of(data, |_| answer("hi")).await;
    hub.add_approver(Enrol { approver: new("ana", token().line()), signed: None }).await.unwrap();
    hub
}

/// As a hub that ends leaves its directory.
async fn stopped(hub: Hub) {
    hub.drain(Duration::ZERO).await;
}

fn events(data: &Path) -> Vec<(String, serde_json::Value)> {
    let text = std::fs::read_to_string(data.join("audit.jsonl")).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    lines.map(|line| (line["event"].as_str().unwrap().to_owned(), line)).collect()
}

#[tokio::test]
async fn the_first_approver_is_taken_on_trust_and_all_others_are_signed_for() {
    let dir = tempfile::tempdir().unwrap();
    let hub = with_ana(dir.path()).await;
    let view = hub.approvers().await;
    assert!(!view.first && view.approvers.len() == 1 && view.approvers[0].by.is_none());
    let ben = NewApprover { principals: ["bot".to_owned()].into(), passphrase: true, ..new("ben", line(&plain(2))) };
    let enrolled = hub
        .add_approver(Enrol { approver: ben.clone(), signed: Some(signed(&view, ChangeKind::Add, &ben)) })
        .await
        .unwrap();
    assert_eq!(enrolled.by, Some(name("ana")));
    // At once, and after a start.
    let answers = |hub: &Hub| {
        let need = Need { tier: Tier::Critical, requester: "ada", approvers: None };
        hub.0.approvers.load().check(b"x", &sign(&plain(2), APPROVAL_NAMESPACE, b"x"), need).map(|who| who.name)
    };
    assert_eq!(answers(&hub), Ok(name("ben")));
    stopped(hub).await;
    let hub = hub_of(dir.path(), |_| answer("hi")).await;
    assert_eq!(answers(&hub), Ok(name("ben")));
    let view = hub.approvers().await;
    let asked = Revoke { signed: signed(&view, ChangeKind::Revoke, &ben) };
    hub.revoke_approver(&name("ben"), &asked).await.unwrap();
    assert!(matches!(answers(&hub), Err(NotApproved::Revoked(_))));
    stopped(hub).await;
    let hub = hub_of(dir.path(), |_| answer("hi")).await;
    assert!(matches!(answers(&hub), Err(NotApproved::Revoked(_))), "revoked for ever");
    let told = events(dir.path());
    let added: Vec<_> = told.iter().filter(|(event, _)| event == "approver_added").map(|(_, line)| line).collect();
    assert_eq!(added.len(), 2);
    assert!(added[0]["by"].is_null() && added[1]["by"] == "ana" && added[1]["principals"][0] == "bot");
    let revoked = told.iter().find(|(event, _)| event == "approver_revoked").unwrap();
    assert!(revoked.1["approver"] == "ben" && revoked.1["by"] == "ana");
}

/// All that an agent with the operator's shell can send to the operator's socket, without the approver's token.
#[tokio::test]
async fn an_agent_with_a_shell_cannot_enrol_itself() {
    let dir = tempfile::tempdir().unwrap();
    let hub = with_ana(dir.path()).await;
    let view = hub.approvers().await;
    let me = NewApprover { passphrase: true, ..new("agent", line(&plain(9))) };
    let good = signed(&view, ChangeKind::Add, &me);
    let own = |text: &str| sign(&plain(9), APPROVER_NAMESPACE, text.as_bytes());
    let untouched = |text: &str| token().sign(APPROVER_NAMESPACE, text.as_bytes(), UNTOUCHED);
    let as_approval = |text: &str| token().sign(APPROVAL_NAMESPACE, text.as_bytes(), TOUCHED);
    let other_hub = ApproversView { hub: "other".into(), ..view.clone() };
    let ben = new("ben", line(&plain(2)));
    let wider = NewApprover { principals: ["bot".to_owned()].into(), ..me.clone() };
    let late = SignedChange { expires: Timestamp::now() + SignedDuration::from_hours(1), ..good.clone() };
    let rows = [
        ("on its word alone", None, "one of them has to sign"),
        ("signed by itself", Some(signed_with(&view, ChangeKind::Add, &me, own)), "is nobody's"),
        ("by a token that nobody touched", Some(signed_with(&view, ChangeKind::Add, &me, untouched)), "was there"),
        ("with an approval of a call", Some(signed_with(&view, ChangeKind::Add, &me, as_approval)), "made for"),
        ("with a signature for somebody else", Some(signed(&view, ChangeKind::Add, &ben)), "not over this"),
        ("with one for other principals", Some(signed(&view, ChangeKind::Add, &wider)), "not over this"),
        ("with one that revokes", Some(signed(&view, ChangeKind::Revoke, &me)), "not over this"),
        ("with another hub's", Some(signed(&other_hub, ChangeKind::Add, &me)), "not over this"),
        (
            "with a later end",
            Some(SignedChange { expires: soon() + SignedDuration::from_secs(1), ..good.clone() }),
            "not over",
        ),
        ("with one that is good for an hour", Some(late), "another moment"),
        (
            "with one that is over",
            Some(SignedChange { expires: Timestamp::UNIX_EPOCH, ..good.clone() }),
            "another moment",
        ),
        ("with a nonce of its own", Some(SignedChange { nonce: "0".repeat(32), ..good.clone() }), "another moment"),
    ];
    for (what, signed, says) in rows {
        let why = hub.add_approver(Enrol { approver: me.clone(), signed }).await.unwrap_err().to_string();
        assert!(why.contains(says), "{what}: {why}");
    }
    let why = hub
        .revoke_approver(
            &name("ana"),
            &Revoke { signed: signed_with(&view, ChangeKind::Revoke, &new("ana", token().line()), own) },
        )
        .await;
    assert!(matches!(why, Err(EnrolError::NotApproved(NotApproved::UnknownKey(_)))));
    // None of this has used anything up: what the approver signs for is done, once.
    hub.add_approver(Enrol { approver: me.clone(), signed: Some(good.clone()) }).await.unwrap();
    let again = NewApprover { name: name("again"), ..me };
    let replayed = hub.add_approver(Enrol { approver: again, signed: Some(good) }).await.unwrap_err();
    assert!(matches!(replayed, EnrolError::KnownKey(_)), "{replayed}");
}

#[tokio::test]
async fn a_signed_change_is_good_once_and_a_revoked_key_never_again() {
    let dir = tempfile::tempdir().unwrap();
    let hub = with_ana(dir.path()).await;
    let ben = new("ben", line(&plain(2)));
    let view = hub.approvers().await;
    let add = Enrol { approver: ben.clone(), signed: Some(signed(&view, ChangeKind::Add, &ben)) };
    hub.add_approver(add.clone()).await.unwrap();
    let taken = Enrol { approver: new("ben", line(&plain(3))), signed: None };
    assert!(matches!(hub.add_approver(taken).await, Err(EnrolError::Taken(_))));
    let view = hub.approvers().await;
    let revoke = Revoke { signed: signed(&view, ChangeKind::Revoke, &ben) };
    hub.revoke_approver(&name("ben"), &revoke).await.unwrap();
    assert!(matches!(hub.add_approver(add).await, Err(EnrolError::RevokedKey)));
    assert!(matches!(hub.revoke_approver(&name("ben"), &revoke).await, Err(EnrolError::Unknown(_))));
    // The last one may go; then there is nobody, and no first one again either.
    let view = hub.approvers().await;
    let last = Revoke { signed: signed(&view, ChangeKind::Revoke, &new("ana", token().line())) };
    hub.revoke_approver(&name("ana"), &last).await.unwrap();
    let me = Enrol { approver: NewApprover { passphrase: true, ..new("agent", line(&plain(9))) }, signed: None };
    assert!(matches!(hub.add_approver(me.clone()).await, Err(EnrolError::Unsigned)));
    // With the hub stopped, its own user can begin anew, and the log says so.
    let refused = reset(dir.path(), None, "ada").await.unwrap_err();
    assert!(matches!(refused, StartError::Locked(_)), "{refused}");
    stopped(hub).await;
    assert_eq!(reset(dir.path(), None, "ada").await.unwrap(), 2);
    let hub = hub_of(dir.path(), |_| answer("hi")).await;
    hub.add_approver(me).await.unwrap();
    let told = events(dir.path());
    assert!(told.iter().any(|(event, line)| event == "approvers_reset" && line["by"] == "ada"));
}

#[tokio::test]
async fn a_first_key_that_could_lie_open_in_an_agent_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let hub = hub_of(dir.path(), |_| answer("hi")).await;
    let plain = new("ana", line(&plain(1)));
    let refused = hub.add_approver(Enrol { approver: plain.clone(), signed: None }).await.unwrap_err();
    assert!(matches!(refused, EnrolError::First), "{refused}");
    let view = hub.approvers().await;
    let by_nobody = Enrol { approver: plain.clone(), signed: Some(signed(&view, ChangeKind::Add, &plain)) };
    assert!(matches!(hub.add_approver(by_nobody).await, Err(EnrolError::SignedByNobody)));
    for principal in ["", "a\u{202e}b", "two\nlines"] {
        let approver = NewApprover { principals: [principal.to_owned()].into(), passphrase: true, ..plain.clone() };
        assert!(matches!(hub.add_approver(Enrol { approver, signed: None }).await, Err(EnrolError::Principals)));
    }
}

/// Who could apply a manifest without the gate would have approved himself, with the hub running or stopped.
#[tokio::test]
async fn once_there_are_approvers_one_of_them_signs_for_a_manifest_that_grants_more() {
    let dir = tempfile::tempdir().unwrap();
    let hub = hub_of(dir.path(), |_| answer("hi")).await;
    hub.apply(proposal(&["read"], 10), yes(0)).await.unwrap();
    hub.add_approver(Enrol { approver: new("ana", token().line()), signed: None }).await.unwrap();
    let wider = || proposal(&["read", "edit"], 10);
    let unsigned = hub.apply(wider(), yes(1)).await.unwrap_err();
    assert!(matches!(unsigned, ApplyError::Disagreed(Disagreed::Unsigned)), "{unsigned}");
    let plan = hub.plan(wider()).unwrap();
    let agreed = |base: u64, digest, sign: &dyn Fn(&str) -> String| {
        let expires = soon();
        let text = manifest_statement("test", base, digest, expires).unwrap();
        Agreed { signed: Some(SignedManifest { expires, signature: sign(&text) }), ..yes(base) }
    };
    let ana = |text: &str| token().sign(MANIFEST_NAMESPACE, text.as_bytes(), TOUCHED);
    let own = |text: &str| sign(&plain(9), MANIFEST_NAMESPACE, text.as_bytes());
    let enrols = |text: &str| token().sign(APPROVER_NAMESPACE, text.as_bytes(), TOUCHED);
    let other = hub.plan(proposal(&["read", "wipe"], 10)).unwrap().digest;
    for (what, agreed) in [
        ("its own key", agreed(1, &plan.digest, &own)),
        ("a signature for an approver", agreed(1, &plan.digest, &enrols)),
        ("a signature under another manifest", agreed(1, &other, &ana)),
    ] {
        let refused = hub.apply(wider(), agreed).await;
        assert!(matches!(refused, Err(ApplyError::Disagreed(Disagreed::NotApproved(_)))), "{what}: {refused:?}");
    }
    // Less is nobody's to allow.
    hub.apply(proposal(&["read"], 5), yes(1)).await.unwrap();
    let back = hub.roll_back(1, "agent", yes(2)).await.unwrap_err();
    assert!(matches!(back, ApplyError::Disagreed(Disagreed::Unsigned)), "{back}");
    let plan = hub.plan(wider()).unwrap();
    hub.apply(wider(), agreed(2, &plan.digest, &ana)).await.unwrap();
    let told = events(dir.path());
    let applied = told.iter().rfind(|(event, _)| event == "manifest_applied").unwrap();
    assert_eq!(applied.1["approver"][0], "ana");
    stopped(hub).await;
    let cold = Cold::open(dir.path(), None).await.unwrap();
    let refused = cold.apply(proposal(&["read", "edit", "wipe"], 10), yes(0)).await.unwrap_err();
    assert!(matches!(refused, ApplyError::Disagreed(Disagreed::Unsigned)), "{refused}");
}

/// Nor is a start with a manifest of one's own a way in, on a directory whose versions have gone.
#[tokio::test]
async fn a_first_manifest_of_a_start_is_not_taken_once_there_are_approvers() {
    let dir = tempfile::tempdir().unwrap();
    stopped(with_ana(dir.path()).await).await;
    let store = Store::open(&Location::within(dir.path())).await.unwrap();
    let shelf = Shelf::new(&DataDir::open(dir.path()).unwrap(), Sealer::from_seed(&[9; 32]));
    let ledger = crate::manifests::Ledger::new(store.clone(), &[9; 32], dir.path());
    let approvers = Approvers::new(store.approvers().await.unwrap());
    let found = async |approvers: &Approvers| {
        let governed = Governed::Versions { first: Some(proposal(&["read"], 10)) };
        governing::find(governed, Some(&ledger), &shelf, approvers, dir.path()).await.unwrap()
    };
    let refused = found(&approvers).await;
    assert!(refused.refused.unwrap().contains("sign"), "and nothing is in force");
    assert!(refused.force.version.is_none() && refused.force.manifest.tools.is_empty());
    assert_eq!(found(&Approvers::default()).await.force.version, Some(1));
}

/// The same by the operator's socket, as the command line does it.
#[tokio::test]
async fn the_operators_socket_asks_for_the_same_signatures() {
    let dir = tempfile::tempdir().unwrap();
    let hub = hub_of(dir.path(), |_| answer("hi")).await;
    let socket = dir.path().join("operator.sock");
    let stop = CancellationToken::new();
    tokio::spawn(crate::operator::serve(hub.clone(), crate::stdio::bind(&socket).unwrap(), stop.clone()));
    let client = crate::operator::Client::new(socket);
    let ana = new("ana", token().line());
    client.add_approver(&Enrol { approver: ana.clone(), signed: None }).await.unwrap();
    let ben = new("ben", line(&plain(2)));
    let refused = client.add_approver(&Enrol { approver: ben.clone(), signed: None }).await.unwrap_err();
    assert!(matches!(&refused, crate::operator::ClientError::Refused { status, .. } if *status == 403), "{refused}");
    let view = client.approvers().await.unwrap();
    assert!(!view.first && view.hub == "test");
    let signed = |view: &ApproversView, kind, whom| Some(self::signed(view, kind, whom));
    client.add_approver(&Enrol { approver: ben.clone(), signed: signed(&view, ChangeKind::Add, &ben) }).await.unwrap();
    let stale = Revoke { signed: self::signed(&view, ChangeKind::Revoke, &ben) };
    let refused = client.revoke_approver(&name("ben"), &stale).await.unwrap_err();
    assert!(refused.to_string().contains("another moment"), "{refused}");
    let view = client.approvers().await.unwrap();
    client
        .revoke_approver(&name("ben"), &Revoke { signed: self::signed(&view, ChangeKind::Revoke, &ben) })
        .await
        .unwrap();
    let view = client.approvers().await.unwrap();
    assert!(view.approvers.iter().any(|one| one.name == name("ben") && one.revoked.is_some()));
    // Who asked, and for what, is written down as well.
    assert!(events(dir.path()).iter().any(|(event, line)| {
        event == "operator_acted" && line["what"] == "DELETE /approvers/ben" && line["who"] != ""
    }));
    stop.cancel();
}
