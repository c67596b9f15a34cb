//! Where attacks are played: a hub of their own, with limits so short that each ends soon, and so far from
//! each other that only one of them can be the one that ends it.

use super::folder;
use crate::own::{Own, Plan};
use hub::{CallEnd, CallNote, Caller};
use std::collections::BTreeSet;
use std::fs;
use std::future::Future;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

const PREFIX: &str = "safeclaw-attacks-";
/// Files in the directory that is too large to be read at once.
const MANY_FILES: usize = 20_000;
/// More notes than any row has; what does not fit is lost, as it would be to an agent.
const NOTES: usize = 1 << 12;

pub(super) struct Stage {
    own: Own,
    http: SocketAddr,
    pub(super) workspace: PathBuf,
    outside: PathBuf,
    runtime: Runtime,
    _folder: TempDir,
}

pub(super) static STAGE: LazyLock<Stage> = LazyLock::new(|| {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    remove_what_ended();
    let prefix = format!("{PREFIX}{}-", std::process::id());
    let folder = tempfile::Builder::new().prefix(&prefix).tempdir().expect("a folder");
    let (workspace, outside) = (folder.path().join("workspace"), folder.path().join("outside"));
    let crowded = folder.path().join("crowded");
    for directory in ["workspace/docs", "workspace/.git/hooks", "workspace/open", "outside", "crowded"] {
        fs::create_dir_all(folder.path().join(directory)).expect("a directory");
    }
    for (file, text) in [
        ("workspace/README.md", "# A workspace\n"),
        ("workspace/docs/data.json", "{}"),
        ("workspace/.git/config", "[core]\n"),
        ("workspace/.git/hooks/pre-commit", "#!/bin/sh\n"),
        ("outside/secret", "the secret"),
    ] {
        fs::write(folder.path().join(file), text).expect("a file");
    }
    for number in 0..MANY_FILES {
        fs::File::create(crowded.join(format!("a file with a long name, so that it costs something, {number}")))
            .expect("a file");
    }
    open_up(folder.path());
    let manifest = fs::read_to_string(folder_of_manifest()).expect("the manifest");
    let (own, http) = runtime.block_on(async {
        let plan = Plan::new(&manifest).guest("files").guest("hostile").guest("hostile-net");
        let own = plan.mount("workspace", &workspace).mount("crowded", &crowded).start().await;
        let http = own.http().await;
        (own, http)
    });
    Stage { own, http, workspace, outside, runtime, _folder: folder }
});

/// A stage lives as long as its process, which drops nothing when it ends: the next one tidies up.
fn remove_what_ended() {
    for entry in fs::read_dir(std::env::temp_dir()).expect("a directory").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let process = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next()?.parse::<u32>().ok());
        if process.is_some_and(|process| !Path::new(&format!("/proc/{process}")).exists()) {
            // Another stage may be at it too.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn folder_of_manifest() -> PathBuf {
    folder().join("manifest/manifest.toml")
}

/// Runners are another user: everything is opened to them, so that what stops them is a wall.
pub(super) fn open_up(path: &Path) {
    let found = fs::symlink_metadata(path).expect("it is there");
    if found.is_dir() {
        fs::set_permissions(path, fs::Permissions::from_mode(0o777)).expect("permissions");
        fs::read_dir(path).expect("a directory").for_each(|entry| open_up(&entry.expect("an entry").path()));
    } else if !found.is_symlink() {
        fs::set_permissions(path, fs::Permissions::from_mode(0o666)).expect("permissions");
    }
}

impl Stage {
    pub(super) fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// Somebody with a session of their own: as the hub knows them, and as they show themselves to it.
    pub(super) fn attacker(&self, profile: &str) -> (Caller, String) {
        let token = self.own.token(profile);
        (self.own.hub.authenticate(&token).expect("the token is known at once"), token)
    }

    /// Calls a tool, and hears what it says meanwhile.
    pub(super) async fn call(&self, caller: &Caller, tool: &str, arguments: String) -> (CallEnd, Vec<CallNote>) {
        let (notes, mut noted) = mpsc::channel(NOTES);
        let end = self.own.hub.call(caller, tool, arguments, notes, CancellationToken::new()).await;
        let mut heard = Vec::new();
        while let Ok(note) = noted.try_recv() {
            heard.push(note);
        }
        (end, heard)
    }

    /// The same over HTTP, as an agent does: the result of `tools/call`.
    pub(super) fn call_by_mcp(&self, token: &str, tool: &str, arguments: &str) -> Result<serde_json::Value, String> {
        let arguments: serde_json::Value = serde_json::from_str(arguments).map_err(|e| e.to_string())?;
        let body = serde_json::json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
            "name": tool, "arguments": arguments, "_meta": {
                "io.modelcontextprotocol/protocolVersion": MCP_VERSION,
                "io.modelcontextprotocol/clientCapabilities": {},
            },
        }});
        let bearer = format!("Bearer {token}");
        let headers = [
            ("Authorization", bearer.as_str()),
            ("MCP-Protocol-Version", MCP_VERSION),
            ("Mcp-Method", "tools/call"),
            ("Mcp-Name", tool),
        ];
        let reply = crate::http::post_and_wait(self.http, &headers, &body.to_string());
        let mut answers = reply.body.lines().rev().filter_map(|line| {
            let line = line.strip_prefix("data: ").unwrap_or(line);
            serde_json::from_str::<serde_json::Value>(line).ok().filter(|message| message["id"] == 1)
        });
        answers.next().map(|message| message["result"].clone()).ok_or_else(|| format!("no answer in {reply:?}"))
    }

    /// What these components say that they have, granted to anybody or not.
    pub(super) fn offered(&self, components: &[&str]) -> Vec<String> {
        let registered = self.own.hub.components();
        let some = registered.iter().filter(|one| components.contains(&one.name.as_str()));
        some.flat_map(|one| one.tools.iter().map(|tool| tool.name.to_string())).collect()
    }

    /// The tools as this caller sees them.
    pub(super) fn tools(&self, caller: &Caller) -> Vec<(String, Option<String>, String)> {
        let tools = self.own.hub.tools(caller).into_iter().map(|tool| tool.description);
        tools.map(|tool| (tool.name.to_string(), tool.title, tool.description)).collect()
    }

    /// The containers that serve a session.
    pub(super) fn runners(&self, caller: &Caller) -> BTreeSet<String> {
        let sessions = self.own.hub.sessions();
        let session = sessions.iter().find(|session| session.id == caller.session);
        session.iter().flat_map(|session| &session.runners).map(|runner| runner.container.to_string()).collect()
    }

    /// The lines of the audit log that are about a call.
    pub(super) fn audit_of(&self, call: &str) -> Vec<serde_json::Value> {
        let log = fs::read_to_string(self.own.data.join("audit.jsonl")).expect("the audit log");
        let lines = log.lines().filter(|line| line.contains(call));
        lines.map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
    }

    /// What no attack may change: all that lies beside the granted directories, and what is protected in them.
    pub(super) fn kept(&self) -> Vec<(PathBuf, String)> {
        let mut found = Vec::new();
        walk(&self.outside, &mut found);
        walk(&self.workspace.join(".git"), &mut found);
        for protected in manifest::protected_paths() {
            let first = protected.path.split('/').next().unwrap_or_default();
            if first != ".git" && self.workspace.join(first).symlink_metadata().is_ok() {
                found.push((first.into(), "made".to_owned()));
            }
        }
        found
    }
}

const MCP_VERSION: &str = "2026-07-28";

fn walk(directory: &Path, found: &mut Vec<(PathBuf, String)>) {
    let mut entries: Vec<_> =
        fs::read_dir(directory).expect("a directory").map(|e| e.expect("an entry").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            found.push((path.clone(), "a directory".to_owned()));
            walk(&path, found);
        } else {
            found.push((path.clone(), fs::read_to_string(&path).unwrap_or_else(|e| e.to_string())));
        }
    }
}
