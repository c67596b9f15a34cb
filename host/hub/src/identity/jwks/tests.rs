//! Documents of keys: what is used of them, and what is not.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::identity::testing::{Key as Signing, changed};
use serde_json::{Value, json};

fn used(keys: &[Value]) -> Vec<String> {
    let read = read(json!({ "keys": keys }).to_string().as_bytes());
    read.map(|keys| keys.into_keys().collect()).unwrap_or_default()
}

#[test]
fn each_kind_of_key_has_its_own_algorithm() {
    let keys = [Signing::rsa().jwk("r"), Signing::ec().jwk("c"), Signing::ed().jwk("d")];
    let read = read(json!({ "keys": keys }).to_string().as_bytes()).unwrap();
    let algorithms: Vec<_> = read.into_iter().map(|(kid, key)| (kid, key.algorithm)).collect();
    let expected = [("c", Algorithm::ES256), ("d", Algorithm::EdDSA), ("r", Algorithm::RS256)];
    assert_eq!(algorithms, expected.map(|(kid, algorithm)| (kid.to_owned(), algorithm)));
}

#[test]
fn a_key_that_cannot_be_used_is_left_out() {
    let (rsa, ec, ed) = (Signing::rsa().jwk("k"), Signing::ec().jwk("k"), Signing::ed().jwk("k"));
    let short = URL_SAFE_NO_PAD.encode([0xff; 255]);
    let long = URL_SAFE_NO_PAD.encode([0xff; 513]);
    // y = 1, x = 0: a point of small order.
    let weak = URL_SAFE_NO_PAD
        .encode([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    for (key, changes) in [
        (&rsa, json!({"kid": null})),
        (&rsa, json!({"kid": ""})),
        (&rsa, json!({"use": "enc"})),
        (&rsa, json!({"key_ops": ["sign"]})),
        (&rsa, json!({"alg": "RS512"})),
        (&rsa, json!({"alg": "HS256"})),
        (&rsa, json!({"n": short})),
        (&rsa, json!({"n": long})),
        (&rsa, json!({"n": "!"})),
        (&rsa, json!({"e": null})),
        (&rsa, json!({"kty": "oct", "k": "c2VjcmV0"})),
        (&ec, json!({"crv": "P-384"})),
        (&ec, json!({"crv": "secp256k1"})),
        (&ec, json!({"x": "AA"})),
        (&ec, json!({"alg": "EdDSA"})),
        (&ed, json!({"crv": "Ed448"})),
        (&ed, json!({"crv": "X25519"})),
        (&ed, json!({"x": weak})),
    ] {
        assert_eq!(used(std::slice::from_ref(key)), ["k"], "the control");
        assert!(used(&[changed(key.clone(), changes.clone())]).is_empty(), "{changes}");
    }
}

#[test]
fn two_keys_of_one_id_are_none_and_the_third_is_one() {
    let (one, other) = (Signing::ed(), Signing::ed());
    assert_eq!(used(&[one.jwk("a"), other.jwk("a"), one.jwk("b")]), ["b"]);
}

#[test]
fn a_document_is_bounded() {
    let key = Signing::ed();
    let many =
        |count: usize| json!({"keys": (0..count).map(|n| key.jwk(&n.to_string())).collect::<Vec<_>>()}).to_string();
    assert_eq!(read(many(MAX_KEYS).as_bytes()).unwrap().len(), MAX_KEYS);
    assert!(matches!(read(many(MAX_KEYS + 1).as_bytes()), Err(BadKeys::Many)));
    let padded = |bytes: usize| format!("{}{}", many(1), " ".repeat(bytes - many(1).len()));
    assert!(read(padded(MAX_BYTES).as_bytes()).is_ok());
    assert!(matches!(read(padded(MAX_BYTES + 1).as_bytes()), Err(BadKeys::Long)));
    for text in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[1]}"#, "<html>"] {
        assert!(matches!(read(text.as_bytes()), Err(BadKeys::Json(_))), "{text}");
    }
    assert!(matches!(read(br#"{"keys":[]}"#), Err(BadKeys::None)));
}
