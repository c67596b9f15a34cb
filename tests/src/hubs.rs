//! A hub as its operator has it: a process, `safeclaw hub`, that a test can kill like any other. Its data
//! directory comes with components that are compiled already.

use crate::own::Plan;
use crate::{handed, watch};
use hub::operator::Client;
use manifest::ComponentName;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::sync::OnceCell;
use tokio::time::timeout;

/// The manifest of these hubs: a tool for each way a runner is used.
pub const MANIFEST: &str = include_str!("hubs.toml");

/// A data directory, a manifest and a workspace, for one hub after the other.
pub struct Place {
    folder: TempDir,
}

impl Place {
    /// A new one, with the components `files` and `hostile` registered.
    pub async fn new() -> Self {
        static TEMPLATE: OnceCell<TempDir> = OnceCell::const_new();
        let template = TEMPLATE.get_or_init(compiled).await;
        let place = Self::empty();
        for directory in ["components", "artefacts"] {
            copy(&template.path().join("data").join(directory), &place.data().join(directory));
        }
        // Registrations bear a seal made with this key.
        fs::copy(template.path().join("data/hub.key"), place.data().join("hub.key")).expect("the key");
        place
    }

    /// A new one with nothing registered.
    fn empty() -> Self {
        let folder = tempfile::Builder::new().prefix("safeclaw-place-").tempdir().expect("a folder");
        let place = Self { folder };
        for directory in [place.data(), place.manifest(), place.workspace()] {
            fs::create_dir(directory).expect("a directory");
        }
        fs::write(place.manifest().join("tools.toml"), MANIFEST).expect("a manifest");
        fs::write(place.workspace().join("README.md"), "# A workspace\n").expect("a file");
        // Tools are user 1000, and the test may be root.
        for path in [place.folder.path(), &place.workspace()] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o777)).expect("permissions");
        }
        place
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn workspace(&self) -> PathBuf {
        self.folder.path().join("workspace")
    }

    pub fn manifest(&self) -> PathBuf {
        self.folder.path().join("manifest")
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("hub.log")
    }

    /// A token of a principal of its own.
    pub fn token(&self) -> String {
        crate::token::create(&self.data(), "tester", "developer")
    }

    /// What its hubs said of late.
    pub fn said(&self) -> String {
        let text = fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(25)..].join("\n")
    }
}

/// Artefacts in a data directory that no registration names, and drafts.
pub fn litter(data: &Path) -> Vec<String> {
    let files = watch::files(data);
    let registrations: String = files
        .iter()
        .filter(|file| file.starts_with("components/") && file.ends_with(".json"))
        .map(|file| fs::read_to_string(data.join(file)).expect("a registration"))
        .collect();
    let stray = |file: &String| {
        let named = file.strip_prefix("artefacts/").and_then(|name| name.strip_suffix(".cwasm"));
        file.contains(".new-") || named.is_some_and(|digest| !registrations.contains(digest))
    };
    files.into_iter().filter(stray).collect()
}

/// A place in which the components were registered through both walls.
async fn compiled() -> TempDir {
    let place = Place::empty();
    let plan = Plan::new(MANIFEST).guest("files").guest("hostile").mount("workspace", &place.workspace());
    let hub = plan.start_in(&place.data()).await.unwrap_or_else(|error| panic!("the hub starts: {error:?}"));
    hub.drain(std::time::Duration::ZERO).await;
    place.folder
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    let registered = |name: &str| name.ends_with(".json");
    let names: Vec<_> = watch::files(from).into_iter().collect();
    let used: String = ["files.json", "hostile.json"]
        .iter()
        .filter_map(|name| fs::read_to_string(from.parent()?.join("components").join(name)).ok())
        .collect();
    for name in names {
        // Other tests of this process compiled more than is needed here.
        let stem = name.split('.').next().unwrap_or_default();
        if used.contains(stem) && (!registered(&name) || ["files", "hostile"].contains(&stem)) {
            fs::copy(from.join(&name), to.join(&name)).expect("a copy");
        }
    }
}

/// A running `safeclaw hub`; killed when dropped.
pub struct HubProcess {
    child: Child,
    /// Where agents reach it in the clear, once it is ready.
    pub mcp: Option<SocketAddr>,
    /// What it said when it was ready.
    pub said: Value,
    data: PathBuf,
}

impl HubProcess {
    /// Starts one; it is not ready yet.
    pub fn spawn(place: &Place, engine: &Path, parked: usize) -> Self {
        Self::spawn_with(place, engine, parked, |_| {})
    }

    /// The same, with more options or variables.
    pub fn spawn_with(place: &Place, engine: &Path, parked: usize, more: impl FnOnce(&mut Command)) -> Self {
        let engine = format!("unix://{}", engine.display());
        Self::of(place, ["--engine", &engine, "--parked", &parked.to_string()], more)
    }

    /// One whose launcher runs already.
    pub fn apart(place: &Place, launcher: &Path) -> Self {
        Self::of(place, ["--launcher", &format!("unix://{}", launcher.display()), "--parked", "0"], |_| {})
    }

    fn of(place: &Place, options: [&str; 4], more: impl FnOnce(&mut Command)) -> Self {
        let log = File::options().create(true).append(true).open(place.log()).expect("a log");
        let mut command = Command::new(handed::program("safeclaw"));
        command
            .args(["--log", "debug", "hub", "--json", "--listen", "127.0.0.1:0"])
            .arg("--data")
            .arg(place.data())
            .arg("--manifest")
            .arg(place.manifest())
            .arg("--mount")
            .arg(format!("workspace={}", place.workspace().display()))
            .args(["--image", &handed::image().to_string()])
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true);
        more(&mut command);
        let child = command.spawn().expect("safeclaw starts");
        Self { child, mcp: None, said: Value::Null, data: place.data() }
    }

    /// Waits until it serves.
    ///
    /// # Errors
    /// It ended instead; how.
    pub async fn ready(&mut self) -> Result<(), ExitStatus> {
        let mut first = String::new();
        let mut lines = BufReader::new(self.child.stdout.take().expect("its output"));
        timeout(watch::LONG, lines.read_line(&mut first)).await.expect("it says so in time").expect("a line");
        let Ok(said) = serde_json::from_str::<Value>(&first) else {
            return Err(timeout(watch::LONG, self.child.wait()).await.expect("it ends").expect("a status"));
        };
        let url = said["mcp"].as_str().expect("an address");
        if let Some(address) = url.strip_prefix("http://") {
            let address = address.trim_end_matches("/mcp");
            self.mcp = Some(address.parse().unwrap_or_else(|error| panic!("{url}: {error}")));
        }
        self.said = said;
        Ok(())
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// Its operator's side.
    pub fn operator(&self) -> Client {
        Client::new(self.data.join("operator.sock"))
    }

    /// Its launcher: a child of it that is called so; none, if that runs apart.
    pub fn launcher(&self) -> Option<u32> {
        let hub = self.pid();
        fs::read_dir("/proc").expect("processes").flatten().find_map(|entry| {
            let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            let parent: u32 = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
            let words = fs::read_to_string(entry.path().join("cmdline")).ok()?;
            (parent == hub && words.split('\0').any(|word| word == "launcher")).then_some(pid)
        })
    }

    /// Both at once, so that nobody is left to end what they started.
    pub async fn kill_with_launcher(self) {
        let launcher = self.launcher().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
        kill_process(launcher.expect("it has a launcher"), Signal::KILL).expect("it can be killed");
        self.kill().await;
    }

    /// As the kernel would end it for want of memory.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("it is killed");
    }

    /// As an operator would.
    pub fn ask_to_stop(&self) {
        let pid = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        kill_process(pid.expect("it runs"), Signal::TERM).expect("it can be signalled");
    }

    /// Waits until it has stopped.
    pub async fn stop(mut self) -> ExitStatus {
        self.ask_to_stop();
        timeout(watch::LONG, self.child.wait()).await.expect("it stops").expect("a status")
    }

    /// Registers a component.
    ///
    /// # Errors
    /// What the operator is told.
    pub async fn add(&self, name: &str, wasm: Vec<u8>) -> Result<hub::Registration, hub::operator::ClientError> {
        self.operator().add_component(&ComponentName::try_from(name).expect("a name"), wasm).await
    }
}

/// Calls a tool over MCP; gives the result, or nothing if the hub died.
pub async fn call(hub: SocketAddr, token: &str, tool: &str, arguments: Value) -> Option<Value> {
    let version = "2026-07-28";
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
        "name": tool,
        "arguments": arguments,
        "_meta": {
            "io.modelcontextprotocol/protocolVersion": version,
            "io.modelcontextprotocol/clientCapabilities": {},
        },
    }})
    .to_string();
    let request = format!(
        "POST /mcp HTTP/1.1\r\nHost: {hub}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n\
         Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: {version}\r\nMcp-Method: tools/call\r\n\
         Mcp-Name: {tool}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let talk = async {
        let mut stream = TcpStream::connect(hub).await.ok()?;
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.ok()?;
        let text = String::from_utf8_lossy(&answer).into_owned();
        // As JSON, or as the one event of a stream; nothing, if the hub died meanwhile.
        let line = text.lines().find(|line| line.contains("\"jsonrpc\""))?;
        let json = line.strip_prefix("data: ").unwrap_or(line);
        let message: Value = serde_json::from_str(json).ok()?;
        assert!(message["result"].is_object(), "no result: {message}");
        Some(message["result"].clone())
    };
    timeout(watch::LONG, talk).await.expect("a call is answered in time")
}
