//! One hub for the whole test binary: the shipping code with the tests' own manifest, in containers of the
//! engine that was handed over. It ends with the process, and its runners with it (their input closes).

use crate::handed;
use hub::{CallEnd, CallOutcome, Caller, Governed, Hub, HubConfig, PoolConfig, Wall2};
use manifest::{ComponentName, Manifest, MountName, SourceFile};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::net::SocketAddr;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// The hub and where it is reached.
pub struct Running {
    pub hub: Hub,
    pub http: SocketAddr,
    pub data: PathBuf,
    /// The directory behind the mount `workspace`.
    pub workspace: PathBuf,
    runtime: Runtime,
}

static RUNNING: OnceLock<Running> = OnceLock::new();

/// The hub; the first caller starts it.
pub fn running() -> &'static Running {
    RUNNING.get_or_init(|| {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        let folder = tempfile::Builder::new().prefix("safeclaw-tests-").tempdir().expect("a folder").keep();
        let workspace = fill_workspace(&folder);
        let data = folder.join("data");
        let (hub, http) = runtime.block_on(start(&data, &workspace));
        Running { hub, http, data, workspace, runtime }
    })
}

/// The manifest of `tests/manifest`.
pub fn manifest() -> Manifest {
    read_manifest(&handed::repository().join("tests/manifest"))
}

/// The manifest of a directory.
pub fn read_manifest(directory: &Path) -> Manifest {
    let mut files: Vec<PathBuf> = std::fs::read_dir(directory)
        .expect("the manifest directory")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .collect();
    files.sort();
    let files: Vec<SourceFile> = files
        .iter()
        .map(|path| SourceFile {
            name: path.display().to_string(),
            text: std::fs::read_to_string(path).expect("a file"),
        })
        .collect();
    manifest::read(&files).unwrap_or_else(|errors| panic!("{errors}")).manifest
}

async fn start(data: &Path, workspace: &Path) -> (Hub, SocketAddr) {
    let config = HubConfig {
        data: data.to_owned(),
        store: None,
        governed: Governed::Fixed {
            manifest: Box::new(manifest()),
            mounts: BTreeMap::from([(MountName::try_from("workspace").expect("a name"), workspace.to_owned())]),
        },
        wall2: Wall2::Engine { socket: handed::engine(), image: handed::image() },
        denied_tiers: BTreeSet::new(),
        pool: PoolConfig::default(),
        identity: hub::identity::Config::default(),
        private: Vec::new(),
        audit_heads: None,
        egress: egress::Declared::default(),
    };
    let hub = Hub::start(config).await.unwrap_or_else(|e| panic!("the hub starts: {e:?}"));
    for name in ["files", "json", "time", "hello", "hostile", "hostile-net", "conformance"] {
        let wasm = handed::guest(name);
        let component = ComponentName::try_from(name).expect("a name");
        hub.add_component(&component, wasm).await.unwrap_or_else(|e| panic!("{name} registers: {e:?}"));
    }
    let listener = hub::http::bind("127.0.0.1:0".parse().expect("an address")).await.expect("a port");
    let http = listener.address();
    tokio::spawn(hub::http::serve(hub.clone(), listener, CancellationToken::new()));
    let socket = hub::stdio::bind(&data.join("mcp.sock")).expect("mcp.sock");
    tokio::spawn(hub::stdio::serve_socket(hub.clone(), socket, CancellationToken::new()));
    let socket = hub::stdio::bind(&data.join("operator.sock")).expect("operator.sock");
    tokio::spawn(hub::operator::serve(hub.clone(), socket, CancellationToken::new()));
    (hub, http)
}

/// What the tools find: plain files, and what an attacker would plant.
fn fill_workspace(folder: &Path) -> PathBuf {
    let workspace = folder.join("workspace");
    for directory in ["", "docs", ".git/hooks", "planted", "open"] {
        std::fs::create_dir_all(workspace.join(directory)).expect("a directory");
    }
    let write = |name: &str, text: &[u8]| std::fs::write(workspace.join(name), text).expect("a file");
    write("README.md", b"# A workspace\nThe second line.\n");
    write("docs/data.json", br#"{"name":"claw","legs":[1,2,3]}"#);
    write("docs/binary.bin", &[0, 159, 146, 150, 0, 255]);
    write(".git/hooks/pre-commit", b"#!/bin/sh\n");
    write(".git/config", b"[core]\n");
    symlink("/etc/passwd", workspace.join("planted/passwd")).expect("a link");
    symlink("..", workspace.join("planted/up")).expect("a link");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        workspace.join("planted/fifo"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from(0o666),
        0,
    )
    .expect("a FIFO");
    // Runners are uid 1000: the tests may be root, so everything is opened for them.
    for directory in ["", "docs", "open", "planted", ".git", ".git/hooks"] {
        let path = workspace.join(directory);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o777)).expect("permissions");
    }
    for up in [folder, &workspace] {
        std::fs::set_permissions(up, std::fs::Permissions::from_mode(0o777)).expect("permissions");
    }
    workspace
}

impl Running {
    /// Runs a test's future on the hub's own runtime.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// A fresh token: a session that no other test shares, of a principal that has no other.
    pub fn token(&self, profile: &str) -> String {
        static PRINCIPALS: AtomicUsize = AtomicUsize::new(0);
        let principal = format!("tester-{}", PRINCIPALS.fetch_add(1, Ordering::Relaxed));
        crate::token::create(&self.data, &principal, profile)
    }

    /// A fresh session.
    pub fn caller(&self, profile: &str) -> Caller {
        self.hub.authenticate(&self.token(profile)).expect("the token is known at once")
    }

    /// Calls a tool in a session of its own.
    pub fn call(&self, profile: &str, tool: &str, arguments: &str) -> CallEnd {
        self.call_as(&self.caller(profile), tool, arguments)
    }

    /// Calls a tool.
    pub fn call_as(&self, caller: &Caller, tool: &str, arguments: &str) -> CallEnd {
        self.block_on(async {
            let (notes, mut noted) = mpsc::channel(64);
            tokio::spawn(async move { while noted.recv().await.is_some() {} });
            self.hub.call(caller, tool, arguments.to_owned(), notes, CancellationToken::new()).await
        })
    }

    /// The lines of the audit log.
    pub fn audit(&self) -> Vec<serde_json::Value> {
        audit_of(&self.data)
    }
}

/// The lines of the audit log in this data directory.
pub(crate) fn audit_of(data: &Path) -> Vec<serde_json::Value> {
    std::fs::read_to_string(data.join("audit.jsonl"))
        .expect("the audit log")
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line is JSON"))
        .collect()
}

/// The structured result of a call that must have been answered.
pub fn structured(end: &CallEnd) -> serde_json::Value {
    let CallOutcome::Answer(answer) = &end.outcome else { panic!("not an answer: {end:?}") };
    assert!(!answer.is_error, "the tool failed: {answer:?}");
    serde_json::from_str(answer.structured.as_deref().expect("a structured result")).expect("JSON")
}

/// The text of a call that the tool itself failed.
pub fn failure(end: &CallEnd) -> String {
    let CallOutcome::Answer(answer) = &end.outcome else { panic!("not an answer: {end:?}") };
    assert!(answer.is_error, "the tool did not fail: {answer:?}");
    text(answer)
}

/// All text blocks of an answer.
pub fn text(answer: &protocol::Answer) -> String {
    answer
        .content
        .iter()
        .filter_map(|c| if let protocol::Content::Text(t) = c { Some(t.as_str()) } else { None })
        .collect::<Vec<_>>()
        .join("\n")
}
