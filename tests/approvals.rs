//! A person's approval as a person gives it: a key in a file with a passphrase, the real `ssh-keygen`, `safeclaw` as it
//! is typed, a hub that is a process, real runners. What may go wrong with a signature is in the hub's own tests.

mod request;

use serde_json::{Value, json};
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use tests::handed;
use tests::hubs::{HubProcess, MANIFEST, Place, call};
use tokio::process::Command;

const PASSPHRASE: &str = "correct horse battery";

/// `files_write` of tier admin and `files_list` of tier critical.
fn manifest() -> String {
    let tier = |name: &str| {
        format!(
            r#"
[tiers.{name}]
concurrent_calls = 4
calls_per_hour = 100

[tiers.{name}.ceiling]
fs = [{{ mount = "workspace", access = "write" }}]
size = "small"

[tiers.{name}.ceiling.limits]
memory = "64MiB"
cpu = "10s"
deadline = "60s"
arguments = "64KiB"
result = "64KiB"
log = "64KiB"
handles = 100
"#
        )
    };
    let moved = MANIFEST
        .replace("tiers = [\"user\", \"write\"]", "tiers = [\"user\", \"write\", \"admin\", \"critical\"]")
        .replace(
            "[tools.files_write]\ncomponent = \"files\"\ntier = \"write\"",
            "[tools.files_write]\ncomponent = \"files\"\ntier = \"admin\"",
        )
        .replace(
            "[tools.files_list]\ncomponent = \"files\"\ntier = \"user\"",
            "[tools.files_list]\ncomponent = \"files\"\ntier = \"critical\"",
        );
    assert_ne!(moved, MANIFEST);
    format!("{moved}{}{}", tier("admin"), tier("critical"))
}

/// A hub, an agent's token, and people with keys.
struct Scene {
    place: Place,
    hub: HubProcess,
    at: SocketAddr,
    token: String,
    keys: tempfile::TempDir,
}

impl Scene {
    /// None where OpenSSH is not installed: nobody could sign.
    async fn new() -> Option<Self> {
        Self::with(&manifest(), None).await
    }

    /// With another manifest, and a file that describes the outside.
    async fn with(manifest: &str, outside: Option<&Path>) -> Option<Self> {
        let keygen = std::process::Command::new("ssh-keygen").arg("-?").stderr(Stdio::null()).status();
        if keygen.is_err() {
            eprintln!("NOT RUN: there is no ssh-keygen here");
            return None;
        }
        let place = Place::new().await;
        fs::write(place.manifest().join("tools.toml"), manifest).expect("a manifest");
        let mut hub = HubProcess::spawn_with(&place, &handed::engine(), 0, |command| {
            if let Some(outside) = outside {
                command.arg("--egress").arg(outside);
            }
        });
        hub.ready().await.unwrap_or_else(|status| panic!("{status}: {}", place.said()));
        let (at, token) = (hub.mcp.expect("an address"), place.token());
        let keys = tempfile::tempdir().expect("a folder");
        let scene = Self { place, hub, at, token, keys };
        scene.script("askpass", PASSPHRASE);
        Some(scene)
    }

    /// Answers whoever asks for a passphrase.
    fn script(&self, name: &str, answer: &str) -> PathBuf {
        let path = self.keys.path().join(name);
        fs::write(&path, format!("#!/bin/sh\necho '{answer}'\n")).expect("a script");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).expect("permissions");
        path
    }

    /// A new key, in a file with a passphrase.
    async fn key(&self, name: &str) -> PathBuf {
        let path = self.keys.path().join(name);
        let mut command = Command::new("ssh-keygen");
        command.args(["-q", "-t", "ed25519", "-N", PASSPHRASE, "-f"]).arg(&path);
        assert!(command.status().await.expect("ssh-keygen runs").success());
        path
    }

    /// `safeclaw`, as somebody types it who knows the passphrase.
    async fn types(&self, words: &[&str]) -> Output {
        self.types_with("askpass", words).await
    }

    async fn types_with(&self, askpass: &str, words: &[&str]) -> Output {
        let mut command = Command::new(handed::program("safeclaw"));
        command.args(words).env("SAFECLAW_DATA", self.place.data()).env_remove("SSH_AUTH_SOCK").stdin(Stdio::null());
        command.env("SSH_ASKPASS", self.keys.path().join(askpass)).env("SSH_ASKPASS_REQUIRE", "force");
        command.output().await.expect("safeclaw runs")
    }

    async fn done(&self, words: &[&str]) -> String {
        let output = self.types(words).await;
        assert!(output.status.success(), "{words:?}: {}{}", text(&output), self.place.said());
        text(&output)
    }

    async fn refused(&self, words: &[&str], why: &str) {
        let output = self.types(words).await;
        assert!(!output.status.success() && text(&output).contains(why), "{words:?}: {}", text(&output));
    }

    async fn call(&self, tool: &str, arguments: &Value) -> Value {
        call(self.at, &self.token, tool, arguments.clone()).await.expect("the hub lives")
    }

    /// What a call that runs does.
    async fn runs(&self, tool: &str, arguments: &Value) {
        let answer = self.call(tool, arguments).await;
        assert_ne!(answer["isError"], true, "{answer}");
    }

    /// The approval that a call waits for.
    async fn waits(&self, tool: &str, arguments: &Value) -> String {
        let answer = self.call(tool, arguments).await;
        let said = answer["content"][0]["text"].as_str().unwrap_or_default().to_owned();
        assert!(answer["isError"] == true && said.contains("denied, approvable"), "{answer}");
        let id = said.split("`safeclaw approve ").nth(1).and_then(|rest| rest.split('`').next());
        id.unwrap_or_else(|| panic!("{said}")).to_owned()
    }
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_escalated_call_runs_when_a_person_has_signed_for_it_and_not_otherwise() {
    let Some(scene) = Scene::new().await else { return };
    let written = |name: &str| scene.place.workspace().join(name);
    let write =
        |name: &str| json!({ "path": format!("/workspace/{name}"), "content": "approved", "mode": "overwrite" });

    // Without anybody who could answer, nobody is asked.
    let answer = scene.call("files_write", &write("a")).await;
    assert!(answer["isError"] == true && answer.to_string().contains("no approver is enrolled"), "{answer}");

    let (ana, mallory) = (scene.key("ana").await, scene.key("mallory").await);
    let (ana_pub, mallory_pub) = (shown(&ana.with_extension("pub")), shown(&mallory.with_extension("pub")));
    let (ana, mallory) = (shown(&ana), shown(&mallory));
    let said = scene.done(&["approver", "add", "ana", "--key", &ana_pub, "--passphrase"]).await;
    assert!(said.contains("This is the first approver"), "{said}");
    // An agent with the operator's shell, who is no approver and makes himself none.
    let add = ["approver", "add", "mallory", "--key", &mallory_pub, "--passphrase"];
    scene.refused(&add, "one of them has to sign").await;
    scene.refused(&[&add[..], &["--sign-with", &mallory]].concat(), "").await;

    let id = scene.waits("files_write", &write("a")).await;
    assert_eq!(scene.waits("files_write", &write("a")).await, id, "asked once");
    scene.refused(&["approve", &id, "--key", &mallory], "").await;
    let output = scene.types_with("nobody", &["approve", &id, "--key", &ana]).await;
    assert!(!output.status.success(), "without the passphrase: {}", text(&output));
    assert_eq!(scene.waits("files_write", &write("a")).await, id);
    assert!(!written("a").exists());

    // What is shown is what runs.
    let said = scene.done(&["approve", &id, "--key", &ana]).await;
    assert!(said.contains("files_write") && said.contains("/workspace/a") && said.contains("tester"), "{said}");
    scene.runs("files_write", &write("a")).await;
    assert_eq!(fs::read_to_string(written("a")).expect("it was written"), "approved");
    // Under its lease the same call runs again, another one does not.
    scene.runs("files_write", &write("a")).await;
    let other = scene.waits("files_write", &write("b")).await;
    let leases = scene.done(&["leases"]).await;
    assert!(leases.contains("files_write"), "{leases}");

    // A no is a no for the session.
    scene.done(&["deny", &other, "--why", "not this one", "--key", &ana]).await;
    let answer = scene.call("files_write", &write("b")).await;
    assert!(answer.to_string().contains("did not allow this call"), "{answer}");
    assert!(!written("b").exists());

    // Critical: one call.
    let list = json!({ "path": "/workspace" });
    let id = scene.waits("files_list", &list).await;
    scene.done(&["approve", &id, "--key", &ana]).await;
    scene.runs("files_list", &list).await;
    assert_ne!(scene.waits("files_list", &list).await, id, "the next call is another one");

    // The red button takes the lease back with everything else.
    let said = scene.done(&["revoke-all"]).await;
    assert!(said.contains("epoch"), "{said}");
    fs::remove_file(written("a")).expect("it is there");
    scene.waits("files_write", &write("a")).await;
    assert!(!written("a").exists());

    // All of it is in the log, with the key that signed.
    let log = fs::read_to_string(scene.place.data().join("audit.jsonl")).expect("a log");
    for event in [
        "approver_added",
        "approval_requested",
        "approval_granted",
        "approval_claimed",
        "approval_executed",
        "approval_denied",
        "all_revoked",
    ] {
        assert!(log.contains(&format!("\"event\":\"{event}\"")), "{event}");
    }
    assert!(log.contains("SHA256:"), "the fingerprint");
    assert!(scene.hub.stop().await.success());
}
