//! Every way to forge, alter or replay a ticket that we could think of, then the one that is good.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use super::*;
use crate::HubKey;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer, SigningKey};
use proptest::prelude::*;

const SEED: [u8; 32] = [7; 32];
const NONCE: [u8; 32] = [1; 32];
const NOW_UNIX_S: u64 = 1_000_000;

fn digest(digit: &str) -> Digest {
    Digest::try_from(digit.repeat(64)).unwrap()
}

fn ticket() -> Ticket {
    Ticket {
        hub: "hub".to_owned(),
        container: "box".to_owned(),
        nonce: hex::encode(NONCE),
        session: "session".to_owned(),
        manifest: digest("a"),
        epoch: 0,
        expires: NOW_UNIX_S + 60,
        serial: 1,
        posture: digest("b"),
        concurrent_calls: 4,
        components: Vec::new(),
        tools: Vec::new(),
    }
}

fn key() -> HubKey {
    HubKey::from_seed(&SEED)
}

fn check() -> TicketCheck {
    TicketCheck::new(key().public(), "box".to_owned(), &NONCE, digest("b"))
}

fn signed(change: impl FnOnce(&mut Ticket)) -> String {
    let mut ticket = ticket();
    change(&mut ticket);
    key().sign(&ticket).unwrap()
}

fn refusal(jws: &str) -> TicketError {
    match check().accept(jws, NOW_UNIX_S) {
        Err(error) => error,
        Ok(ticket) => panic!("accepted: {ticket:?}"),
    }
}

/// A JWS with any header and any payload, rightly signed with the hub's own key.
fn forged(header: &str, payload: &str) -> String {
    let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let signature = SigningKey::from_bytes(&SEED).sign(text.as_bytes());
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
}

fn header(alg: &str) -> String {
    format!(r#"{{"typ":"safeclaw-ticket+jwt","alg":"{alg}","kid":"{}"}}"#, key().id())
}

fn payload() -> String {
    serde_json::to_string(&ticket()).unwrap()
}

#[test]
fn another_algorithm_is_refused_even_when_the_signature_is_right() {
    for alg in ["HS256", "RS256", "ES256", "PS512", "Ed448", "eddsa", ""] {
        let error = refusal(&forged(&header(alg), &payload()));
        assert!(matches!(error, TicketError::Algorithm), "{alg}: {error:?}");
    }
}

#[test]
fn a_ticket_without_a_signature_is_refused() {
    let unsigned =
        |alg: &str| format!("{}.{}.", URL_SAFE_NO_PAD.encode(header(alg)), URL_SAFE_NO_PAD.encode(payload()));
    assert!(matches!(refusal(&unsigned("none")), TicketError::Algorithm));
    assert!(matches!(refusal(&unsigned("EdDSA")), TicketError::Signature));
}

#[test]
fn another_hubs_ticket_is_refused_by_its_key_id() {
    let other = HubKey::from_seed(&[8; 32]).sign(&ticket()).unwrap();
    assert!(matches!(refusal(&other), TicketError::Key));
}

#[test]
fn another_hubs_signature_under_our_key_id_is_refused() {
    let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header("EdDSA")), URL_SAFE_NO_PAD.encode(payload()));
    let signature = SigningKey::from_bytes(&[8; 32]).sign(text.as_bytes());
    let jws = format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()));
    assert!(matches!(refusal(&jws), TicketError::Signature));
}

#[test]
fn a_changed_payload_is_refused() {
    let good = signed(|_| {});
    let mut parts: Vec<&str> = good.split('.').collect();
    let longer = payload().replace("1000060", "9000060");
    let longer = URL_SAFE_NO_PAD.encode(longer);
    *parts.get_mut(1).unwrap() = &longer;
    assert!(matches!(refusal(&parts.join(".")), TicketError::Signature));
}

#[test]
fn a_header_that_brings_its_own_key_is_refused() {
    for extra in [r#""jwk":{"kty":"OKP"}"#, r#""jku":"x""#, r#""crit":["b64"]"#, r#""b64":false"#] {
        let header = format!("{},{extra}}}", header("EdDSA").trim_end_matches('}'));
        assert!(matches!(refusal(&forged(&header, &payload())), TicketError::Malformed), "{extra}");
    }
}

#[test]
fn another_kind_of_token_is_refused() {
    let header = header("EdDSA").replace("safeclaw-ticket+jwt", "JWT");
    assert!(matches!(refusal(&forged(&header, &payload())), TicketError::Malformed));
}

#[test]
fn a_claim_that_this_program_does_not_know_is_refused() {
    let payload = format!("{},\"loophole\":true}}", payload().trim_end_matches('}'));
    assert!(matches!(refusal(&forged(&header("EdDSA"), &payload)), TicketError::Claims));
}

#[test]
fn another_containers_ticket_is_refused() {
    assert!(matches!(refusal(&signed(|t| t.container = "other".to_owned())), TicketError::Container));
}

#[test]
fn another_runners_ticket_is_refused() {
    assert!(matches!(refusal(&signed(|t| t.nonce = hex::encode([2; 32]))), TicketError::Nonce));
}

#[test]
fn another_postures_ticket_is_refused() {
    assert!(matches!(refusal(&signed(|t| t.posture = digest("c"))), TicketError::Posture));
}

#[test]
fn an_expired_ticket_is_refused_in_the_very_second() {
    for expires in [0, NOW_UNIX_S - 1, NOW_UNIX_S] {
        assert!(matches!(refusal(&signed(|t| t.expires = expires)), TicketError::Expired { .. }));
    }
}

#[test]
fn a_ticket_is_accepted_once_and_an_older_one_never() {
    let mut check = check();
    check.accept(&signed(|t| t.serial = 5), NOW_UNIX_S).unwrap();
    for serial in [5, 4, 0] {
        let again = check.accept(&signed(|t| t.serial = serial), NOW_UNIX_S);
        assert!(matches!(again, Err(TicketError::Serial { last: 5, .. })));
    }
    assert_eq!(check.accept(&signed(|t| t.serial = 6), NOW_UNIX_S).unwrap().serial, 6);
}

#[test]
fn a_runner_never_changes_its_session() {
    let mut check = check();
    check.accept(&signed(|_| {}), NOW_UNIX_S).unwrap();
    let other = signed(|t| {
        t.serial = 2;
        t.session = "other".to_owned();
    });
    assert!(matches!(check.accept(&other, NOW_UNIX_S), Err(TicketError::Session)));
}

#[test]
fn a_refused_ticket_does_not_use_up_its_serial() {
    let mut check = check();
    check.accept(&signed(|_| {}), NOW_UNIX_S).unwrap();
    let refused = signed(|t| {
        t.serial = 9;
        t.expires = 0;
    });
    assert!(check.accept(&refused, NOW_UNIX_S).is_err());
    assert!(check.accept(&signed(|t| t.serial = 2), NOW_UNIX_S).is_ok());
}

#[test]
fn the_hubs_own_ticket_is_accepted_unchanged() {
    assert_eq!(check().accept(&signed(|_| {}), NOW_UNIX_S).unwrap(), ticket());
}

#[test]
fn the_public_key_survives_as_text_and_a_weak_one_is_refused() {
    let public = key().public();
    assert_eq!(public.to_string().parse::<HubPublicKey>().unwrap(), public);
    let mut identity = [0_u8; 32];
    identity[0] = 1;
    for bad in [URL_SAFE_NO_PAD.encode(identity), URL_SAFE_NO_PAD.encode([1; 31]), "?".to_owned()] {
        assert!(bad.parse::<HubPublicKey>().is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn no_single_changed_character_is_accepted(position in any::<prop::sample::Index>(), with in "[A-Za-z0-9_.-]") {
        let good = signed(|_| {});
        let mut bytes = good.clone().into_bytes();
        let position = position.index(bytes.len());
        *bytes.get_mut(position).unwrap() = *with.as_bytes().first().unwrap();
        let changed = String::from_utf8(bytes).unwrap();
        prop_assume!(changed != good);
        prop_assert!(check().accept(&changed, NOW_UNIX_S).is_err());
    }

    #[test]
    fn arbitrary_text_is_refused_without_a_panic(text in ".{0,300}") {
        prop_assert!(check().accept(&text, NOW_UNIX_S).is_err());
    }
}
