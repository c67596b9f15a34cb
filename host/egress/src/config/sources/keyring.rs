//! The kernel's keyring: this process's session's, and then its user's.

use super::super::SourceError;
use super::MOST;
use linux_keyutils::{KeyError, KeyRing, KeyRingIdentifier};
use zeroize::Zeroizing;

/// Reads a key of the type `user`.
pub(in crate::config) fn read(description: &str) -> Result<Zeroizing<Vec<u8>>, SourceError> {
    let failed = |error: KeyError| SourceError::Keyring {
        description: description.to_owned(),
        why: match error {
            KeyError::KeyDoesNotExist => format!("there is none; `keyctl padd user {description} @u` makes it"),
            error => format!("{error:?}"),
        },
    };
    let find = |ring| KeyRing::from_special_id(ring, false).and_then(|ring| ring.search(description));
    let key = find(KeyRingIdentifier::Session).or_else(|_| find(KeyRingIdentifier::User)).map_err(failed)?;
    let mut bytes = Zeroizing::new(vec![0; MOST]);
    let length = key.read(&mut *bytes).map_err(failed)?;
    bytes.truncate(length);
    Ok(bytes)
}
