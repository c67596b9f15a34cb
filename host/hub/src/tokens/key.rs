//! The key that signs this hub's tokens, and what a token says (RFC 9068, RFC 7519).

use crate::data;
use crate::identity::{Header, MAX_TOKEN_BYTES, Refused, Scopes};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::SigningKey;
use jiff::Timestamp;
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Validation};
use manifest::ProfileName;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Keeps this key apart from those of tickets and seals, which come from the same secret: no ticket can ever be
/// a token, nor a token a ticket.
const DOMAIN: &[u8] = b"safeclaw access token 1\0";
/// The `typ` of an access token (RFC 9068 §2.1).
const TYPE: &str = "at+jwt";

/// What a token says. Times are Unix seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Claims {
    pub(super) iss: String,
    pub(super) aud: String,
    /// The principal.
    pub(super) sub: String,
    pub(super) jti: String,
    pub(super) iat: i64,
    pub(super) nbf: i64,
    /// None: until it is revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) exp: Option<i64>,
    pub(super) profile: ProfileName,
    pub(super) scope: Scopes,
}

/// A hub's key for tokens, and the names that stand in them.
pub(crate) struct TokenKey {
    signing: EncodingKey,
    public: DecodingKey,
    kid: String,
    issuer: String,
    audience: String,
}

impl TokenKey {
    /// From the hub's id and seed.
    pub(crate) fn new(hub_id: &str, seed: &[u8; 32]) -> Self {
        // Both parts have a fixed length, so no other pair has this text.
        let derived = data::derived(DOMAIN, seed);
        let public = SigningKey::from_bytes(&derived).verifying_key().to_bytes();
        let jwk = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, URL_SAFE_NO_PAD.encode(public));
        let issuer = format!("urn:safeclaw:hub:{hub_id}");
        Self {
            signing: EncodingKey::from_ed_der(&derived),
            public: DecodingKey::from_ed_der(&public),
            // Its thumbprint (RFC 7638).
            kid: URL_SAFE_NO_PAD.encode(Sha256::digest(jwk.as_bytes())),
            // Not the address at which the hub listens, which changes while its tokens stay.
            audience: format!("{issuer}:mcp"),
            issuer,
        }
    }

    /// Who signs.
    pub(super) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// For whom.
    pub(super) fn audience(&self) -> &str {
        &self.audience
    }

    /// Whether a token says that this key signed it. Its header is not believed further than that.
    pub(crate) fn is_of(&self, header: &Header) -> bool {
        header.kid.as_deref() == Some(self.kid.as_str())
    }

    /// The token of these claims.
    pub(super) fn sign(&self, claims: &Claims) -> Result<String, Error> {
        protocol::jose::install();
        let mut header = jsonwebtoken::Header::new(Algorithm::EdDSA);
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(self.kid.clone());
        jsonwebtoken::encode(&header, claims, &self.signing)
    }

    /// The claims, if this key signed them for this hub and they are good now. Whether they were taken back is
    /// the store's to say.
    pub(super) fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, Refused> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Refused::TooLong);
        }
        let header = Header::of(token)?;
        if header.alg != "EdDSA" {
            return Err(Refused::Algorithm);
        }
        if !header.is_type(&[TYPE]) {
            return Err(Refused::Type);
        }
        if !self.is_of(&header) {
            return Err(Refused::Key);
        }
        protocol::jose::install();
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(&[&self.audience]);
        validation.set_required_spec_claims(&["iss", "aud"]);
        // By our own clock, below: its own is the same, and cannot be set for tests.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        let claims = jsonwebtoken::decode::<Claims>(token, &self.public, &validation).map_err(refused)?.claims;
        if now.as_second() < claims.nbf {
            return Err(Refused::NotYet);
        }
        match claims.exp {
            Some(exp) if now.as_second() >= exp => Err(Refused::Expired),
            _ => Ok(claims),
        }
    }
}

/// What the library says, in our words.
pub(crate) fn refused(error: Error) -> Refused {
    match error.kind() {
        ErrorKind::InvalidSignature | ErrorKind::Base64(_) => Refused::Signature,
        ErrorKind::InvalidAlgorithm | ErrorKind::UnsupportedAlgorithm | ErrorKind::InvalidAlgorithmName => {
            Refused::Algorithm
        }
        ErrorKind::InvalidIssuer => Refused::Issuer,
        ErrorKind::InvalidAudience => Refused::Audience,
        ErrorKind::ExpiredSignature => Refused::Expired,
        ErrorKind::ImmatureSignature => Refused::NotYet,
        ErrorKind::MissingRequiredClaim(claim) => Refused::Claim(claim.clone()),
        _ => Refused::Malformed,
    }
}
