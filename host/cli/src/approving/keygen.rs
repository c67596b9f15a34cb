//! `ssh-keygen -Y sign`, which knows encrypted files, agents and hardware tokens, and asks on the terminal itself. No
//! private key is read by this program.

use anyhow::Context;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// The largest signature that is read back.
const MOST_BYTES: u64 = 16 << 10;

/// Whether a key that an agent has unlocked may sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Agent {
    /// It may, if it has the key.
    Allowed,
    /// It is not asked: the passphrase is asked for each time.
    Avoided,
}

/// Has a text signed with a key, for one purpose. The text is handed over in a directory that nobody else can enter,
/// and is gone afterwards.
pub(crate) fn sign(key: &Path, namespace: &str, text: &str, agent: Agent) -> anyhow::Result<String> {
    sign_by(Command::new("ssh-keygen"), key, namespace, text, agent)
}

fn sign_by(mut keygen: Command, key: &Path, namespace: &str, text: &str, agent: Agent) -> anyhow::Result<String> {
    let directory = tempfile::Builder::new().prefix("safeclaw-sign-").tempdir();
    let directory = directory.context("no directory can be made for what is signed")?;
    let file = directory.path().join("statement");
    let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file);
    written.and_then(|mut file| file.write_all(text.as_bytes())).context("what is signed cannot be written")?;
    keygen.args(["-q", "-Y", "sign", "-n", namespace, "-f"]).arg(key).arg(&file).stdout(Stdio::null());
    if agent == Agent::Avoided {
        keygen.env_remove("SSH_AUTH_SOCK");
    }
    let status = keygen.status().context("`ssh-keygen` cannot be run: install OpenSSH, or give --signature FILE")?;
    anyhow::ensure!(status.success(), "`ssh-keygen` has not signed with {}; nothing was done", key.display());
    read(&file.with_extension("sig")).context("the signature of `ssh-keygen` cannot be read")
}

/// A signature that was made elsewhere.
pub(crate) fn read(path: &Path) -> anyhow::Result<String> {
    use std::io::Read as _;
    let mut text = String::new();
    let file = std::fs::File::open(path).with_context(|| format!("{} cannot be opened", path.display()))?;
    let most = file.take(MOST_BYTES + 1).read_to_string(&mut text);
    most.with_context(|| format!("{} cannot be read", path.display()))?;
    anyhow::ensure!(text.len() as u64 <= MOST_BYTES, "{} is too long for a signature", path.display());
    Ok(text)
}

#[cfg(test)]
#[path = "keygen/tests.rs"]
mod tests;
