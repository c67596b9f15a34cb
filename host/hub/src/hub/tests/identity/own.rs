//! The hub's own tokens: every way to have one that is none.

use super::*;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// A token taken apart, to be put together otherwise.
struct Parts {
    header: Value,
    payload: Value,
    signature: String,
}

fn apart(token: &str) -> Parts {
    let [header, payload, signature] = token.split('.').collect::<Vec<_>>().try_into().unwrap();
    let json = |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    Parts { header: json(header), payload: json(payload), signature: signature.to_owned() }
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// The same signature under another header.
fn header(token: &str, changes: Value) -> String {
    let Parts { header, signature, .. } = apart(token);
    let payload = token.split('.').nth(1).unwrap();
    format!("{}.{payload}.{signature}", part(&crate::identity::testing::changed(header, changes)))
}

/// The same signature over other claims.
fn payload(token: &str, changes: Value) -> String {
    let Parts { payload, signature, .. } = apart(token);
    let header = token.split('.').next().unwrap();
    format!("{header}.{}.{signature}", part(&crate::identity::testing::changed(payload, changes)))
}

/// Signed with HMAC, and a public value as its secret: what a verifier that believes the header falls for.
fn hmac(token: &str, alg: &str, secret: &[u8]) -> String {
    let Parts { header, payload, .. } = apart(token);
    let header = crate::identity::testing::changed(header, json!({"alg": alg}));
    let text = format!("{}.{}", part(&header), part(&payload));
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(ring::hmac::sign(&key, text.as_bytes())))
}

#[tokio::test]
async fn a_token_that_is_none_gets_401_and_a_line_in_the_log() {
    let made = Door::open(Config::default()).await;
    let good = made.token("ada", "everyone");
    let kid = apart(&good).header["kid"].as_str().unwrap().to_owned();
    let own = crate::identity::testing::Key::ed();
    let brought = own.sign(
        &json!({"alg": "EdDSA", "typ": "at+jwt", "kid": kid, "jwk": own.jwk(&kid), "jku": "https://evil.example/jwks"}),
        &apart(&good).payload,
    );
    let elsewhere = Door::open(Config::default()).await.token("ada", "everyone");
    let (last, rest) = (good.chars().last().unwrap(), &good[..good.len() - 1]);
    // The last character carries two bits that are no part of the signature.
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let sibling = alphabet.chars().nth(alphabet.find(last).unwrap() ^ 1).unwrap();
    let standard = |text: &str| STANDARD.encode(URL_SAFE_NO_PAD.decode(text).unwrap());
    let signature = apart(&good).signature;
    let unsigned = &good[..good.len() - signature.len()];
    let rows = [
        ("another hub's", elsewhere, Refused::Issuer),
        ("an opaque one of before", format!("sc_{}", "A".repeat(43)), Refused::Malformed),
        ("no JWT", "token".to_owned(), Refused::Malformed),
        ("another sub", payload(&good, json!({"sub": "bob"})), Refused::Signature),
        ("a wider profile", payload(&good, json!({"profile": "admin"})), Refused::Signature),
        ("no end", payload(&good, json!({"exp": null, "x": 1})), Refused::Signature),
        ("alg none", header(&good, json!({"alg": "none"})), Refused::Algorithm),
        (
            "alg none, unsigned",
            format!("{}.{}.", part(&json!({"alg": "none", "typ": "at+jwt", "kid": kid})), part(&apart(&good).payload)),
            Refused::Algorithm,
        ),
        ("alg None", header(&good, json!({"alg": "nOnE"})), Refused::Algorithm),
        ("HMAC with the key's id", hmac(&good, "HS256", kid.as_bytes()), Refused::Algorithm),
        ("HMAC called EdDSA", hmac(&good, "EdDSA", kid.as_bytes()), Refused::Signature),
        ("RS256", header(&good, json!({"alg": "RS256"})), Refused::Algorithm),
        ("another typ", header(&good, json!({"typ": "JWT"})), Refused::Type),
        ("a ticket's typ", header(&good, json!({"typ": "safeclaw-ticket+jwt"})), Refused::Type),
        ("no typ", header(&good, json!({"typ": null})), Refused::Type),
        ("crit", header(&good, json!({"crit": ["exp"]})), Refused::Critical),
        ("another kid", header(&good, json!({"kid": "another"})), Refused::Issuer),
        ("a key in the header", brought, Refused::Signature),
        (
            "a key's address in the header",
            header(&good, json!({"jku": "https://evil.example/jwks"})),
            Refused::Signature,
        ),
        ("one more parameter", header(&good, json!({"x": 1})), Refused::Signature),
        ("other trailing bits", format!("{rest}{sibling}"), Refused::Signature),
        ("padding", format!("{good}=="), Refused::Signature),
        ("the other alphabet", format!("{unsigned}{}", standard(&signature)), Refused::Signature),
        ("a short signature", rest.to_owned(), Refused::Signature),
        ("no signature", unsigned.to_owned(), Refused::Signature),
        ("a fourth part", format!("{good}.AA"), Refused::Malformed),
        ("two tokens", format!("{good} {good}"), Refused::Malformed),
        ("a comma", format!("{good},"), Refused::Malformed),
        (
            "8 KiB and one",
            format!("{good}{}", "A".repeat(crate::identity::MAX_TOKEN_BYTES + 1 - good.len())),
            Refused::TooLong,
        ),
    ];
    for (what, token, reason) in rows {
        // A hub of its own for each, with the key and the store of the one that made the token.
        let door = Door::with(&made).await;
        door.turns_away(&token, &reason, what).await;
        door.lets_in(&good, what).await;
    }
}

#[tokio::test]
async fn a_token_has_one_place_and_one_scheme() {
    let door = Door::open(Config::default()).await;
    let good = door.token("ada", "everyone");
    let bearer = format!("Bearer {good}");
    let none = format!(
        r#"Bearer realm="safeclaw", scope="tools:user", resource_metadata="http://{}/.well-known/oauth-protected-resource/mcp""#,
        door.address
    );
    for (what, path, lines, status, challenge) in [
        ("no token", "/mcp", vec![], 401, Some(none.as_str())),
        ("Basic", "/mcp", vec![format!("Basic {good}")], 401, Some(&none)),
        ("the scheme alone", "/mcp", vec!["Bearer ".to_owned()], 401, Some(&none)),
        ("DPoP", "/mcp", vec![format!("DPoP {good}")], 401, Some(&none)),
        ("no scheme", "/mcp", vec![good.clone()], 401, Some(&none)),
        ("twice", "/mcp", vec![bearer.clone(), bearer.clone()], 400, None),
        ("in the query", &format!("/mcp?access_token={good}"), vec![], 400, None),
        ("in the query as well", "/mcp?access_token=x", vec![bearer.clone()], 400, None),
        ("the control", "/mcp", vec![bearer.clone()], 200, None),
        ("another case", "/mcp", vec![format!("bEARER  {good} ")], 200, None),
    ] {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let got = door.call_with(path, &lines, "read").await;
        assert_eq!((got.status, got.header("www-authenticate")), (status, challenge), "{what}: {got:?}");
    }
    assert_eq!(door.bench.audit().iter().filter(|line| line["event"] == "executed").count(), 2);
}

#[tokio::test]
async fn a_revoked_token_is_none_at_the_next_request() {
    let door = Door::open(Config::default()).await;
    let (ada, bob) = (door.token("ada", "everyone"), door.token("bob", "everyone"));
    door.lets_in(&ada, "ada").await;
    let session = door.bench.hub.authenticate(&ada).unwrap().session;
    assert!(crate::tokens::revoke(door.bench.data.path(), &session).unwrap());
    let got = door.call(&ada, "read").await;
    assert_eq!(got.status, 401);
    let last = door.bench.last();
    assert_eq!(
        (last["event"].as_str(), last["reason"].as_str()),
        (Some("refused"), Some("the token is revoked, or the store does not know it"))
    );
    door.lets_in(&bob, "bob").await;
    // Its session ends without anybody's asking.
    door.bench.hub.0.end_unauthorized();
    assert_eq!(door.bench.hub.sessions().into_iter().map(|session| session.principal).collect::<Vec<_>>(), ["bob"]);
}

#[tokio::test]
async fn an_address_with_too_many_tokens_that_are_none_waits_and_who_was_in_does_not() {
    let door = Door::open(Config::default()).await;
    let (ada, bob) = (door.token("ada", "everyone"), door.token("bob", "everyone"));
    door.lets_in(&ada, "before").await;
    let mut seen = Vec::new();
    for n in 0..=crate::identity::FAILURES {
        seen.push(door.call(&format!("a.b.{n}"), "read").await.status);
    }
    let (last, before) = seen.split_last().unwrap();
    assert!(before.iter().all(|status| *status == 401) && *last == 429, "{seen:?}");
    // The first request of another one from there waits as well, and is told how long.
    let got = door.call(&bob, "read").await;
    assert_eq!(got.status, 429);
    let wait: u64 = got.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=61).contains(&wait), "{wait}");
    door.lets_in(&ada, "after").await;
    // Nobody without a token is counted: that is how clients begin.
    assert_eq!(door.call_with("/mcp", &[], "read").await.status, 401);
    assert_eq!(door.get("/.well-known/oauth-protected-resource").await.status, 200);
}

#[tokio::test]
async fn the_metadata_is_there_for_everybody_and_names_no_server_where_there_is_none() {
    let door = Door::open(Config::default()).await;
    for path in ["/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"] {
        let got = door.get(path).await;
        assert_eq!((got.status, got.header("content-type")), (200, Some("application/json")), "{path}");
        let document: Value = serde_json::from_str(&got.body).unwrap();
        assert_eq!(document["resource"], format!("http://{}/mcp", door.address));
        assert_eq!(document.get("authorization_servers"), None);
    }
    assert_eq!(door.get("/.well-known/oauth-protected-resource/other").await.status, 404);
    assert_eq!(door.get("/.well-known/oauth-protected-resource?x=1").await.status, 400);
}

impl Door {
    /// Another hub with the key and the store of this one.
    async fn with(other: &Door) -> Self {
        let mut door = Self::open(Config::default()).await;
        let data = other.bench.data.path();
        let identity = Identity::open(data, Location::within(data), Config::default()).unwrap();
        // The listener has a handle of its own.
        let listener = crate::http::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        door.address = listener.address();
        let mut bench = bench(|_| answer("hi")).await;
        Arc::get_mut(&mut bench.hub.0).unwrap().identity = identity;
        tokio::spawn(crate::http::serve(bench.hub.clone(), listener, CancellationToken::new()));
        door.bench = bench;
        door
    }
}
