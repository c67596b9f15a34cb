//! A hub that runs as a unit of the operator's, and what its runbooks find around them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;
use tests::handed;

/// A folder with a data directory, a manifest, a workspace, and a hub; gone with it.
pub(super) struct Unit {
    folder: TempDir,
}

/// What stands for the unit: it starts `safeclaw hub` in the background and waits until it answers.
const SYSTEMCTL: &str = r#"#!/bin/sh
# systemctl start|stop|kill safeclaw
set -eu
cd "$UNIT"
running() { [ -f hub.pid ] && kill -0 "$(cat hub.pid)" 2>/dev/null; }
gone() { for _ in $(seq 300); do running || return 0; sleep 0.1; done; echo "it does not stop" >&2; exit 1; }
case "$1" in
start)
    setsid safeclaw hub --listen 127.0.0.1:0 --manifest manifest --mount "workspace=$UNIT/workspace" --parked 0 \
        </dev/null >>hub.log 2>&1 &
    echo $! >hub.pid
    for _ in $(seq 600); do
        safeclaw health >/dev/null 2>&1 && exit 0
        # It answers and something is wrong: that is for the runbook to find.
        safeclaw health 2>/dev/null | grep -q '^hub ' && exit 0
        running || { echo "it ended:" >&2; tail -n 3 hub.log >&2; exit 1; }
        sleep 0.1
    done
    echo "it does not answer" >&2; exit 1 ;;
stop) kill -TERM "$(cat hub.pid)"; gone ;;
kill) kill -KILL "$(cat hub.pid)"; gone ;;
*) echo "systemctl start|stop|kill safeclaw" >&2; exit 2 ;;
esac
"#;

/// Starts one, with the component `files` registered.
pub(super) fn unit() -> Unit {
    let folder = tempfile::Builder::new().prefix("safeclaw-unit-").tempdir().expect("a folder");
    let unit = Unit { folder };
    for directory in ["bin", "data", "manifest", "workspace"] {
        fs::create_dir(unit.at(directory)).expect("a directory");
    }
    for file in ["tiers.toml", "tools.toml"] {
        fs::copy(handed::repository().join("manifests/default").join(file), unit.at("manifest").join(file))
            .expect("a copy");
    }
    for name in ["files", "json", "time"] {
        fs::write(unit.at(&format!("{name}.wasm")), handed::guest(name)).expect("a component");
    }
    for open in [unit.folder.path(), &unit.at("workspace")] {
        fs::set_permissions(open, fs::Permissions::from_mode(0o777)).expect("permissions");
    }
    fs::set_permissions(unit.at("data"), fs::Permissions::from_mode(0o700)).expect("permissions");
    let script = unit.at("bin/systemctl");
    fs::write(&script, SYSTEMCTL).expect("a script");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("permissions");
    let id = handed::image().to_string();
    fs::write(unit.at("data/image"), format!("{id}\n")).expect("the image's id");
    let begin = "systemctl start safeclaw\nfor name in files json time; do safeclaw tool add $name $name.wasm; done";
    let mut command = Command::new("bash");
    command.args(["-eu", "-c", begin]);
    unit.within(&mut command);
    let output = command.output().expect("bash");
    assert!(output.status.success(), "{}\n{}", String::from_utf8_lossy(&output.stderr), unit.said());
    unit
}

impl Unit {
    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Lets a command run where the operator would.
    pub(super) fn within(&self, command: &mut Command) {
        let programs = handed::program("safeclaw");
        let programs = programs.parent().map(Path::display).expect("a directory");
        let path = std::env::var("PATH").unwrap_or_default();
        command
            .current_dir(self.folder.path())
            .env("PATH", format!("{}:{programs}:{path}", self.at("bin").display()))
            .env("HOME", self.folder.path())
            .env("USER", "ada")
            .env("UNIT", self.folder.path())
            .env("SAFECLAW_DATA", self.at("data"))
            .env("DOCKER_HOST", format!("unix://{}", handed::engine().display()))
            .env_remove("SUDO_USER");
    }

    /// What its hub said of late.
    pub(super) fn said(&self) -> String {
        let text = fs::read_to_string(self.at("hub.log")).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(12)..].join("\n")
    }
}

impl Drop for Unit {
    fn drop(&mut self) {
        if let Ok(pid) = fs::read_to_string(self.at("hub.pid")) {
            // Its process group: the launcher is another process.
            let _ = Command::new("bash").args(["-c", &format!("kill -TERM {0} && for i in $(seq 100); do kill -0 {0} 2>/dev/null || exit 0; sleep 0.1; done; kill -KILL {0}", pid.trim())]).output();
        }
    }
}
