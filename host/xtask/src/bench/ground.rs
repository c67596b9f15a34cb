//! Where the measured hub lives: a temporary directory with its data and a manifest for the tools.

use anyhow::Context;
use std::path::PathBuf;
use tempfile::TempDir;

/// Both tools for a session's runner, with all that one session may have.
const SESSIONS: &str = r#"
name = "bench"

[tiers.user]
concurrent_calls = 64
calls_per_hour = 1_000_000
idle = "15min"

[tiers.user.ceiling]
clocks = ["monotonic"]
size = "large"
limits = { memory = "4MiB", cpu = "8s", deadline = "20s", arguments = "256KiB", result = "256KiB", log = "64KiB", handles = 64 }

[mounts.workspace]
path = "/workspace"
reason = "no tool of the bench is granted it"

[profiles.bench]
tiers = ["user"]

[components.bench]

[tools.add]
component = "bench"
tier = "user"
reason = "the least that a tool can do"

[tools.echo]
component = "bench"
tier = "user"
reason = "a text in and out"
"#;

/// A guest that takes a whole processor: a small container has half of one.
const SPIN: &str = r#"
[tools.spin]
component = "bench"
tier = "user"
reason = "what a guest does to others that computes without end"
clocks = ["monotonic"]
size = "large"
limits = { deadline = "8s" }
"#;

/// An interpreter beside the tool in Rust, in a container that has room for eight of them.
const PYTHON: &str = r#"
[components.hello_python]

[tools.python_add]
component = "hello_python"
tier = "user"
reason = "the least that a tool in Python can do"
size = "large"
limits = { memory = "64MiB", handles = 1000 }
trap_imports = [
    "wasi:sockets/network",
    "wasi:sockets/instance-network",
    "wasi:sockets/ip-name-lookup",
    "wasi:sockets/tcp",
    "wasi:sockets/tcp-create-socket",
    "wasi:sockets/udp",
    "wasi:sockets/udp-create-socket",
]
"#;

/// What asks the outside, and `add` beside it. PORT is the upstream's.
const REQUESTS: &str = r#"
[[tiers.user.ceiling.http]]
host = "127.0.0.1"
port = PORT
methods = ["GET"]
paths = ["/**"]
private = ["127.0.0.1/32"]
response = "256MiB"
per_call = 100
per_minute = 60_000
concurrent = 256

[components.bench-http]

[tools.get]
component = "bench-http"
tier = "user"
reason = "asks an upstream on loopback"

[[tools.get.http]]
host = "127.0.0.1"
port = PORT
methods = ["GET"]
paths = ["/**"]
private = ["127.0.0.1/32"]
"#;

/// The directory; removed when dropped.
#[derive(Debug)]
pub(crate) struct Ground {
    dir: TempDir,
}

impl Ground {
    /// Two tools in sessions' runners.
    pub(crate) fn for_sessions() -> anyhow::Result<Self> {
        Self::with(SESSIONS)
    }

    /// With the tool that spins.
    pub(crate) fn for_spinning() -> anyhow::Result<Self> {
        Self::with(&format!("{SESSIONS}{SPIN}"))
    }

    /// With the tool in Python, and with the others in a large container too.
    pub(crate) fn for_python() -> anyhow::Result<Self> {
        let sessions = SESSIONS.replace("concurrent_calls = 64", "concurrent_calls = 8");
        let sessions =
            sessions.replace("memory = \"4MiB\"", "memory = \"64MiB\"").replace("handles = 64", "handles = 1000");
        let sessions = sessions.replace("reason = \"the least", "size = \"large\"\nreason = \"the least");
        Self::with(&format!("{}{PYTHON}", sessions.replace("reason = \"a text", "size = \"large\"\nreason = \"a text")))
    }

    /// With the tool that asks an upstream at this port.
    pub(crate) fn for_requests(port: u16) -> anyhow::Result<Self> {
        let sessions = SESSIONS
            .replace("handles = 64", "handles = 1000")
            .replace("concurrent_calls = 64", "concurrent_calls = 16");
        Self::with(&format!("{sessions}{}", REQUESTS.replace("PORT", &port.to_string())))
    }

    /// Two tools, where each call has a container of its own.
    pub(crate) fn for_single_calls() -> anyhow::Result<Self> {
        let single = SESSIONS.replace("reason = \"the least", "runner = \"call\"\nreason = \"the least");
        let single = single.replace("limits = {", "runner = \"call\"\nlimits = {").replace("idle = \"15min\"\n", "");
        Self::with(&single.replace("reason = \"a text", "runner = \"call\"\nreason = \"a text"))
    }

    fn with(manifest: &str) -> anyhow::Result<Self> {
        let dir = tempfile::Builder::new().prefix("safeclaw-bench-").tempdir().context("no temporary directory")?;
        let ground = Self { dir };
        for directory in [ground.manifest(), ground.workspace()] {
            std::fs::create_dir(directory)?;
        }
        std::fs::write(ground.manifest().join("bench.toml"), manifest)?;
        Ok(ground)
    }

    /// The text of the manifest, for a hub that is not a process of its own.
    pub(crate) fn manifest_file(&self) -> PathBuf {
        self.manifest().join("bench.toml")
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub(crate) fn audit(&self) -> PathBuf {
        self.data().join("audit.jsonl")
    }

    pub(crate) fn manifest(&self) -> PathBuf {
        self.dir.path().join("manifest")
    }

    pub(crate) fn workspace(&self) -> PathBuf {
        self.dir.path().join("workspace")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.dir.path().join("hub.log")
    }
}
