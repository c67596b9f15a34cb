//! Keys for tests: one in a file, and one in a token made of software.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use super::{ApproverKey, ApproverName, Approvers, Enrolled};
use ed25519_dalek::{Signer, SigningKey};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use ssh_key::private::{Ed25519Keypair, PrivateKey};
use ssh_key::public::{Ed25519PublicKey, KeyData, SkEd25519};
use ssh_key::{Algorithm, HashAlg, LineEnding, PublicKey, Signature, SshSig};

/// A key of which no passphrase is known.
pub(crate) fn plain(seed: u8) -> PrivateKey {
    PrivateKey::from(Ed25519Keypair::from_seed(&[seed; 32]))
}

pub(crate) fn line(key: &PrivateKey) -> String {
    key.public_key().to_openssh().unwrap()
}

/// What `ssh-keygen -Y sign` writes.
pub(crate) fn sign(key: &PrivateKey, namespace: &str, statement: &[u8]) -> String {
    SshSig::sign(key, namespace, HashAlg::Sha512, statement).unwrap().to_pem(LineEnding::LF).unwrap()
}

/// A hardware token that does as it is told.
pub(crate) struct Token {
    key: SigningKey,
    application: String,
}

pub(crate) const UNTOUCHED: u8 = 0;
pub(crate) const TOUCHED: u8 = 1;
pub(crate) const VERIFIED: u8 = 5;

impl Token {
    pub(crate) fn new(seed: u8, application: &str) -> Self {
        Self { key: SigningKey::from_bytes(&[seed; 32]), application: application.to_owned() }
    }

    pub(crate) fn public(&self) -> KeyData {
        let point = Ed25519PublicKey(self.key.verifying_key().to_bytes());
        KeyData::SkEd25519(SkEd25519::new(point, self.application.clone()))
    }

    pub(crate) fn line(&self) -> String {
        PublicKey::from(self.public()).to_openssh().unwrap()
    }

    /// SHA-256 of the application, flags, a counter, SHA-256 of what ssh wants signed: U2F's raw message.
    pub(crate) fn raw(&self, namespace: &str, statement: &[u8], flags: u8) -> Signature {
        let wanted = SshSig::signed_data(namespace, HashAlg::Sha512, statement).unwrap();
        let trailer = [flags, 0, 0, 0, 7];
        let message = [&Sha256::digest(&self.application)[..], &trailer, &Sha256::digest(wanted)].concat();
        let bytes = [&self.key.sign(&message).to_bytes()[..], &trailer].concat();
        Signature::new(Algorithm::SkEd25519, bytes).unwrap()
    }

    pub(crate) fn sign(&self, namespace: &str, statement: &[u8], flags: u8) -> String {
        let signature = self.raw(namespace, statement, flags);
        pem(self.public(), namespace, signature)
    }
}

pub(crate) fn pem(key: KeyData, namespace: &str, signature: Signature) -> String {
    SshSig::new(key, namespace, HashAlg::Sha512, signature).unwrap().to_pem(LineEnding::LF).unwrap()
}

/// One who is enrolled, with this key.
pub(crate) fn one(name: &str, line: &str) -> Enrolled {
    Enrolled {
        name: ApproverName::try_from(name).unwrap(),
        key: ApproverKey::parse(line).unwrap(),
        principals: Default::default(),
        passphrase: false,
        added: Timestamp::UNIX_EPOCH,
        by: None,
        revoked: None,
    }
}

pub(crate) fn set(all: impl IntoIterator<Item = Enrolled>) -> Approvers {
    Approvers::new(all.into_iter().collect())
}
