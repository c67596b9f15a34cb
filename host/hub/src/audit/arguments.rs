//! What the log has of a call's arguments. A plain digest of something short can be guessed by whoever gets a copy of
//! the log: `{"path":"salaries.xlsx"}` is one of not so many. With a key of the hub it cannot, and whoever is given
//! that key can still show that a call had these arguments and no others.

use super::hex::Hex;
use crate::api::StartError;
use crate::{clean, data};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Serialize, Serializer};
use sha2::Sha256;
use std::fmt;
use std::path::Path;

/// Bytes of arguments in clear, where the manifest wants them.
pub(super) const CLEAR_BYTES: usize = 4096;

/// The key, as far as it has been used: each digest goes on from here.
#[derive(Clone)]
pub(super) struct ArgumentsKey(Hmac<Sha256>);

/// HMAC-SHA-256 over the arguments as they came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ArgumentsDigest(Hex<32>);

impl ArgumentsKey {
    /// The key in this file, made once.
    pub(super) fn of(path: &Path) -> Result<Self, StartError> {
        let bytes = data::secret::<32>(path, |random| random.to_vec())?;
        let damaged = || StartError::Damaged { path: path.to_owned(), what: "it should hold 32 bytes".into() };
        let key = <[u8; 32]>::try_from(bytes).map_err(|_| damaged())?;
        Hmac::new_from_slice(&key).map(Self).map_err(|_| damaged())
    }

    pub(super) fn digest(&self, arguments: &str) -> ArgumentsDigest {
        let mut mac = self.0.clone();
        mac.update(arguments.as_bytes());
        ArgumentsDigest(Hex(mac.finalize().into_bytes().into()))
    }
}

impl fmt::Display for ArgumentsDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "hmac-sha256:{}", self.0)
    }
}

impl Serialize for ArgumentsDigest {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// Arguments for whoever reads the log: bounded, and without what moves a terminal or hides.
pub(crate) fn in_clear(arguments: &str) -> String {
    clean::bounded(arguments, CLEAR_BYTES)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use sha2::Digest as _;

    #[test]
    fn without_the_key_of_the_directory_arguments_cannot_be_guessed() {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let key = |dir: &tempfile::TempDir| ArgumentsKey::of(&dir.path().join("arguments.key")).unwrap();
        let guess = r#"{"path":"a"}"#;
        assert_eq!(key(&here).digest(guess), key(&here).digest(guess));
        assert_ne!(key(&here).digest(guess), key(&there).digest(guess));
        assert_ne!(key(&here).digest(guess), key(&here).digest(r#"{"path":"b"}"#));
        let said = serde_json::to_string(&key(&here).digest(guess)).unwrap();
        let plain = hex::encode(Sha256::digest(guess));
        assert!(said.starts_with("\"hmac-sha256:") && !said.contains(&plain), "{said}");
    }

    #[test]
    fn in_clear_is_bounded_and_moves_no_terminal() {
        let said = in_clear(&format!("{{\"a\":\"\u{1b}[2J{}\"}}", "x".repeat(5000)));
        assert!(said.len() <= CLEAR_BYTES && said.contains("\\u{1b}[2J") && said.ends_with('…'), "{said}");
    }
}
