//! The hub's key pair: it signs tickets as JWS in compact form, and runners are born with its public half.

use super::{Ticket, jose};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{SigningKey, VerifyingKey};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::str::FromStr;

/// The `typ` of our header (RFC 7515 §4.1.9), so that no other token of the same key passes for a ticket.
const TYPE: &str = "safeclaw-ticket+jwt";

/// Why a ticket is not accepted, or cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum TicketError {
    /// Not a JWS in compact form with our header.
    #[error("the ticket is malformed")]
    Malformed,
    /// Another algorithm than EdDSA, `none` included.
    #[error("the ticket wants another algorithm than EdDSA")]
    Algorithm,
    /// Signed with a key that is not the hub's.
    #[error("the ticket names another key than the hub's")]
    Key,
    /// The signature is not over this text.
    #[error("the ticket's signature is wrong")]
    Signature,
    /// Rightly signed, but not a ticket that this program knows.
    #[error("the ticket's claims are not known here")]
    Claims,
    /// For another container.
    #[error("the ticket is for another container")]
    Container,
    /// For another run of this container, or another runner.
    #[error("the ticket answers another hello")]
    Nonce,
    /// For a container with another posture.
    #[error("the ticket is for another posture")]
    Posture,
    /// For another session than the first ticket.
    #[error("the ticket is for another session")]
    Session,
    /// Too late.
    #[error("the ticket expired at {expires}, it is {now_unix_s}")]
    Expired {
        /// Unix seconds.
        expires: u64,
        /// Unix seconds.
        now_unix_s: u64,
    },
    /// An older ticket, or this one again.
    #[error("the ticket's serial {serial} is not above {last}")]
    Serial {
        /// This ticket's.
        serial: u64,
        /// The last accepted one's.
        last: u64,
    },
    /// The library could not write it.
    #[error("the ticket cannot be signed")]
    Unsigned(#[source] jsonwebtoken::errors::Error),
}

/// A text that is not a hub's public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a hub key: 32 bytes of an Ed25519 public key in base64url without padding are wanted")]
pub struct BadHubKey;

/// The key a hub signs with. Never leaves the hub.
pub struct HubKey {
    signing: EncodingKey,
    public: HubPublicKey,
}

impl HubKey {
    /// From 32 secret random bytes.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let public = HubPublicKey::of(SigningKey::from_bytes(seed).verifying_key());
        Self { signing: EncodingKey::from_ed_der(seed), public }
    }

    /// The key's id, as in the tickets' `kid`.
    #[must_use]
    pub fn id(&self) -> String {
        self.public.id()
    }

    /// What runners verify with.
    #[must_use]
    pub fn public(&self) -> HubPublicKey {
        self.public.clone()
    }

    /// The ticket as a JWS.
    ///
    /// # Errors
    /// [`TicketError::Unsigned`] if the JOSE library fails; it has no reason to.
    pub fn sign(&self, ticket: &Ticket) -> Result<String, TicketError> {
        jose::install();
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(self.id());
        jsonwebtoken::encode(&header, ticket, &self.signing).map_err(TicketError::Unsigned)
    }
}

impl fmt::Debug for HubKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HubKey").field(&self.id()).finish()
    }
}

/// The public half; as text the base64url of its 32 bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubPublicKey {
    bytes: [u8; 32],
}

/// The header we write, and the only one that is read: a `crit`, a `jwk` or a `jku` is refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StrictHeader {
    typ: String,
    alg: String,
    kid: String,
}

impl HubPublicKey {
    fn of(key: VerifyingKey) -> Self {
        Self { bytes: key.to_bytes() }
    }

    /// The key's id: its JWK thumbprint (RFC 7638, RFC 8037 §2).
    #[must_use]
    pub fn id(&self) -> String {
        let jwk = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{self}"}}"#);
        URL_SAFE_NO_PAD.encode(Sha256::digest(jwk.as_bytes()))
    }

    /// The ticket, if this key signed it. Whether it is for you, now, is [`super::TicketCheck`]'s.
    ///
    /// # Errors
    /// One [`TicketError`] for each way to be wrong: the algorithm is this key's, never the header's.
    pub fn verify(&self, jws: &str) -> Result<Ticket, TicketError> {
        let header = strict_header(jws)?;
        if header.alg != "EdDSA" {
            return Err(TicketError::Algorithm);
        }
        if header.typ != TYPE {
            return Err(TicketError::Malformed);
        }
        if header.kid != self.id() {
            return Err(TicketError::Key);
        }
        jose::install();
        let key = DecodingKey::from_ed_der(&self.bytes);
        let mut validation = Validation::new(Algorithm::EdDSA);
        // These would read the clock and look for claims that a ticket names otherwise.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        match jsonwebtoken::decode(jws, &key, &validation) {
            Ok(token) => Ok(token.claims),
            Err(error) => Err(match error.kind() {
                ErrorKind::InvalidSignature | ErrorKind::Base64(_) => TicketError::Signature,
                ErrorKind::Json(_) => TicketError::Claims,
                _ => TicketError::Malformed,
            }),
        }
    }
}

fn strict_header(jws: &str) -> Result<StrictHeader, TicketError> {
    let mut parts = jws.split('.');
    let (Some(header), Some(_), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err(TicketError::Malformed);
    };
    let header = URL_SAFE_NO_PAD.decode(header).map_err(|_| TicketError::Malformed)?;
    serde_json::from_slice(&header).map_err(|_| TicketError::Malformed)
}

impl fmt::Display for HubPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.bytes))
    }
}

impl FromStr for HubPublicKey {
    type Err = BadHubKey;

    fn from_str(text: &str) -> Result<Self, BadHubKey> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| BadHubKey)?;
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| BadHubKey)?;
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| BadHubKey)?;
        // A weak key accepts signatures that nobody made.
        if key.is_weak() { Err(BadHubKey) } else { Ok(Self::of(key)) }
    }
}
