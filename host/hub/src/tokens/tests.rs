#![expect(clippy::unwrap_used, reason = "tests")]

use super::key::{Claims, TokenKey};
use super::*;
use crate::api::SessionId;
use crate::audit::Decision;
use crate::identity::{Refused, Scopes};
use crate::store::{Location, Store};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use manifest::{ProfileName, Tier};
use std::path::Path;
use std::time::Duration;

fn name(text: &str) -> ProfileName {
    ProfileName::try_from(text).unwrap()
}

fn tokens(data: &Path) -> Tokens {
    Tokens::open(data, Location::within(data)).unwrap()
}

/// What a token says of itself.
fn claims(token: &str) -> Claims {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

async fn untold(data: &Path) -> Vec<Decision> {
    let store = Store::open(&Location::within(data)).await.unwrap();
    store.untold().await.unwrap().into_iter().map(|decided| decided.what).collect()
}

#[test]
fn a_token_made_while_the_hub_runs_is_taken_and_a_revoked_one_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = tokens(dir.path());
    let now = Timestamp::now();
    assert_eq!(tokens.authenticate("", now), Err(Refused::Malformed));

    let ada = create(dir.path(), "ada", &name("reader"), None).unwrap();
    let bob = create(dir.path(), "bob", &name("reader"), None).unwrap();
    let caller = tokens.authenticate(&ada, now).unwrap();
    assert_eq!((caller.principal.as_str(), caller.scopes), ("ada", Scopes::all()));
    assert_eq!(caller.session.0, claims(&ada).jti);
    assert_eq!(tokens.authenticate(&bob, now).unwrap().principal, "bob");
    assert_eq!(tokens.caller(&caller.session, now), Some(caller.clone()));

    assert!(revoke(dir.path(), &caller.session).unwrap());
    assert!(!revoke(dir.path(), &caller.session).unwrap());
    assert!(!revoke(dir.path(), &SessionId("nobody".into())).unwrap());
    assert_eq!(tokens.authenticate(&ada, now), Err(Refused::Revoked));
    assert_eq!(tokens.caller(&caller.session, now), None);
    assert_eq!(tokens.sessions(now).into_iter().map(|id| id.0).collect::<Vec<_>>(), [claims(&bob).jti]);
}

#[tokio::test]
async fn what_was_decided_waits_for_the_log_and_a_token_is_in_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let token = create(dir.path(), "ada", &name("reader"), Some(Duration::from_secs(60))).unwrap();
    let made = claims(&token);
    assert!(revoke(dir.path(), &SessionId(made.jti.clone())).unwrap());
    let expires = Some(Timestamp::from_second(made.exp.unwrap()).unwrap());
    let expected = [
        Decision::TokenMade { jti: made.jti.clone(), principal: "ada".into(), profile: "reader".into(), expires },
        Decision::TokenRevoked { jti: made.jti.clone(), principal: "ada".into() },
    ];
    assert_eq!(untold(dir.path()).await, expected);
    let signature = token.rsplit('.').next().unwrap().as_bytes();
    let mut files = 0;
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(signature.len()).any(|window| window == signature));
        files += 1;
    }
    assert!(files >= 4, "{files}");
}

#[test]
fn many_commands_at_once_lose_no_token() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = tokens(dir.path());
    let made: Vec<String> = std::thread::scope(|scope| {
        let make = |n: usize| create(dir.path(), &format!("agent-{n}"), &name("reader"), None).unwrap();
        let threads: Vec<_> = (0..8).map(|n| scope.spawn(move || make(n))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for (n, token) in made.iter().enumerate() {
        assert_eq!(tokens.authenticate(token, Timestamp::now()).unwrap().principal, format!("agent-{n}"));
    }
    assert_eq!(list(dir.path()).unwrap().len(), 8);
}

#[test]
fn time_is_the_tokens_own_to_the_second() {
    let dir = tempfile::tempdir().unwrap();
    let token = create(dir.path(), "ada", &name("reader"), Some(Duration::from_secs(60))).unwrap();
    let endless = create(dir.path(), "ada", &name("reader"), None).unwrap();
    let tokens = tokens(dir.path());
    let made = claims(&token);
    let at = |second| Timestamp::from_second(second).unwrap();
    let (begins, ends) = (at(made.nbf), at(made.exp.unwrap()));
    assert_eq!(ends.duration_since(begins), SignedDuration::from_secs(60));
    assert_eq!(tokens.authenticate(&token, at(made.nbf - 1)), Err(Refused::NotYet));
    let caller = tokens.authenticate(&token, begins).unwrap();
    assert!(tokens.authenticate(&token, at(made.exp.unwrap() - 1)).is_ok());
    assert_eq!(tokens.authenticate(&token, ends), Err(Refused::Expired));
    assert_eq!(tokens.caller(&caller.session, ends), None);
    assert!(!tokens.sessions(ends).contains(&caller.session));
    assert!(tokens.authenticate(&endless, ends + SignedDuration::from_hours(24 * 365)).is_ok());
    assert_eq!(claims(&endless).exp, None);
}

#[test]
fn both_the_signature_and_the_store_must_say_so() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = tokens(dir.path());
    let now = Timestamp::now();
    let token = create(dir.path(), "ada", &name("reader"), None).unwrap();
    let (hub_id, seed) = crate::data::identity(dir.path()).unwrap();
    let key = TokenKey::new(&hub_id, &seed);
    let good = claims(&token);
    // The control: this is how a token is signed.
    assert!(tokens.authenticate(&key.sign(&good).unwrap(), now).is_ok());
    let rows = [
        ("no row", Claims { jti: "00".into(), ..good.clone() }, Refused::Revoked),
        ("another principal", Claims { sub: "bob".into(), ..good.clone() }, Refused::Revoked),
        ("another profile", Claims { profile: name("admin"), ..good.clone() }, Refused::Revoked),
        ("fewer scopes", Claims { scope: Scopes::of(Tier::User), ..good.clone() }, Refused::Revoked),
        ("another audience", Claims { aud: "urn:safeclaw:hub:00000000:mcp".into(), ..good.clone() }, Refused::Audience),
        ("another issuer", Claims { iss: "urn:safeclaw:hub:00000000".into(), ..good.clone() }, Refused::Issuer),
        ("an end that has come", Claims { exp: Some(now.as_second()), ..good.clone() }, Refused::Expired),
        ("a beginning to come", Claims { nbf: now.as_second() + 2, ..good.clone() }, Refused::NotYet),
    ];
    for (what, claims, refused) in rows {
        assert_eq!(tokens.authenticate(&key.sign(&claims).unwrap(), now), Err(refused), "{what}");
    }
    // Another hub of the same id, and this hub's seed under another id.
    for other in [TokenKey::new(&hub_id, &[1; 32]), TokenKey::new("00000000", &seed)] {
        assert!(tokens.authenticate(&other.sign(&good).unwrap(), now).is_err() || other.issuer() != good.iss);
    }
    assert_eq!(tokens.authenticate(&TokenKey::new(&hub_id, &[1; 32]).sign(&good).unwrap(), now), Err(Refused::Key));
}

#[test]
fn a_ticket_is_no_token_and_a_token_no_ticket() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = tokens(dir.path());
    let token = create(dir.path(), "ada", &name("reader"), None).unwrap();
    let (_, seed) = crate::data::identity(dir.path()).unwrap();
    let tickets = protocol::HubKey::from_seed(&seed);
    assert!(tickets.public().verify(&token).is_err());
    // The key of tickets under the name and header of the other one.
    let header = token.split('.').next().unwrap();
    let header: serde_json::Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
    assert_ne!(header["kid"], tickets.id());
    let mut as_token = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::EdDSA);
    as_token.typ = Some("at+jwt".into());
    as_token.kid = header["kid"].as_str().map(str::to_owned);
    let ticket_key = jsonwebtoken::EncodingKey::from_ed_der(&seed);
    let forged = jsonwebtoken::encode(&as_token, &claims(&token), &ticket_key).unwrap();
    assert_eq!(tokens.authenticate(&forged, Timestamp::now()), Err(Refused::Signature));
}

#[test]
fn a_store_that_is_damaged_open_to_others_or_gone_lets_nobody_in() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let token = create(dir.path(), "ada", &name("reader"), None).unwrap();
    let hub = tokens(dir.path());
    let now = Timestamp::now();
    let caller = hub.authenticate(&token, now).unwrap();
    let store = dir.path().join("hub.db");
    let seen = || super::ledger::Ledger::within(dir.path()).touch();

    let permit = |mode| std::fs::set_permissions(&store, std::fs::Permissions::from_mode(mode)).unwrap();
    permit(0o644);
    seen();
    assert_eq!(hub.authenticate(&token, now), Err(Refused::Store));
    assert_eq!(hub.caller(&caller.session, now), None);
    assert!(hub.sessions(now).is_empty() && hub.problem().is_some());
    assert!(Tokens::open(dir.path(), Location::within(dir.path())).is_err());
    permit(0o600);
    seen();
    assert!(hub.authenticate(&token, now).is_ok() && hub.problem().is_none());

    // Something else in its place, though the hub still has the old one open.
    let away = dir.path().join("away");
    std::fs::rename(&store, &away).unwrap();
    std::fs::write(&store, "this is no database, and long enough to be taken for one if nobody looked").unwrap();
    permit(0o600);
    seen();
    assert_eq!(hub.authenticate(&token, now), Err(Refused::Store));
    // An empty store of this hub: it knows no token, though the signature is good.
    for name in ["hub.db", "hub.db-wal", "hub.db-shm"] {
        let _ = std::fs::remove_file(dir.path().join(name));
    }
    seen();
    assert_eq!(hub.authenticate(&token, now), Err(Refused::Revoked));
}

#[test]
fn principals_and_scopes_that_cannot_be_are_not_written() {
    let dir = tempfile::tempdir().unwrap();
    for principal in ["", "two\nlines", " ada", "corp/ada", "\u{202e}ada", &"x".repeat(65)] {
        assert!(
            matches!(create(dir.path(), principal, &name("reader"), None), Err(TokenError::Principal)),
            "{principal:?}"
        );
    }
    let none = New { principal: "ada", profile: &name("reader"), scopes: Scopes::default(), ttl: None };
    assert!(matches!(Ledger::within(dir.path()).create(none), Err(TokenError::NoScope)));
    assert!(list(dir.path()).unwrap().is_empty());
}

#[test]
fn the_list_shows_what_is_in_force_and_all_of_it_on_request() {
    let dir = tempfile::tempdir().unwrap();
    assert!(list(dir.path()).unwrap().is_empty() && !dir.path().join("hub.db").exists());
    let ledger = Ledger::within(dir.path());
    let scopes = Scopes::of(Tier::User);
    let new = New { principal: "ada", profile: &name("reader"), scopes, ttl: Some(Duration::from_secs(60)) };
    let token = ledger.create(new).unwrap();
    let gone = create(dir.path(), "bob", &name("reader"), None).unwrap();
    assert!(ledger.revoke(&SessionId(claims(&gone).jti)).unwrap());
    let [ada] = list(dir.path()).unwrap().try_into().unwrap();
    assert_eq!((ada.session.0, ada.scopes), (claims(&token).jti, scopes));
    let all = ledger.list().unwrap();
    assert_eq!(
        all.iter().filter(|token| token.revoked.is_some()).map(|token| token.principal.as_str()).collect::<Vec<_>>(),
        ["bob"]
    );
    assert!(all.iter().all(|token| !token.is_in_force(Timestamp::now() + SignedDuration::from_secs(61))));
}
