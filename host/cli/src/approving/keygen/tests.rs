//! The real `ssh-keygen`, with a key in a file that has a passphrase, and one in an agent.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::approving::signer::{encrypted, private_of, public_of};
use ssh_key::{PublicKey, SshSig};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

const PASSPHRASE: &str = "correct horse";
const NAMESPACE: &str = "safeclaw-approval@1";
const TEXT: &str = r#"{"decision":"approve"}"#;

/// Whether OpenSSH is here; a machine without it says in one line that this was not run.
fn here() -> bool {
    let found = Command::new("ssh-keygen").arg("-?").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !found {
        let _ = std::io::stderr().write_all(b"NOT RUN: there is no ssh-keygen here\n");
    }
    found
}

struct Keys {
    directory: tempfile::TempDir,
}

impl Keys {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn make(&self, name: &str, kind: &str, passphrase: &str) -> PathBuf {
        let path = self.path(name);
        let made = Command::new("ssh-keygen").args(["-q", "-t", kind, "-N", passphrase, "-f"]).arg(&path).status();
        assert!(made.unwrap().success());
        path
    }

    /// Answers each question for a passphrase with this, and counts them.
    fn asked(&self, answer: &str) -> (PathBuf, impl Fn() -> usize) {
        let (script, count) = (self.path("askpass"), self.path("asked"));
        let text = format!("#!/bin/sh\necho x >> '{}'\necho '{answer}'\n", count.display());
        std::fs::write(&script, text).unwrap();
        std::fs::set_permissions(&script, Permissions::from_mode(0o700)).unwrap();
        (script, move || std::fs::read_to_string(&count).map_or(0, |text| text.lines().count()))
    }
}

/// As an operator's terminal would have it, but nobody sits there.
fn keygen(askpass: &Path, agent: Option<&Path>) -> Command {
    let mut command = Command::new("ssh-keygen");
    command.env("SSH_ASKPASS", askpass).env("SSH_ASKPASS_REQUIRE", "force").stderr(Stdio::null());
    match agent {
        Some(socket) => command.env("SSH_AUTH_SOCK", socket),
        None => command.env_remove("SSH_AUTH_SOCK"),
    };
    command
}

fn verified(key: &Path, signature: &str) {
    let public = PublicKey::from_openssh(public_of(key).unwrap().as_str()).unwrap();
    let signature = SshSig::from_pem(signature).unwrap();
    public.verify(NAMESPACE, TEXT.as_bytes(), &signature).unwrap();
}

#[test]
fn a_file_is_opened_with_its_passphrase_or_not_at_all() {
    if !here() {
        return;
    }
    let keys = Keys::new();
    let key = keys.make("id", "ed25519", PASSPHRASE);
    let (right, asked) = keys.asked(PASSPHRASE);
    let signature = sign_by(keygen(&right, None), &key, NAMESPACE, TEXT, Agent::Avoided).unwrap();
    verified(&key, &signature);
    assert_eq!(asked(), 1);
    let (wrong, _) = keys.asked("wrong");
    let why = sign_by(keygen(&wrong, None), &key, NAMESPACE, TEXT, Agent::Avoided).unwrap_err().to_string();
    assert!(why.contains("has not signed"), "{why}");
    let none = keys.path("none");
    assert!(sign_by(keygen(&wrong, None), &none, NAMESPACE, TEXT, Agent::Allowed).is_err());
}

/// An agent that is killed by its own id when the test is over.
struct Running(std::process::Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn an_unlocked_agent_signs_for_whoever_asks_unless_it_is_avoided() {
    if !here() {
        return;
    }
    let keys = Keys::new();
    let (key, socket) = (keys.make("id", "ed25519", PASSPHRASE), keys.path("agent.sock"));
    let agent = Command::new("ssh-agent").arg("-D").arg("-a").arg(&socket).stdout(Stdio::null()).spawn().unwrap();
    let _running = Running(agent);
    let (askpass, asked) = keys.asked(PASSPHRASE);
    // It listens when it can be asked; bounded, and no clock decides.
    let added = (0..2_000).any(|_| {
        let mut add = Command::new("ssh-add");
        add.env("SSH_AUTH_SOCK", &socket).env("SSH_ASKPASS", &askpass).env("SSH_ASKPASS_REQUIRE", "force");
        let added = add.arg("-q").arg(&key).stderr(Stdio::null()).status().unwrap().success();
        if !added {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        added
    });
    assert!(added, "the agent has the key");
    let before = asked();
    let by = |agent| sign_by(keygen(&askpass, Some(&socket)), &key, NAMESPACE, TEXT, agent).unwrap();
    verified(&key, &by(Agent::Allowed));
    assert_eq!(asked(), before, "nobody was asked: this is what an agent with a shell can do too");
    verified(&key, &by(Agent::Avoided));
    assert_eq!(asked(), before + 1, "the passphrase was asked for");
}

#[test]
fn a_key_without_a_passphrase_is_not_enrolled_as_one_that_asks() {
    if !here() {
        return;
    }
    let keys = Keys::new();
    let (open, locked) = (keys.make("open", "ed25519", ""), keys.make("locked", "ed25519", PASSPHRASE));
    let public = |key: &Path| public_of(key).unwrap();
    encrypted(&locked, &public(&locked)).unwrap();
    let said = |private: &Path, of: &Path| encrypted(private, &public(of)).unwrap_err().to_string();
    assert!(said(&open, &open).contains("has no passphrase"), "{}", said(&open, &open));
    assert!(said(&locked, &open).contains("not the private key of this"), "{}", said(&locked, &open));
    assert!(said(&keys.path("none"), &open).contains("cannot be read"));
    assert!(said(&keys.path("open.pub"), &open).contains("no private key"));
    assert_eq!(private_of(&keys.path("open.pub")), open);
    let rsa = keys.make("rsa", "rsa", "");
    let why = format!("{:#}", public_of(&rsa).unwrap_err());
    assert!(why.contains("kind `ssh-rsa` is not taken"), "{why}");
}
