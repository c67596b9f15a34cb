//! The secret that a service and the operator share.

use hmac::{Hmac, KeyInit, Mac};
use rustix::fs::OFlags;
use sha2::Sha256;
use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// What a secret has at least, in bytes: as many as the hash has.
pub const MIN_SECRET_BYTES: usize = 32;
/// More is no secret, but a file that was named by mistake.
const MAX_SECRET_BYTES: u64 = 4096;

/// Why a secret is not used. None of these repeats any of it.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// It could be guessed.
    #[error("the secret has {found} bytes; at least {MIN_SECRET_BYTES} are needed: `openssl rand -hex 32` makes one")]
    Short {
        /// How many it has.
        found: usize,
    },
    /// Not a secret.
    #[error("the secret has more than {MAX_SECRET_BYTES} bytes")]
    Long,
    /// The file system.
    #[error("the secret's file {path} cannot be read")]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// Others have it too.
    #[error("the secret's file {path} must be a regular file of this user or root that nobody else can read: {what}")]
    Open {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        what: String,
    },
}

/// A secret, ready to check signatures with. Never shown.
#[derive(Clone)]
pub struct Secret(Hmac<Sha256>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    /// Takes the bytes as they are, without line feeds at their end.
    ///
    /// # Errors
    /// When there are too few of them, or too many.
    pub fn new(bytes: &[u8]) -> Result<Self, SecretError> {
        let bytes = bytes.trim_ascii_end();
        if bytes.len() as u64 > MAX_SECRET_BYTES {
            return Err(SecretError::Long);
        }
        if bytes.len() < MIN_SECRET_BYTES {
            return Err(SecretError::Short { found: bytes.len() });
        }
        // HMAC takes keys of any length.
        Hmac::new_from_slice(bytes).map(Self).map_err(|_| SecretError::Long)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// See [`SecretError`].
    pub fn from_file(path: &Path) -> Result<Self, SecretError> {
        let failed = |source| SecretError::Read { path: path.to_owned(), source };
        let open = |what: String| SecretError::Open { path: path.to_owned(), what };
        // A FIFO would wait for its writer for ever.
        let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
        let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(failed)?;
        let found = file.metadata().map_err(failed)?;
        if !found.is_file() {
            return Err(open("it is no file".to_owned()));
        }
        if ![0, rustix::process::geteuid().as_raw()].contains(&found.uid()) {
            return Err(open(format!("it belongs to user {}", found.uid())));
        }
        if found.mode() & 0o077 != 0 {
            return Err(open(format!("its mode is {:o}; run `chmod 600 {}`", found.mode() & 0o7777, path.display())));
        }
        let mut bytes = Vec::new();
        file.take(MAX_SECRET_BYTES + 2).read_to_end(&mut bytes).map_err(failed)?;
        Self::new(&bytes)
    }

    /// Whether `signature` is this secret's over `text`; takes as long for each wrong one.
    pub(super) fn signed(&self, text: &str, signature: &[u8]) -> bool {
        let mut mac = self.0.clone();
        mac.update(text.as_bytes());
        mac.verify_slice(signature).is_ok()
    }

    #[cfg(test)]
    pub(super) fn sign(&self, text: &str) -> Vec<u8> {
        let mut mac = self.0.clone();
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().to_vec()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn said(result: Result<Secret, SecretError>) -> String {
        result.map_or_else(|error| error.to_string(), |_| "taken".to_owned())
    }

    #[test]
    fn a_secret_has_a_least_length_and_line_feeds_do_not_count() {
        assert!(said(Secret::new(&[b'x'; 31])).contains("31 bytes"));
        assert!(said(Secret::new(b"thirty-one-bytes-and-a-linefeed\n")).contains("31 bytes"));
        assert_eq!(said(Secret::new(&[b'x'; 32])), "taken");
        assert_eq!(said(Secret::new(&[b'x'; 4096])), "taken");
        assert!(said(Secret::new(&[b'x'; 4097])).contains("more than"));
    }

    #[test]
    fn only_a_file_that_nobody_else_reads_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        std::fs::write(&path, [b'x'; 40]).unwrap();
        for (mode, taken) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false), (0o660, false)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let said = said(Secret::from_file(&path));
            assert_eq!(said == "taken", taken, "{mode:o}: {said}");
        }
        let fifo = dir.path().join("fifo");
        crate::testing::fifo(&fifo);
        assert!(said(Secret::from_file(&fifo)).contains("no file"));
        assert!(said(Secret::from_file(&dir.path().join("none"))).contains("cannot be read"));
    }

    #[test]
    fn it_is_not_shown() {
        let secret = Secret::new(b"0123456789abcdef0123456789abcdef").unwrap();
        assert_eq!(format!("{secret:?}"), "Secret(…)");
    }
}
