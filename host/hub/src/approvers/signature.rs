//! SSHSIG, as `ssh-keygen -Y sign` writes it: read strictly, in its one spelling, and verified by the library.

use super::key::ApproverKey;
use super::{NotApproved, Presence};
use crate::clean;
use ssh_key::public::KeyData;
use ssh_key::{Algorithm, HashAlg, LineEnding, PublicKey, SshSig};

/// The longest text: a token's signature has 500 bytes, and no key that is taken makes a longer one.
pub(super) const MOST_BYTES: usize = 4 << 10;

/// User presence and user verification in a token's signature (U2F raw messages, CTAP 2).
const TOUCHED: u8 = 0x01;
const VERIFIED: u8 = 0x04;
/// What follows the 64 bytes of Ed25519: flags and a counter.
const FLAGS_AT: usize = 64;

/// A signature that could be one, by a key that nobody has looked up.
pub(super) struct Read(SshSig);

/// Reads a signature for one purpose.
pub(super) fn read(text: &str, namespace: &'static str) -> Result<Read, NotApproved> {
    if text.len() > MOST_BYTES {
        return Err(NotApproved::Unreadable);
    }
    let text = text.replace("\r\n", "\n");
    let signature = SshSig::from_pem(&text).map_err(|_| NotApproved::Unreadable)?;
    // One spelling for one signature: no second block, nothing before, between or behind that a reader passes over.
    let spelled = signature.to_pem(LineEnding::LF).map_err(|_| NotApproved::Unreadable)?;
    if spelled.trim_end() != text.trim_end() || signature.version() != SshSig::VERSION {
        return Err(NotApproved::Unreadable);
    }
    if !signature.reserved().is_empty() {
        return Err(NotApproved::Unreadable);
    }
    if signature.namespace() != namespace {
        let found = clean::line(signature.namespace(), 64);
        return Err(NotApproved::WrongNamespace { found, wanted: namespace });
    }
    match (signature.public_key(), signature.algorithm()) {
        (KeyData::Ed25519(_), Algorithm::Ed25519) | (KeyData::SkEd25519(_), Algorithm::SkEd25519) => {}
        // A key and a signature of two kinds: what one kind's rules refuse, the other's may let through.
        (KeyData::Ed25519(_) | KeyData::SkEd25519(_), other) => return Err(kind(&other)),
        (key, _) => return Err(kind(&key.algorithm())),
    }
    match signature.hash_alg() {
        HashAlg::Sha256 | HashAlg::Sha512 => Ok(Read(signature)),
        _ => Err(NotApproved::Unreadable),
    }
}

impl Read {
    /// Whether it says that it is by this key, to the byte: a token's application included.
    pub(super) fn is_by(&self, key: &ApproverKey) -> bool {
        key.public().key_data() == self.0.public_key()
    }

    /// The fingerprint of the key that it says it is by.
    pub(super) fn fingerprint(&self) -> String {
        PublicKey::from(self.0.public_key().clone()).fingerprint(HashAlg::Sha256).to_string()
    }

    /// Whether that key has signed this, and what the signature itself shows of the person.
    pub(super) fn over(
        &self,
        statement: &[u8],
        namespace: &'static str,
        key: &ApproverKey,
    ) -> Result<Presence, NotApproved> {
        key.public().verify(namespace, statement, &self.0).map_err(|_| NotApproved::BadSignature)?;
        if !key.is_token() {
            return Ok(Presence::NotShown);
        }
        // The library has verified the flags along with the rest: they are part of what the token signs.
        let flags = self.0.signature_bytes().get(FLAGS_AT).copied().unwrap_or_default();
        match (flags & TOUCHED != 0, flags & VERIFIED != 0) {
            (true, true) => Ok(Presence::Verified),
            (true, false) => Ok(Presence::Touched),
            // A token that signs without a touch signs for whoever has a shell; ssh refuses such signatures too.
            (false, _) => Err(NotApproved::NeedsPresence),
        }
    }
}

fn kind(algorithm: &Algorithm) -> NotApproved {
    NotApproved::WrongKind(clean::line(algorithm.as_str(), 64))
}
