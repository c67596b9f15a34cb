//! Seals: what the hub found out about a component comes back as the hub wrote it, or not at all.
//!
//! A registration says which native code a component is, what its tools are called and which imports may trap:
//! whoever could change one would say what agents are told and what runners map. So it is signed with a key
//! that only this hub has, and what is not signed so is never believed, not even parsed.

use crate::api::Registration;
use crate::data;
use ed25519_dalek::{Signature, Signer, SigningKey};
use manifest::ComponentName;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Keeps this key apart from the one that signs tickets, though both come from one secret.
const DOMAIN: &[u8] = b"safeclaw registration seal 1\0";

/// The key of the seals.
pub(crate) struct Sealer(SigningKey);

/// A record as it lies on the disk: the very text that was sealed, and its seal.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    seal: String,
    registration: Box<RawValue>,
}

/// Why a record is not believed; ends a sentence that begins with the record.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unsealed {
    #[error("is damaged ({0})")]
    Damaged(#[from] serde_json::Error),
    #[error("does not bear this hub's seal: it was changed, or another hub wrote it")]
    Seal,
    #[error("is that of `{0}`")]
    Name(ComponentName),
}

impl Sealer {
    /// From the hub's seed.
    pub(crate) fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(&data::derived(DOMAIN, seed)))
    }

    /// The text of a record.
    pub(crate) fn seal(&self, registration: &Registration) -> serde_json::Result<Vec<u8>> {
        let registration = RawValue::from_string(serde_json::to_string_pretty(registration)?)?;
        let seal = hex::encode(self.0.sign(registration.get().as_bytes()).to_bytes());
        serde_json::to_vec_pretty(&Sealed { seal, registration })
    }

    /// The registration of this name in a record, if this hub sealed it.
    pub(crate) fn open(&self, name: &ComponentName, record: &[u8]) -> Result<Registration, Unsealed> {
        let sealed: Sealed = serde_json::from_slice(record)?;
        let mut seal = [0; 64];
        hex::decode_to_slice(&sealed.seal, &mut seal).map_err(|_| Unsealed::Seal)?;
        let text = sealed.registration.get();
        let verified = self.0.verifying_key().verify_strict(text.as_bytes(), &Signature::from_bytes(&seal));
        verified.map_err(|_| Unsealed::Seal)?;
        let registration: Registration = serde_json::from_str(text)?;
        if registration.name == *name { Ok(registration) } else { Err(Unsealed::Name(registration.name)) }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::testing::registration;

    fn opened(record: &[u8]) -> Result<Registration, String> {
        let name = ComponentName::try_from("demo").unwrap();
        Sealer::from_seed(&[7; 32]).open(&name, record).map_err(|error| error.to_string())
    }

    #[test]
    fn what_was_sealed_is_opened_again() {
        let ours = registration(&["read"]);
        assert_eq!(opened(&Sealer::from_seed(&[7; 32]).seal(&ours).unwrap()), Ok(ours));
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let record = Sealer::from_seed(&[7; 32]).seal(&registration(&["read"])).unwrap();
        for at in 0..record.len() {
            for flip in [1, 0x20] {
                let mut changed = record.clone();
                *changed.get_mut(at).unwrap() ^= flip;
                // White space around the two fields and the case of the seal's digits say nothing.
                if let Ok(opened) = opened(&changed) {
                    assert_eq!(opened, registration(&["read"]), "byte {at}");
                }
            }
            assert!(opened(record.get(..at).unwrap()).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn another_hubs_record_and_an_unsealed_one_are_not_believed() {
        let ours = registration(&["read"]);
        let theirs = Sealer::from_seed(&[8; 32]).seal(&ours).unwrap();
        assert!(opened(&theirs).unwrap_err().contains("another hub wrote it"));
        let plain = serde_json::to_vec(&ours).unwrap();
        assert!(opened(&plain).unwrap_err().starts_with("is damaged"));
        let empty = serde_json::json!({ "seal": "", "registration": ours }).to_string();
        assert!(opened(empty.as_bytes()).unwrap_err().contains("seal"));
        let other = ComponentName::try_from("other").unwrap();
        let record = Sealer::from_seed(&[7; 32]).seal(&ours).unwrap();
        assert_eq!(Sealer::from_seed(&[7; 32]).open(&other, &record).unwrap_err().to_string(), "is that of `demo`");
    }

    #[test]
    fn the_key_of_the_seals_is_not_the_key_of_the_tickets() {
        assert_ne!(Sealer::from_seed(&[7; 32]).0.to_bytes(), [7; 32]);
    }
}
