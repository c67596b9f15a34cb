//! Heads: signed sentences about the chain. Each is signed by a key of its own, and names the next one; a key that
//! has signed is replaced by its hash. So whoever has the first public key can follow all of them, and whoever takes
//! the hub over finds the key of the next head and none of those before. (Forward-secure logs: Schneier and Kelsey,
//! "Secure audit logs to support computer forensics", 1999; Bellare and Yee, 1997.)

use super::hex::{LineHash, PublicKey, Signature};
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// What each hash and signature is for, so that none is taken for another.
const EVOLVE: &[u8] = b"safeclaw audit evolve 1\n";
const SIGN: &[u8] = b"safeclaw audit sign 1\n";
const HEAD: &[u8] = b"safeclaw audit head 1\n";

/// Says that the log `log` is this one up to a record, as it stood then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The log's id, as its first record has it.
    pub log: Uuid,
    /// The number of the key that signed: 0 is the one that the first record names.
    pub step: u64,
    /// The `seq` of the last record that this vouches for.
    pub upto: u64,
    /// That record's hash; it holds the hash of the one before, and so of all.
    pub hash: LineHash,
    /// The public key of the next step.
    pub next: PublicKey,
    /// By the key of this step, over all of the above.
    pub signature: Signature,
}

impl Head {
    /// Whether this key signed it. Strict: one key, one signature, no small-order points.
    #[must_use]
    pub fn is_signed_by(&self, key: &PublicKey) -> bool {
        let Ok(key) = VerifyingKey::from_bytes(&key.0) else { return false };
        let message = message(&self.log, self.step, self.upto, &self.hash, &self.next);
        key.verify_strict(&message, &ed25519_dalek::Signature::from_bytes(&self.signature.0)).is_ok()
    }
}

/// Fields of fixed length, in the order of the struct.
fn message(log: &Uuid, step: u64, upto: u64, hash: &LineHash, next: &PublicKey) -> Vec<u8> {
    let mut message = Vec::with_capacity(HEAD.len() + 96);
    message.extend_from_slice(HEAD);
    message.extend_from_slice(log.as_bytes());
    message.extend_from_slice(&step.to_be_bytes());
    message.extend_from_slice(&upto.to_be_bytes());
    message.extend_from_slice(&hash.0);
    message.extend_from_slice(&next.0);
    message
}

/// The secret of one step.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Secret(super::hex::Hex<32>);

impl Secret {
    /// The first one.
    pub(super) fn random() -> Result<Self, getrandom::Error> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret)?;
        Ok(Self(super::hex::Hex(secret)))
    }

    #[cfg(test)]
    pub(super) fn of(bytes: [u8; 32]) -> Self {
        Self(super::hex::Hex(bytes))
    }

    /// That of the next step; there is no way back.
    pub(super) fn next(&self) -> Self {
        Self(super::hex::Hex(labelled(EVOLVE, &self.0.0)))
    }

    /// What others verify the head of this step with.
    pub(super) fn public(&self) -> PublicKey {
        super::hex::Hex(self.signing().verifying_key().to_bytes())
    }

    /// The head of this step.
    pub(super) fn sign(&self, log: Uuid, step: u64, upto: u64, hash: LineHash) -> Head {
        let next = self.next().public();
        let signature = self.signing().sign(&message(&log, step, upto, &hash, &next));
        Head { log, step, upto, hash, next, signature: super::hex::Hex(signature.to_bytes()) }
    }

    fn signing(&self) -> SigningKey {
        SigningKey::from_bytes(&labelled(SIGN, &self.0.0))
    }
}

fn labelled(label: &[u8], secret: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(label).chain_update(secret).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::super::hex::Hex;
    use super::*;

    #[test]
    fn a_chain_of_keys_is_followed_from_the_first_and_no_head_passes_for_another() {
        let mut secret = Secret::of([7; 32]);
        let mut key = secret.public();
        for step in 0..5 {
            let head = secret.sign(Uuid::nil(), step, 10 * step, Hex([1; 32]));
            assert!(head.is_signed_by(&key), "step {step}");
            let forged = [
                Head { log: Uuid::max(), ..head.clone() },
                Head { step: step + 1, ..head.clone() },
                Head { upto: 10 * step + 1, ..head.clone() },
                Head { hash: Hex([2; 32]), ..head.clone() },
                Head { next: key, ..head.clone() },
                Head { signature: Hex([0; 64]), ..head.clone() },
            ];
            assert!(forged.iter().all(|forged| !forged.is_signed_by(&key)), "step {step}");
            assert!(!head.is_signed_by(&head.next), "step {step}");
            key = head.next;
            secret = secret.next();
            assert_eq!(secret.public(), key);
        }
    }
}
