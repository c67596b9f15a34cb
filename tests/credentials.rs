//! Credentials of `safeclaw hub` as a process: where their values come from, how they are replaced while it serves, and
//! that none of them is where anybody but a server could read it. Which request gets one, and what is found of one
//! that comes back, is in the egress crate's own tests.

use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use tempfile::TempDir;
use tests::handed;
use tests::hubs::{HubProcess, Place};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// Values, each with a beginning that is found in whatever it is written to.
const BY_VARIABLE: &str = "first-of-the-variable-1f0e2d";
const BY_FILE: &str = "first-of-the-file-3c4b5a69";
const BY_COMMAND: &str = "first-of-the-command-788796";
const SECOND_BY_VARIABLE: &str = "second-of-the-variable-a5b4c3";
const SECOND_BY_FILE: &str = "second-of-the-file-d2e1f0a9";
const SECOND_BY_COMMAND: &str = "second-of-the-command-b8c7d6";
const ALL: [&str; 6] = [BY_VARIABLE, BY_FILE, BY_COMMAND, SECOND_BY_VARIABLE, SECOND_BY_FILE, SECOND_BY_COMMAND];
const VARIABLE: &str = "SAFECLAW_TEST_TOKEN";

/// A directory of the operator's, away from everything that the hub writes.
struct Keys(TempDir);

impl Keys {
    fn new() -> Self {
        let keys = Self(tempfile::Builder::new().prefix("safeclaw-keys-").tempdir().expect("a folder"));
        keys.write("file", BY_FILE);
        keys.write("printed", BY_COMMAND);
        keys.declare(&[
            ("by-variable", format!("{{ env = \"{VARIABLE}\" }}")),
            ("by-file", "{ file = \"file\" }".to_owned()),
            ("by-command", format!("{{ command = [\"cat\", \"{}\"] }}", keys.path("printed").display())),
        ]);
        keys
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// In the place of what was there, as a secret is replaced: another file under the same name.
    fn write(&self, name: &str, text: &str) {
        let draft = self.path("draft");
        std::fs::write(&draft, format!("{text}\n")).expect("a file");
        std::fs::set_permissions(&draft, std::fs::Permissions::from_mode(0o600)).expect("permissions");
        std::fs::rename(&draft, self.path(name)).expect("its name");
    }

    fn declare(&self, sources: &[(&str, String)]) {
        let one = |(name, source): &(&str, String)| {
            format!(
                "[credentials.{name}]\nsource = {source}\nhosts = [\"api.example.com\"]\nmethods = [\"GET\"]\n\
                 paths = [\"/**\"]\ntiers = [\"user\"]\nadd = \"bearer\"\n"
            )
        };
        std::fs::write(self.egress(), sources.iter().map(one).collect::<String>()).expect("a file");
        std::fs::set_permissions(self.egress(), std::fs::Permissions::from_mode(0o600)).expect("permissions");
    }

    fn egress(&self) -> PathBuf {
        self.path("egress.toml")
    }
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A command of an operator's, with this on its standard input. Whatever it prints is without values.
async fn safeclaw(place: &Place, arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(handed::program("safeclaw"));
    command.args(arguments).arg("--data").arg(place.data());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("safeclaw runs");
    child.stdin.take().expect("its input").write_all(input.as_bytes()).await.expect("it is read");
    let output = child.wait_with_output().await.expect("it ends");
    without_values(&text(&output), arguments);
    output
}

fn without_values(text: &str, of: impl std::fmt::Debug) {
    for value in ALL {
        assert!(!text.contains(value), "{of:?} shows {value}: {text}");
    }
}

/// Files below a directory that have a text in them.
async fn files_with(text: &str, place: &Path) -> String {
    let mut grep = Command::new("grep");
    grep.args(["--recursive", "--files-with-matches", "--devices=skip", "--text", text]);
    String::from_utf8_lossy(&grep.arg(place).output().await.expect("grep runs").stdout).into_owned()
}

async fn loaded(place: &Place) -> Vec<(String, String)> {
    let output = safeclaw(place, &["credentials", "list", "--json"], "").await;
    let list: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output)));
    let field = |one: &Value, name: &str| one[name].as_str().expect("a text").to_owned();
    list.iter().map(|one| (field(one, "name"), field(one, "loaded"))).collect()
}

#[tokio::test]
async fn values_are_replaced_while_the_hub_serves_and_are_nowhere_to_be_read() {
    let (place, keys) = (Place::new().await, Keys::new());
    let egress = keys.egress().display().to_string();
    let mut hub = HubProcess::spawn_with(&place, &handed::engine(), 0, |command| {
        command.args(["--egress", &egress]).env(VARIABLE, BY_VARIABLE);
    });
    hub.ready().await.unwrap_or_else(|status| panic!("{status}: {}", place.said()));

    // What another process of this user can read of it and of what it has started.
    for process in std::fs::read_dir("/proc").expect("processes").flatten() {
        let status = std::fs::read_to_string(process.path().join("status")).unwrap_or_default();
        let ours = process.file_name().to_string_lossy() == hub.pid().to_string();
        if ours || status.contains(&format!("PPid:\t{}\n", hub.pid())) {
            for what in ["environ", "cmdline"] {
                let read = std::fs::read(process.path().join(what)).unwrap_or_default();
                without_values(&String::from_utf8_lossy(&read), (process.path(), what));
                assert!(!ours || !read.is_empty(), "it can be read");
            }
        }
    }

    // Each is in force; the table for people names it and where it may go.
    let before = loaded(&place).await;
    let names: Vec<&str> = before.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["by-command", "by-file", "by-variable"]);
    let table = text(&safeclaw(&place, &["credentials", "list"], "").await);
    for word in ["api.example.com", "by-file", "operator", "nobody", "GET", "user", "authorization", "block"] {
        assert!(table.contains(word), "{word}: {table}");
    }

    // A file is read by the hub, which may still open its directory; a command is run by the operator's command.
    keys.write("file", SECOND_BY_FILE);
    keys.write("printed", SECOND_BY_COMMAND);
    let alone = safeclaw(&place, &["credentials", "reload", "by-command"], "").await;
    assert!(!alone.status.success() && text(&alone).contains("--egress FILE"), "{}", text(&alone));
    let all = safeclaw(&place, &["credentials", "reload", "--egress", &egress], "").await;
    assert!(all.status.success() && text(&all).contains("by-variable: from a variable"), "{}", text(&all));
    let set = safeclaw(&place, &["credentials", "set", "by-variable"], &format!("{SECOND_BY_VARIABLE}\n")).await;
    assert!(set.status.success(), "{}", text(&set));
    let after = loaded(&place).await;
    for ((name, old), (_, new)) in before.iter().zip(&after) {
        assert_ne!(old, new, "{name} has another value");
    }

    // What fails changes nothing.
    for (arguments, input, said) in [
        (vec!["credentials", "set", "by-file"], "short", "at least 12"),
        (vec!["credentials", "set", "by-file"], "two\nlines-of-a-value", "control byte"),
        (vec!["credentials", "set", "nobody"], "any-value-at-all-0123", "no credential `nobody`"),
        (vec!["credentials", "reload", "by-variable"], "", "not read again"),
        (vec!["credentials", "reload", "nobody"], "", "no credential `nobody`"),
    ] {
        let output = safeclaw(&place, &arguments, input).await;
        assert!(!output.status.success() && text(&output).contains(said), "{arguments:?}: {}", text(&output));
    }
    std::fs::set_permissions(keys.path("file"), std::fs::Permissions::from_mode(0o644)).expect("permissions");
    let open = safeclaw(&place, &["credentials", "reload", "by-file"], "").await;
    assert!(!open.status.success() && text(&open).contains("chmod 600"), "{}", text(&open));
    assert_eq!(loaded(&place).await, after);
    let well = text(&safeclaw(&place, &["health"], "").await);
    without_values(&well, "health");

    hub.stop().await;
    let audit = std::fs::read_to_string(place.data().join("audit.jsonl")).expect("the audit log");
    let replaced = |name: &str| {
        let lines = audit.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter(|line| line["event"] == "credential_reloaded" && line["name"] == name).count()
    };
    assert_eq!((replaced("by-file"), replaced("by-command"), replaced("by-variable")), (1, 1, 1), "{audit}");
    let everything = place.data().parent().expect("a folder").to_owned();
    for value in ALL {
        assert_eq!(files_with(value, &everything).await, "", "{value}");
    }
    assert!(files_with("by-variable", &everything).await.contains("audit"), "the search finds what is there");
}

#[tokio::test]
async fn a_hub_does_not_start_without_what_is_declared() {
    let place = Place::new().await;
    let start = async |keys: &Keys| {
        let mut command = Command::new(handed::program("safeclaw"));
        command.args(["hub", "--listen", "127.0.0.1:0", "--egress"]).arg(keys.egress());
        command.arg("--data").arg(place.data()).env_remove(VARIABLE).stdin(Stdio::null());
        let output = command.output().await.expect("safeclaw runs");
        assert!(!output.status.success());
        without_values(&text(&output), "a start that fails");
        text(&output)
    };
    let keys = Keys::new();
    let said = start(&keys).await;
    assert!(said.contains(&format!("[credentials.by-variable]: the variable {VARIABLE} is not set")), "{said}");
    for (source, wanted) in [
        ("{ file = \"none\" }", "cannot be read"),
        ("{ file = \"open\" }", "chmod 600"),
        ("{ file = \"link\" }", "symbolic link"),
        ("{ file = \"short\" }", "at least 12"),
        ("{ command = [\"false\"] }", "run it by hand"),
        ("{ command = [\"/nonexistent/program\"] }", "cannot be run"),
        ("{ keyring = \"user:safeclaw-there-is-no-such-key\" }", "keyring"),
        ("{ systemd = \"github\" }", "$CREDENTIALS_DIRECTORY"),
    ] {
        keys.write("short", "short");
        keys.write("open", BY_FILE);
        std::fs::set_permissions(keys.path("open"), std::fs::Permissions::from_mode(0o644)).expect("permissions");
        let _ = std::os::unix::fs::symlink(keys.path("file"), keys.path("link"));
        keys.declare(&[("one", source.to_owned())]);
        let said = start(&keys).await;
        assert!(said.contains(wanted), "{source}: {said}");
    }
    // Whoever writes the file decides where secrets go.
    keys.declare(&[("one", "{ file = \"file\" }".to_owned())]);
    std::fs::set_permissions(keys.egress(), std::fs::Permissions::from_mode(0o620)).expect("permissions");
    assert!(start(&keys).await.contains("chmod go-w"));
}

/// A tool that may read a directory must not find the operator's token in it.
#[tokio::test]
async fn no_mount_has_a_secrets_file_in_it() {
    let (place, keys) = (Place::new().await, Keys::new());
    let token = place.workspace().join("token");
    std::fs::write(&token, BY_FILE).expect("a file");
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o600)).expect("permissions");
    keys.declare(&[("one", format!("{{ file = \"{}\" }}", token.display()))]);
    let mut hub = HubProcess::spawn_with(&place, &handed::engine(), 0, |command| {
        command.arg("--egress").arg(keys.egress());
    });
    hub.ready().await.unwrap_or_else(|status| panic!("{status}: {}", place.said()));
    // It serves its operator, who reads why, and no tool.
    let why = format!("lies in {}, which no tool may see", token.canonicalize().expect("a path").display());
    assert!(hub.said["tools"] == 0 && place.said().contains(&why), "{}\n{}", hub.said, place.said());
    hub.stop().await;
}
