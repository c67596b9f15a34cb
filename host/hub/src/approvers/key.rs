//! An approver's public key: one line as OpenSSH writes it, of the two kinds that are taken.

use ssh_key::public::KeyData;
use ssh_key::{HashAlg, PublicKey};
use std::fmt;

/// The longest line; an Ed25519 key's has 80 characters and a comment.
const MOST_BYTES: usize = 1 << 10;
/// How a token's key says what it may be used for; OpenSSH makes no others.
const APPLICATION: &str = "ssh:";
const MOST_APPLICATION_BYTES: usize = 64;

/// An `ssh-ed25519` or `sk-ssh-ed25519@openssh.com` key.
#[derive(Clone, PartialEq, Eq)]
pub struct ApproverKey {
    key: PublicKey,
    text: String,
}

/// Why a line is no approver's key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// It is a secret.
    #[error("this is a private key, which never leaves its owner: give the file that ends in .pub")]
    Private,
    /// It is something else.
    #[error("this is no public key: give one line as `ssh-keygen` writes it into the file that ends in .pub")]
    Line,
    /// It is of another kind.
    #[error(
        "a key of kind `{0}` is not taken: make one with `ssh-keygen -t ed25519`, or `-t ed25519-sk` for a hardware token"
    )]
    Kind(String),
    /// Anybody could sign for it.
    #[error("this key is a point of small order, for which anybody can make signatures")]
    Weak,
    /// It is for something else.
    #[error("this token's key is for the application {0:?}; it must begin with \"ssh:\" and be short")]
    Application(String),
}

impl ApproverKey {
    /// Of the line in a `.pub` file. Its comment is dropped.
    ///
    /// # Errors
    /// See [`BadKey`].
    pub fn parse(line: &str) -> Result<Self, BadKey> {
        let line = line.trim();
        if line.contains("PRIVATE KEY") {
            return Err(BadKey::Private);
        }
        if line.len() > MOST_BYTES || line.chars().any(|c| c.is_control() && c != '\t') {
            return Err(BadKey::Line);
        }
        let key = PublicKey::from_openssh(line).map_err(|_| BadKey::Line)?;
        let point = match key.key_data() {
            KeyData::Ed25519(point) => point.0,
            KeyData::SkEd25519(key) => {
                application(key.application())?;
                key.public_key().0
            }
            _ => return Err(BadKey::Kind(crate::clean::line(key.algorithm().as_str(), 64))),
        };
        let point = ed25519_dalek::VerifyingKey::from_bytes(&point).map_err(|_| BadKey::Line)?;
        if point.is_weak() {
            return Err(BadKey::Weak);
        }
        let key = PublicKey::from(key.key_data().clone());
        let text = key.to_openssh().map_err(|_| BadKey::Line)?;
        Ok(Self { key, text })
    }

    /// Its one spelling: kind and key, without a comment.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// `SHA256:…`, as `ssh-keygen -l` shows it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.key.fingerprint(HashAlg::Sha256).to_string()
    }

    /// Whether it lives in a hardware token.
    #[must_use]
    pub fn is_token(&self) -> bool {
        matches!(self.key.key_data(), KeyData::SkEd25519(_))
    }

    pub(super) fn public(&self) -> &PublicKey {
        &self.key
    }
}

impl fmt::Debug for ApproverKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn application(text: &str) -> Result<(), BadKey> {
    let plain = text.len() <= MOST_APPLICATION_BYTES && text.bytes().all(|byte| byte.is_ascii_graphic());
    if text.starts_with(APPLICATION) && plain {
        return Ok(());
    }
    Err(BadKey::Application(text.chars().take(MOST_APPLICATION_BYTES).collect()))
}
