//! Tokens of an identity provider: every way to have one that is not for us, not good, or worth nothing here.

use super::*;
use crate::identity::testing::{Key, changed};

async fn door(provider: &Provider, more: &str) -> Door {
    Door::open(provider.config(more)).await
}

#[tokio::test]
async fn a_token_of_each_kind_of_key_lets_in_and_is_one_session() {
    let provider = Provider::start().await;
    let door = door(&provider, "").await;
    for (kid, key) in [("rsa", &provider.rsa), ("ec", &provider.ec), ("ed", &provider.ed)] {
        let claims = Provider::claims_with(json!({"jti": kid}));
        door.lets_in(&key.sign(&provider.header(kid), &claims), kid).await;
    }
    let sessions = door.bench.hub.sessions();
    assert_eq!(sessions.len(), 3);
    assert!(sessions.iter().all(|session| session.principal == "corp/ada" && session.profile.as_str() == "everyone"));
    let document: Value =
        serde_json::from_str(&door.get("/.well-known/oauth-protected-resource/mcp").await.body).unwrap();
    assert_eq!(document["resource"], RESOURCE);
    assert_eq!(document["authorization_servers"], json!([crate::identity::testing::ISSUER]));
}

#[tokio::test]
async fn a_token_that_is_not_the_issuers_word_for_this_hub_gets_401_and_a_line_in_the_log() {
    let provider = Provider::start().await;
    let (now, rsa) = (jiff::Timestamp::now().as_second(), &provider.rsa);
    let header = provider.header("rsa");
    let claims = |changes| rsa.sign(&header, &Provider::claims_with(changes));
    let headed = |changes| rsa.sign(&changed(header.clone(), changes), &Provider::claims());
    let stranger = Key::ed();
    let modulus = rsa.jwk("rsa").to_string();
    let hmac = {
        let unsigned = rsa.sign(&changed(header.clone(), json!({"alg": "HS256"})), &Provider::claims());
        let (text, _) = unsigned.rsplit_once('.').unwrap();
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, modulus.as_bytes());
        let tag = ring::hmac::sign(&key, text.as_bytes());
        format!("{text}.{}", base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, tag))
    };
    let claim = |name: &str| Refused::Claim(name.into());
    let rows = [
        ("for another service", claims(json!({"aud": "https://other.example.com/mcp"})), Refused::Audience),
        ("for a part of our name", claims(json!({"aud": "https://tools.example.com"})), Refused::Audience),
        ("for many others", claims(json!({"aud": ["https://a.example", "b"]})), Refused::Audience),
        ("for nobody", claims(json!({"aud": null})), claim("aud")),
        ("an issuer that is not trusted", claims(json!({"iss": "https://evil.example"})), Refused::Issuer),
        ("an issuer with a slash more", claims(json!({"iss": "https://id.example.com/realms/corp/"})), Refused::Issuer),
        ("no issuer", claims(json!({"iss": null})), Refused::Malformed),
        ("two issuers", claims(json!({"iss": ["https://id.example.com/realms/corp"]})), Refused::Malformed),
        ("expired", claims(json!({"exp": now - 120})), Refused::Expired),
        ("without an end", claims(json!({"exp": null})), claim("exp")),
        ("an end in words", claims(json!({"exp": "tomorrow"})), claim("exp")),
        ("not yet", claims(json!({"nbf": now + 120})), Refused::NotYet),
        ("of nobody", claims(json!({"sub": null})), claim("sub")),
        ("an empty name", claims(json!({"sub": ""})), claim("sub")),
        ("a name that hides", claims(json!({"sub": "ada\u{202e}"})), claim("sub")),
        ("a name too long", claims(json!({"sub": "x".repeat(128)})), claim("sub")),
        ("no group that is mapped", claims(json!({"groups": ["guests"]})), Refused::Unmapped("corp".into())),
        (
            "a group that only looks like it",
            claims(json!({"groups": "agents,readers"})),
            Refused::Unmapped("corp".into()),
        ),
        ("no groups", claims(json!({"groups": null})), Refused::Unmapped("corp".into())),
        ("an ID token", headed(json!({"typ": "JWT"})), Refused::Type),
        ("no typ", headed(json!({"typ": null})), Refused::Type),
        ("no kid", headed(json!({"kid": null})), Refused::Key),
        ("an unknown kid", headed(json!({"kid": "new"})), Refused::Key),
        ("another key's kid", headed(json!({"kid": "ed"})), Refused::Algorithm),
        ("another key's kid and algorithm", headed(json!({"kid": "ed", "alg": "EdDSA"})), Refused::Signature),
        ("a longer hash", headed(json!({"alg": "RS512"})), Refused::Algorithm),
        ("PSS", headed(json!({"alg": "PS256"})), Refused::Algorithm),
        ("none", headed(json!({"alg": "none"})), Refused::Algorithm),
        ("HMAC with the public key", hmac, Refused::Algorithm),
        ("crit", headed(json!({"crit": ["x"]})), Refused::Critical),
        ("a stranger's signature", stranger.sign(&provider.header("ed"), &Provider::claims()), Refused::Signature),
        (
            "a stranger's key in the header",
            stranger.sign(&changed(provider.header("ed"), json!({"jwk": stranger.jwk("ed")})), &Provider::claims()),
            Refused::Signature,
        ),
        ("no session of anybody", claims(json!({"jti": null, "sub": null})), claim("sub")),
    ];
    let good = claims(json!({}));
    for (what, token, reason) in rows {
        let door = door(&provider, "").await;
        door.turns_away(&token, &reason, what).await;
        door.lets_in(&good, what).await;
    }
    // Within the leeway clocks may differ, and one audience among several is ours.
    for (what, changes) in [
        ("just expired", json!({"exp": now - 20})),
        ("almost", json!({"nbf": now + 20})),
        ("one of two", json!({"aud": ["https://other.example.com", RESOURCE]})),
    ] {
        door(&provider, "").await.lets_in(&claims(changes), what).await;
    }
}

/// Each field of the identity file, against a token that only the other value takes.
#[tokio::test]
async fn every_setting_of_an_issuer_decides_something() {
    let provider = Provider::start().await;
    let sign = |header: Value, claims: Value| provider.rsa.sign(&header, &Provider::claims_with(claims));
    let header = || provider.header("rsa");
    let plain = sign(header(), json!({}));
    let typed = sign(changed(header(), json!({"typ": "JWT"})), json!({}));
    let unscoped = sign(header(), json!({"scope": "openid"}));

    let only_ec = door(&provider, r#"algorithms = ["ES256"]"#).await;
    only_ec.turns_away(&plain, &Refused::Algorithm, "algorithms").await;
    only_ec.lets_in(&provider.ec.sign(&provider.header("ec"), &Provider::claims()), "algorithms").await;

    let jwt = door(&provider, r#"types = ["JWT"]"#).await;
    jwt.turns_away(&plain, &Refused::Type, "types").await;
    jwt.lets_in(&typed, "types").await;

    let by_mail = door(&provider, r#"principal = "email""#).await;
    by_mail.turns_away(&plain, &Refused::Claim("email".into()), "principal").await;
    by_mail.lets_in(&sign(header(), json!({"email": "ada@example.com"})), "principal").await;
    assert_eq!(by_mail.bench.hub.sessions().remove(0).principal, "corp/ada@example.com");

    let token_says = door(&provider, r#"scopes = "token""#).await;
    assert_eq!(token_says.call(&unscoped, "read").await.status, 403);
    door(&provider, r#"scopes = "profile""#).await.lets_in(&unscoped, "scopes").await;
    let narrow = door(&provider, "").await;
    assert_eq!(narrow.call(&sign(header(), json!({"scope": null, "scp": ["tools:user"]})), "edit").await.status, 403);

    // The first row that matches counts: the wider group comes first in the file, whatever the token's order.
    let rows = door(&provider, "").await;
    let both = sign(header(), json!({"groups": ["readers", "agents"]}));
    assert_eq!(rows.call(&both, "edit").await.status, 200);
    let reader = sign(header(), json!({"groups": ["readers"], "jti": "r"}));
    assert!(rows.call(&reader, "edit").await.body.contains("-32602"));
    rows.lets_in(&reader, "rows").await;
}

#[tokio::test]
async fn who_has_a_narrow_token_is_never_in_the_session_of_a_wider_one() {
    let provider = Provider::start().await;
    let door = door(&provider, "").await;
    let sign = |claims: Value| provider.ed.sign(&provider.header("ed"), &Provider::claims_with(claims));
    let of = async |claims: Value| door.bench.hub.admit(&sign(claims), "test").await.unwrap();
    let wide = of(json!({"jti": null, "sid": "s"})).await;
    let again = of(json!({"jti": null, "sid": "s", "iat": 1})).await;
    assert_eq!(wide, again, "a token that was renewed is the same session");
    for (what, claims) in [
        ("narrower", json!({"jti": null, "sid": "s", "scope": "tools:user"})),
        ("another profile", json!({"jti": null, "sid": "s", "groups": ["readers"]})),
        ("another session", json!({"jti": null, "sid": "t"})),
        ("another subject", json!({"jti": null, "sid": "s", "sub": "bob"})),
        ("a jti of that text", json!({"jti": "s"})),
        ("another client", json!({"jti": null, "client_id": "c"})),
    ] {
        assert_ne!(of(claims).await.session, wide.session, "{what}");
    }
    // What the narrow one may do stays narrow after the wide one came in.
    let narrow = of(json!({"jti": null, "sid": "s", "scope": "tools:user"})).await;
    assert_eq!(door.bench.hub.in_force(&narrow).unwrap().scopes.to_string(), "tools:user");
    // A local principal of that name is somebody else.
    let local = door.bench.hub.authenticate(&door.token("ada", "everyone")).unwrap();
    assert_ne!(local.principal, wide.principal);
}

#[tokio::test]
async fn a_key_that_the_issuer_withdrew_ends_the_sessions_that_it_opened() {
    let provider = Provider::start().await;
    let door = door(&provider, "").await;
    let token = provider.ed.sign(&provider.header("ed"), &Provider::claims());
    door.lets_in(&token, "before").await;
    let caller = door.bench.hub.admit(&token, "test").await.unwrap();
    let keys = json!({"keys": [provider.rsa.jwk("rsa")]});
    provider.published.say(crate::identity::testing::Answer::Keys(keys));
    door.bench.hub.0.identity.refresh().await;
    assert_eq!(door.bench.hub.in_force(&caller), None);
    door.bench.hub.0.end_unauthorized();
    assert!(door.bench.hub.sessions().is_empty());
    assert_eq!(door.call(&token, "read").await.status, 401);
    let other = provider.rsa.sign(&provider.header("rsa"), &Provider::claims());
    door.lets_in(&other, "a key that is still there").await;
}
