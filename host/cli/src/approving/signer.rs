//! Whose key signs, and how: a file, an agent, a token, or elsewhere.

use super::keygen::{self, Agent};
use ::hub::approvers::{ApproverKey, ApproverView};
use anyhow::Context;
use ssh_key::PrivateKey;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The key that signs, or the signature.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct SignWith {
    /// An enrolled approver's key, as `ssh-keygen -f` takes it: an encrypted file, a token's file, or a .pub file whose
    /// key is in the ssh-agent
    #[arg(long = "sign-with", value_name = "KEY", env = "SAFECLAW_APPROVER_KEY")]
    pub(crate) key: Option<PathBuf>,
}

/// Has an enrolled approver's key sign. A key that was enrolled with --passphrase never signs through an agent, and not
/// at all once it has lost its passphrase.
pub(crate) fn sign(key: &Path, enrolled: &[ApproverView], namespace: &str, text: &str) -> anyhow::Result<String> {
    let public = public_of(key)?;
    let known = enrolled.iter().find(|one| one.revoked.is_none() && one.key == public.as_str());
    let known = known.with_context(|| {
        format!("the key {} ({}) is no approver's: `safeclaw approver list`", key.display(), public.fingerprint())
    })?;
    if !known.passphrase {
        return keygen::sign(key, namespace, text, Agent::Allowed);
    }
    let private = private_of(key);
    encrypted(&private, &public)?;
    keygen::sign(&private, namespace, text, Agent::Avoided)
}

/// The public key that belongs to a file: itself, or the one beside it.
pub(crate) fn public_of(key: &Path) -> anyhow::Result<ApproverKey> {
    let beside = if is_public(key) { key.to_owned() } else { with_pub(key) };
    let text = std::fs::read_to_string(&beside)
        .with_context(|| format!("{} cannot be read; it should be the public key", beside.display()))?;
    ApproverKey::parse(&text).with_context(|| beside.display().to_string())
}

/// Refuses a private key that is not encrypted, or is not this one's.
pub(crate) fn encrypted(private: &Path, public: &ApproverKey) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(private).with_context(|| {
        format!(
            "{} cannot be read: --passphrase is for a key whose private file is here to be looked at",
            private.display()
        )
    })?;
    let key = PrivateKey::from_openssh(&text).with_context(|| {
        format!("{} is no private key of OpenSSH's; `ssh-keygen -p -f` writes it as one", private.display())
    })?;
    let own = ApproverKey::parse(&key.public_key().to_openssh().context("its public key cannot be written")?)?;
    anyhow::ensure!(own == *public, "{} is not the private key of this public key", private.display());
    anyhow::ensure!(
        key.is_encrypted(),
        "{0} has no passphrase, so anybody who can read it can sign: give it one with `ssh-keygen -p -f {0}`",
        private.display()
    );
    Ok(())
}

pub(crate) fn is_public(path: &Path) -> bool {
    path.extension() == Some(OsStr::new("pub"))
}

fn with_pub(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".pub");
    name.into()
}

/// The private file of a path that names either.
pub(crate) fn private_of(path: &Path) -> PathBuf {
    if is_public(path) { path.with_extension("") } else { path.to_owned() }
}
