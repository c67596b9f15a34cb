//! The services of the compose file on the tests' engine, with names of their own, gone when dropped.

use super::home;
use hub::Health;
use hub::operator::Client;
use serde_json::{Value, json};
use std::fs::{self, Permissions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use tempfile::TempDir;
use tests::handed;
use tests::watch::{LONG, ask, until};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::time::timeout;

pub(super) struct Services {
    home: TempDir,
    /// Of the containers, before the service's name.
    prefix: String,
    image: String,
    bodies: Value,
}

fn safeclaw(arguments: &[&str]) -> String {
    let output = Command::new(handed::program("safeclaw")).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "safeclaw {}: {said}", arguments.join(" "));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

impl Services {
    /// Both images in the engine, the directories, and nothing that runs.
    pub(super) fn prepare() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let home = tempfile::Builder::new().prefix("safeclaw-services-").tempdir().unwrap();
        fs::set_permissions(home.path(), Permissions::from_mode(0o755)).unwrap();
        let at = |name: &str| home.path().join(name);
        home::fill(home.path());

        let engine = format!("unix://{}", handed::engine().display());
        let archive = at("hub.tar").display().to_string();
        let image = safeclaw(&["image", "pack", "--hub", &archive]);
        let data = at("loading").display().to_string();
        assert_eq!(safeclaw(&["image", "load", &archive, "--engine", &engine, "--data", &data]), image);
        assert!(!at("loading").exists(), "the hub's image is not recorded as the one that runners are made of");
        let text = safeclaw(&[
            "config",
            "compose",
            "--format",
            "engine",
            "--home",
            &home.path().display().to_string(),
            "--hub-image",
            &image,
            "--runner-image",
            &handed::image().to_string(),
            "--engine-socket",
            &handed::engine().display().to_string(),
            "--governor-url",
            "https://hub.example:7300",
        ]);
        let prefix = format!("safeclaw-test-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        Self { home, prefix, image, bodies: serde_json::from_str(&text).unwrap() }
    }

    /// Launcher and hub, ready.
    pub(super) async fn start() -> Self {
        let services = Self::prepare();
        services.run("launcher", |_| {});
        services.launcher_listens().await;
        services.run("hub", |_| {});
        services.answers().await;
        services
    }

    pub(super) fn at(&self, name: &str) -> String {
        self.home.path().join(name).display().to_string()
    }

    fn name(&self, service: &str) -> String {
        format!("{}-{service}", self.prefix)
    }

    /// The settings of a service as they are printed, but for what a test's engine cannot have.
    fn body(&self, service: &str) -> Value {
        let mut body = self.bodies[service].clone();
        if service == "hub" {
            // The tests' engine has no bridge, so there is no network for the hub and no port to publish; it is
            // reached by its sockets in the data directory.
            body["HostConfig"]["NetworkMode"] = "none".into();
            body["HostConfig"]["PortBindings"] = json!({});
            // Every 30 s is long for a test.
            body["Healthcheck"]["Interval"] = 2_000_000_000_u64.into();
            body["Healthcheck"]["StartPeriod"] = 0.into();
        }
        body
    }

    /// Starts a container of a service, with a change to its settings.
    pub(super) fn run(&self, service: &str, change: impl FnOnce(&mut Value)) {
        let mut body = self.body(service);
        change(&mut body);
        self.create(&self.name(service), &body);
    }

    fn create(&self, name: &str, body: &Value) {
        let (status, made) = self.ask("POST", &format!("/containers/create?name={name}"), &body.to_string());
        assert_eq!(status, 201, "{made}");
        // The engine warns when it discards a setting.
        assert!(made["Warnings"].as_array().is_none_or(Vec::is_empty), "{made}");
        let (status, said) = self.ask("POST", &format!("/containers/{name}/start"), "");
        assert_eq!(status, 204, "{said}");
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        ask(&handed::engine(), method, path, body).unwrap()
    }

    fn seen(&self, service: &str) -> Value {
        self.ask("GET", &format!("/containers/{}/json", self.name(service)), "").1
    }

    /// Its first process, if it runs.
    pub(super) fn running(&self, service: &str) -> Option<i32> {
        let pid = self.seen(service)["State"]["Pid"].as_i64()?;
        i32::try_from(pid).ok().filter(|pid| *pid > 0)
    }

    pub(super) fn pid(&self, service: &str) -> i32 {
        self.running(service).unwrap_or_else(|| panic!("{service} does not run: {}", self.said(service)))
    }

    /// Waits until the engine finds the hub to be this.
    pub(super) async fn is(&self, wanted: &str) {
        until(&format!("the health check says {wanted}"), || async {
            let health = self.seen("hub")["State"]["Health"].clone();
            if health["Status"] == wanted { Ok(()) } else { Err(health.to_string()) }
        })
        .await;
    }

    pub(super) async fn launcher_listens(&self) {
        let socket = self.home.path().join("run/launcher.sock");
        let look = || async { if socket.exists() { Ok(()) } else { Err(self.said("launcher")) } };
        until("the launcher listens", look).await;
    }

    pub(super) async fn health(&self) -> Result<Health, String> {
        let asked = Client::new(self.home.path().join("data/operator.sock")).health().await;
        asked.map_err(|error| format!("{error}: {}\n{}", self.said("hub"), self.said("launcher")))
    }

    async fn answers(&self) {
        until("the hub answers", || async { self.health().await.map(drop) }).await;
    }

    /// As `docker restart`.
    pub(super) async fn restart(&self, service: &str) {
        let (status, said) = self.ask("POST", &format!("/containers/{}/restart?t=20", self.name(service)), "");
        assert_eq!(status, 204, "{said}");
        self.answers().await;
    }

    /// What a container wrote.
    pub(super) fn said(&self, service: &str) -> String {
        self.logs(&self.name(service), "stdout=1&stderr=1")
    }

    fn logs(&self, name: &str, streams: &str) -> String {
        let mut stream = UnixStream::connect(handed::engine()).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        let request = format!("GET /containers/{name}/logs?{streams}&tail=40 HTTP/1.0\r\nHost: engine\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        let head = bytes.windows(4).position(|four| four == b"\r\n\r\n").map_or(bytes.len(), |at| at + 4);
        // Eight bytes before each piece: the stream, three zeros, the length.
        let (mut rest, mut text) = (&bytes[head..], String::new());
        while let [_, 0, 0, 0, a, b, c, d, more @ ..] = rest {
            let length = usize::try_from(u32::from_be_bytes([*a, *b, *c, *d])).unwrap().min(more.len());
            text += &String::from_utf8_lossy(&more[..length]);
            rest = &more[length..];
        }
        text
    }

    /// `docker compose run --rm operator …`; gives what it printed as its result.
    pub(super) async fn operator(&self, arguments: &[&str]) -> String {
        let name = format!("{}-operator", self.prefix);
        let mut body = self.body("operator");
        body["Cmd"] = json!(arguments);
        // What it wrote is read when it has ended.
        body["HostConfig"]["AutoRemove"] = false.into();
        self.create(&name, &body);
        let ended = || async {
            let state = self.seen("operator")["State"].clone();
            let failed = || format!("{state}: {}\n{}", self.said("operator"), self.said("hub"));
            if state["Status"] == "exited" { Ok(state["ExitCode"].clone()) } else { Err(failed()) }
        };
        let code = until(&arguments.join(" "), ended).await;
        let (printed, said) = (self.logs(&name, "stdout=1"), self.said("operator"));
        self.ask("DELETE", &format!("/containers/{name}?force=1"), "");
        assert_eq!(code, 0, "{}: {said}\n{}", arguments.join(" "), self.said("hub"));
        printed.trim().to_owned()
    }

    /// A tool's answer, through `safeclaw mcp` and the hub's socket.
    pub(super) async fn call(&self, token: &str, tool: &str, arguments: &Value) -> Value {
        let mut bridge = tokio::process::Command::new(handed::program("safeclaw"))
            .args(["mcp", "--data", &self.at("data")])
            .env("SAFECLAW_TOKEN", token)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let client = json!({ "name": "tests", "version": "0" });
        let hello = json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client });
        let lines = [
            json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello }),
            json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }),
            json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call",
                "params": { "name": tool, "arguments": arguments } }),
        ];
        let mut input = bridge.stdin.take().unwrap();
        for line in lines {
            input.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        }
        let mut output = BufReader::new(bridge.stdout.take().unwrap()).lines();
        loop {
            let line = timeout(LONG, output.next_line()).await.expect("it answers in time").unwrap();
            let line = line.unwrap_or_else(|| panic!("the bridge ended: {}", self.said("hub")));
            let answer: Value = serde_json::from_str(&line).unwrap();
            if answer["id"] == 1 {
                return answer;
            }
        }
    }

    /// Ends the hub as `docker compose down` does, and looks at what is left.
    pub(super) fn end(self) {
        let hub = fs::read_to_string(self.home.path().join("data/hub.id")).unwrap();
        let engine = handed::engine();
        for service in ["hub", "launcher"] {
            self.ask("POST", &format!("/containers/{}/stop?t=30", self.name(service)), "");
        }
        let left = tests::watch::Watch { engine, hub: hub.trim().to_owned() }.names();
        assert!(left.is_empty(), "runners are left: {left:?}");
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        for service in ["operator", "hub", "launcher"] {
            self.ask("DELETE", &format!("/containers/{}?force=1&v=1", self.name(service)), "");
        }
        // Another test may still use it: then the engine says so, and that one removes it.
        self.ask("DELETE", &format!("/images/{}", self.image), "");
    }
}
