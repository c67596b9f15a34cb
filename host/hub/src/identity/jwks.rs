//! An issuer's public keys (RFC 7517): each with the one algorithm that it is for.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::VerifyingKey;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Longest document that is read, in bytes.
pub(super) const MAX_BYTES: usize = 64 << 10;
/// Keys in one document. An issuer has one or two, and a few while it rotates.
pub(super) const MAX_KEYS: usize = 32;
/// A modulus longer than this costs more to use than it is worth.
const MAX_RSA_BYTES: usize = 512;
/// Shorter ones are no signature any more.
const MIN_RSA_BYTES: usize = 256;
/// Longest id of a key.
const MAX_KID_BYTES: usize = 256;

/// A key and what it is for: never what a token's header would like it to be for.
#[derive(Clone)]
pub(super) struct Key {
    pub(super) algorithm: Algorithm,
    pub(super) public: DecodingKey,
}

/// Why a document holds no keys.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadKeys {
    #[error("it is longer than {MAX_BYTES} bytes")]
    Long,
    #[error("it is no JWK set ({0})")]
    Json(String),
    #[error("it has more than {MAX_KEYS} keys")]
    Many,
    #[error(
        "it has no key that can be used here: RSA of 2048 to 4096 bits, P-256 or Ed25519, for signatures, with a `kid` of its own"
    )]
    None,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Jwk>,
}

/// What is looked at of a key; texts are base64url.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    used_for: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// The keys by their ids. One that cannot be used is left out, and so are two of one id: which of them a token
/// means cannot be told.
pub(super) fn read(document: &[u8]) -> Result<BTreeMap<String, Key>, BadKeys> {
    if document.len() > MAX_BYTES {
        return Err(BadKeys::Long);
    }
    let document: Document = serde_json::from_slice(document).map_err(|error| BadKeys::Json(error.to_string()))?;
    if document.keys.len() > MAX_KEYS {
        return Err(BadKeys::Many);
    }
    let mut keys = BTreeMap::new();
    let mut doubled = BTreeSet::new();
    for jwk in &document.keys {
        let Some(kid) = jwk.kid.clone().filter(|kid| (1..=MAX_KID_BYTES).contains(&kid.len())) else { continue };
        let Some(key) = key(jwk) else { continue };
        if keys.insert(kid.clone(), key).is_some() {
            doubled.insert(kid);
        }
    }
    keys.retain(|kid, _| !doubled.contains(kid));
    if keys.is_empty() { Err(BadKeys::None) } else { Ok(keys) }
}

fn key(jwk: &Jwk) -> Option<Key> {
    let signs = jwk.used_for.as_deref().is_none_or(|used_for| used_for == "sig")
        && jwk.key_ops.as_ref().is_none_or(|ops| ops.iter().any(|op| op == "verify"));
    if !signs {
        return None;
    }
    let (name, algorithm, public) = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("RSA", None) => ("RS256", Algorithm::RS256, rsa(jwk)?),
        ("EC", Some("P-256")) => ("ES256", Algorithm::ES256, p256(jwk)?),
        ("OKP", Some("Ed25519")) => ("EdDSA", Algorithm::EdDSA, ed25519(jwk)?),
        _ => return None,
    };
    jwk.alg.as_deref().is_none_or(|alg| alg == name).then_some(Key { algorithm, public })
}

fn rsa(jwk: &Jwk) -> Option<DecodingKey> {
    let (n, e) = (bytes(jwk.n.as_deref())?, bytes(jwk.e.as_deref())?);
    let sound =
        (MIN_RSA_BYTES..=MAX_RSA_BYTES).contains(&n.len()) && n.first() != Some(&0) && (1..=8).contains(&e.len());
    sound.then(|| DecodingKey::from_rsa_raw_components(&n, &e))
}

fn p256(jwk: &Jwk) -> Option<DecodingKey> {
    let (x, y) = (jwk.x.as_deref()?, jwk.y.as_deref()?);
    let whole = bytes(Some(x))?.len() == 32 && bytes(Some(y))?.len() == 32;
    whole.then(|| DecodingKey::from_ec_components(x, y).ok()).flatten()
}

fn ed25519(jwk: &Jwk) -> Option<DecodingKey> {
    let x: [u8; 32] = bytes(jwk.x.as_deref())?.try_into().ok()?;
    // A weak key accepts signatures that nobody made.
    VerifyingKey::from_bytes(&x).ok().filter(|key| !key.is_weak())?;
    Some(DecodingKey::from_ed_der(&x))
}

fn bytes(text: Option<&str>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text?).ok()
}

#[cfg(test)]
mod tests;
