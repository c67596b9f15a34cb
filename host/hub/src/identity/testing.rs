//! An identity provider for tests: real keys, real signatures, a real listener.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::Config;
use axum::Router;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use jiff::Timestamp;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// The audience of its tokens.
pub(crate) const RESOURCE: &str = "https://tools.example.com/mcp";
/// Made for these tests; guards nothing.
const RSA: &[u8] = include_bytes!("testing/rsa.pk8");

pub(crate) enum Key {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

impl Key {
    pub(crate) fn rsa() -> Self {
        Self::Rsa(RsaKeyPair::from_pkcs8(RSA).unwrap())
    }

    pub(crate) fn ec() -> Self {
        let (alg, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(alg, &random).unwrap();
        Self::Ec(EcdsaKeyPair::from_pkcs8(alg, pkcs8.as_ref(), &random).unwrap())
    }

    pub(crate) fn ed() -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self::Ed(Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap())
    }

    pub(crate) fn alg(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "RS256",
            Self::Ec(_) => "ES256",
            Self::Ed(_) => "EdDSA",
        }
    }

    /// Its public half (RFC 7517).
    pub(crate) fn jwk(&self, kid: &str) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match self {
            Self::Rsa(key) => {
                let public = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(key.public());
                json!({"kty": "RSA", "use": "sig", "kid": kid, "n": text(&public.n), "e": text(&public.e)})
            }
            Self::Ec(key) => {
                let (x, y) = key.public_key().as_ref()[1..].split_at(32);
                json!({"kty": "EC", "crv": "P-256", "kid": kid, "x": text(x), "y": text(y)})
            }
            Self::Ed(key) => {
                json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": text(key.public_key().as_ref())})
            }
        }
    }

    /// A token of exactly this header and these claims.
    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(header), part(claims));
        let random = SystemRandom::new();
        let signature = match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, text.as_bytes(), &mut signature).unwrap();
                signature
            }
            Self::Ec(key) => key.sign(&random, text.as_bytes()).unwrap().as_ref().to_vec(),
            Self::Ed(key) => key.sign(text.as_bytes()).as_ref().to_vec(),
        };
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// What the listener answers.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Keys(Value),
    Text(String),
    Status(u16),
    Elsewhere(String),
}

/// The listener: what it answers can be changed, and it counts how often it is asked.
#[derive(Clone)]
pub(crate) struct Published {
    pub(crate) address: SocketAddr,
    answer: Arc<Mutex<Answer>>,
    asked: Arc<AtomicUsize>,
}

impl Published {
    pub(crate) async fn start(answer: Answer) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let published = Self { address, answer: Arc::new(Mutex::new(answer)), asked: Arc::default() };
        let shown = published.clone();
        let router = Router::new().route("/jwks", get(async move || shown.answer()));
        tokio::spawn(async move { axum_serve(listener, router).await });
        published
    }

    pub(crate) fn say(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/jwks", self.address)
    }

    fn answer(&self) -> Response {
        self.asked.fetch_add(1, Ordering::SeqCst);
        match self.answer.lock().unwrap().clone() {
            Answer::Keys(keys) => axum::Json(keys).into_response(),
            Answer::Text(text) => text.into_response(),
            Answer::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
            Answer::Elsewhere(url) => Redirect::temporary(&url).into_response(),
        }
    }
}

async fn axum_serve(listener: tokio::net::TcpListener, router: Router) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let service = hyper_util::service::TowerToHyperService::new(router.clone());
        tokio::spawn(async move {
            let io = hyper_util::rt::TokioIo::new(stream);
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(io, service).await;
        });
    }
}

/// A provider with one key of each kind, and what a hub that trusts it is configured with.
pub(crate) struct Provider {
    pub(crate) rsa: Key,
    pub(crate) ec: Key,
    pub(crate) ed: Key,
    pub(crate) published: Published,
}

pub(crate) const ISSUER: &str = "https://id.example.com/realms/corp";

impl Provider {
    pub(crate) async fn start() -> Self {
        let (rsa, ec, ed) = (Key::rsa(), Key::ec(), Key::ed());
        let keys = json!({"keys": [rsa.jwk("rsa"), ec.jwk("ec"), ed.jwk("ed")]});
        Self { rsa, ec, ed, published: Published::start(Answer::Keys(keys)).await }
    }

    pub(crate) fn config(&self, more: &str) -> Config {
        let text = format!(
            r#"
            resource = "{RESOURCE}"
            [issuers.corp]
            issuer = "{ISSUER}"
            jwks = "{}"
            {more}
            [[issuers.corp.profile]]
            claim = "groups"
            value = "agents"
            profile = "everyone"
            [[issuers.corp.profile]]
            claim = "groups"
            value = "readers"
            profile = "reader"
            "#,
            self.published.url()
        );
        Config::parse(&text, Path::new("/")).unwrap()
    }

    /// The header of a good token.
    pub(crate) fn header(&self, kid: &str) -> Value {
        let key = match kid {
            "ec" => &self.ec,
            "ed" => &self.ed,
            _ => &self.rsa,
        };
        json!({"alg": key.alg(), "typ": "at+jwt", "kid": kid})
    }

    /// The claims of a good token.
    pub(crate) fn claims() -> Value {
        let now = Timestamp::now().as_second();
        json!({
            "iss": ISSUER, "aud": RESOURCE, "sub": "ada", "jti": "0123456789", "iat": now, "nbf": now,
            "exp": now + 600, "scope": "openid tools:user tools:write", "groups": ["agents"],
        })
    }

    /// Good claims with some of them changed; null takes one away.
    pub(crate) fn claims_with(changes: Value) -> Value {
        changed(Self::claims(), changes)
    }
}

/// An object with some fields changed; null takes one away.
pub(crate) fn changed(mut object: Value, changes: Value) -> Value {
    let fields = object.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(fields.remove(name)),
            value => drop(fields.insert(name.clone(), value.clone())),
        }
    }
    object
}
