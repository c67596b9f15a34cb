//! An issuer that the operator trusts: whether a token is its word, and what that word is worth here.

use super::fetch::Source;
use super::jwks::Key;
use super::keys::Keys;
use super::{Header, Refused, Scopes};
use crate::api::{Caller, SessionId};
use crate::clean;
use crate::tokens::refused;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, Validation};
use manifest::ProfileName;
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

/// How far the clocks of an issuer and of this hub may be apart, in seconds.
pub(super) const LEEWAY_S: u64 = 60;
/// Longest name of a caller, the issuer's included, in bytes. A longer one is refused: cut, two would be one.
const MAX_PRINCIPAL_BYTES: usize = 128;

/// What the operator says of an issuer.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    /// The operator's name for it: stands before each of its principals.
    pub(super) name: String,
    /// Its `iss`, to the letter.
    pub(super) issuer: String,
    pub(super) source: Source,
    pub(super) algorithms: Vec<Algorithm>,
    /// The `typ` of its access tokens.
    pub(super) types: Vec<String>,
    /// Which claim names the caller.
    pub(super) principal: String,
    pub(super) scopes: ScopesOf,
    /// In order: the first that matches counts.
    pub(super) rows: Vec<Row>,
}

/// Who says which scopes a token has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ScopesOf {
    /// The token, in `scope` or `scp`.
    Token,
    /// Nobody: the profile alone decides. For an issuer that does not know them.
    Profile,
}

/// A claim and the profile that it is worth.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Row {
    /// Its name; a JSON Pointer where it begins with `/`.
    pub(super) claim: String,
    /// What it must be, or hold.
    pub(super) value: String,
    pub(super) profile: ProfileName,
}

/// An issuer at work.
pub(super) struct Issuer {
    settings: Settings,
    keys: Keys,
}

/// An issuer's word for a caller.
pub(super) struct Vouched {
    pub(super) caller: Caller,
    pub(super) expires: Timestamp,
    pub(super) kid: String,
}

/// The issuer that a token names, unproved: it only says whose keys are tried.
pub(super) fn named(token: &str) -> Result<String, Refused> {
    #[derive(Deserialize)]
    struct Named {
        iss: String,
    }
    let payload = token.split('.').nth(1).ok_or(Refused::Malformed)?;
    let payload = URL_SAFE_NO_PAD.decode(payload).map_err(|_| Refused::Malformed)?;
    let named: Named = serde_json::from_slice(&payload).map_err(|_| Refused::Malformed)?;
    Ok(named.iss)
}

impl Issuer {
    pub(super) fn new(settings: Settings) -> Self {
        super::verifiers::install();
        let keys = Keys::new(settings.name.clone(), settings.source.clone());
        Self { settings, keys }
    }

    pub(super) fn url(&self) -> &str {
        &self.settings.issuer
    }

    /// Compared as it is written: an issuer is not a URL to be normalised (RFC 8414 §2).
    pub(super) fn is(&self, named: &str) -> bool {
        self.settings.issuer == named
    }

    /// Whether a key is still among those that it publishes.
    pub(super) fn has(&self, kid: &str) -> bool {
        self.keys.find(kid).is_some()
    }

    pub(super) async fn keep_keys(&self) {
        self.keys.keep().await;
    }

    #[cfg(test)]
    pub(super) async fn refresh(&self) {
        self.keys.refresh().await;
    }

    pub(super) fn problem(&self) -> Option<String> {
        self.keys.trouble()
    }

    /// The caller for whom this token is the issuer's word, if it is for this audience and good now.
    pub(super) async fn check(&self, token: &str, header: &Header, audience: &str) -> Result<Vouched, Refused> {
        if !header.is_type(&self.settings.types) {
            return Err(Refused::Type);
        }
        let algorithm = self.settings.algorithms.iter().find(|algorithm| name(**algorithm) == header.alg);
        let algorithm = *algorithm.ok_or(Refused::Algorithm)?;
        let kid = header.kid.clone().ok_or(Refused::Key)?;
        let key = self.keys.find_or_ask(&kid).await?;
        if key.algorithm != algorithm {
            return Err(Refused::Algorithm);
        }
        let claims = self.claims(token, &key, audience)?;
        let caller = self.caller(&claims)?;
        Ok(Vouched { caller, expires: expires(&claims)?, kid })
    }

    fn claims(&self, token: &str, key: &Key, audience: &str) -> Result<Map<String, Value>, Refused> {
        let mut validation = Validation::new(key.algorithm);
        validation.set_issuer(&[&self.settings.issuer]);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["iss", "aud", "exp", "sub"]);
        validation.validate_nbf = true;
        validation.leeway = LEEWAY_S;
        let decoded = jsonwebtoken::decode::<Map<String, Value>>(token, &key.public, &validation);
        Ok(decoded.map_err(refused)?.claims)
    }

    fn caller(&self, claims: &Map<String, Value>) -> Result<Caller, Refused> {
        let missing = || Refused::Claim(self.settings.principal.clone());
        let who = find(claims, &self.settings.principal).and_then(Value::as_str).ok_or_else(missing)?;
        let principal = format!("{}/{who}", self.settings.name);
        if who.is_empty() || clean::line(&principal, MAX_PRINCIPAL_BYTES) != principal {
            return Err(missing());
        }
        let row = self.settings.rows.iter().find(|row| row.matches(claims));
        let profile = row.ok_or_else(|| Refused::Unmapped(self.settings.name.clone()))?.profile.clone();
        let scopes = match self.settings.scopes {
            ScopesOf::Profile => Scopes::all(),
            ScopesOf::Token => Scopes::among(["scope", "scp"].into_iter().flat_map(|claim| words(claims.get(claim)))),
        };
        let session = session(&self.settings.issuer, claims, [&principal, profile.as_str(), &scopes.to_string()])?;
        Ok(Caller { session, principal, profile, scopes })
    }
}

impl Row {
    fn matches(&self, claims: &Map<String, Value>) -> bool {
        match find(claims, &self.claim) {
            Some(Value::String(text)) if ["scope", "scp"].contains(&self.claim.as_str()) => {
                text.split(' ').any(|word| word == self.value)
            }
            Some(Value::String(text)) => *text == self.value,
            Some(Value::Array(all)) => all.iter().any(|one| one.as_str() == Some(&self.value)),
            _ => false,
        }
    }
}

/// An algorithm's name in a header.
pub(super) fn name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::RS256 => "RS256",
        Algorithm::ES256 => "ES256",
        Algorithm::EdDSA => "EdDSA",
        // Nothing that a header can say.
        _ => "",
    }
}

fn find<'c>(claims: &'c Map<String, Value>, claim: &str) -> Option<&'c Value> {
    let Some(pointer) = claim.strip_prefix('/') else { return claims.get(claim) };
    let (first, rest) = pointer.split_once('/').unwrap_or((pointer, ""));
    let first = claims.get(&first.replace("~1", "/").replace("~0", "~"))?;
    if rest.is_empty() { Some(first) } else { first.pointer(&format!("/{rest}")) }
}

fn words(claim: Option<&Value>) -> Vec<&str> {
    match claim {
        Some(Value::String(text)) => text.split(' ').collect(),
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn expires(claims: &Map<String, Value>) -> Result<Timestamp, Refused> {
    let unusable = || Refused::Claim("exp".to_owned());
    let exp = claims.get("exp").and_then(Value::as_f64).filter(|exp| exp.is_finite()).ok_or_else(unusable)?;
    // A float beyond what fits becomes the last second that there is.
    let end = (exp as i64).saturating_add_unsigned(LEEWAY_S).min(Timestamp::MAX.as_second());
    Timestamp::from_second(end).map_err(|_| unusable())
}

/// Names the session of an issuer's token: one authorization, whatever the text of its token. That is the token's
/// `jti`; where there is none, the issuer's own session (`sid`) of this subject, or the client's. What the caller may
/// do is part of the name, so that a narrow token never finds itself in the session of a wider one.
fn session(issuer: &str, claims: &Map<String, Value>, may: [&str; 3]) -> Result<SessionId, Refused> {
    let text = |claim: &str| claims.get(claim).and_then(Value::as_str);
    let subject = text("sub").ok_or_else(|| Refused::Claim("sub".to_owned()))?;
    let of = match text("jti") {
        Some(jti) => ["jti", jti],
        None => ["sid", text("sid").or_else(|| text("client_id")).or_else(|| text("azp")).unwrap_or_default()],
    };
    let mut hash = Sha256::new();
    for part in [issuer, subject].into_iter().chain(of).chain(may) {
        // Each with its length before it: no two lists have one text.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    Ok(SessionId(hex::encode(hash.finalize()).chars().take(32).collect()))
}
