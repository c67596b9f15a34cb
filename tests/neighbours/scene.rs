//! A hub with a neighbour who wants nothing but answers, and an attacker.

use super::attack::{Attack, Kind};
use hub::{CallOutcome, Caller};
use manifest::ComponentName;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Instant;
use tempfile::TempDir;
use tests::handed;
use tests::hubs::{MANIFEST, call, litter};
use tests::own::{Own, Plan};
use tests::watch::{LONG, Trace, Watch, files, gone, kill, may_kill, until};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Calls of the neighbour during one attack.
const CALLS: usize = 5;

pub(crate) struct Scene {
    own: Own,
    http: SocketAddr,
    /// The neighbour's.
    token: String,
    neighbour: Caller,
    watch: Watch,
    _workspace: TempDir,
}

impl Scene {
    pub(crate) async fn new() -> Self {
        let workspace = workspace();
        let plan = Plan::new(&manifest()).guest("files").guest("hostile").mount("workspace", workspace.path());
        let own = plan.start().await;
        let token = own.token("developer");
        let neighbour = own.hub.authenticate(&token).expect("the token is known at once");
        let http = own.http().await;
        let watch = Watch::of(&handed::engine(), &own.data);
        let scene = Self { own, http, token, neighbour, watch, _workspace: workspace };
        scene.ask().await;
        scene
    }

    pub(crate) async fn end(self) {
        let all = self.watch.containers();
        self.own.end().await;
        self.watch.none().await;
        gone(&all).await;
    }

    /// Lets the attack run while the neighbour asks for `CALLS` answers, and then looks for what is left of it.
    pub(crate) async fn withstand(&self, attack: &Attack) {
        if matches!(attack.kind, Kind::KilledRunner) && !may_kill("a neighbour's runner is killed") {
            return;
        }
        let before = (self.serving(), files(&self.own.data));
        let running = Running::start(self, attack).await;
        let mut took_ms = Vec::new();
        for _ in 0..CALLS {
            let asked = Instant::now();
            self.ask().await;
            took_ms.push(asked.elapsed().as_secs_f64() * 1000.0);
        }
        running.still_runs(attack);
        let during = self.watch.containers();
        running.stop(self).await;
        report(attack.name, &took_ms);

        let (serving, kept) = before;
        let look = || async {
            match self.watch.names() {
                names if names == serving => Ok(()),
                names => Err(format!("{names:?}, and the neighbour's is {serving:?}")),
            }
        };
        until(&format!("{}: only the neighbour's container is there", attack.name), look).await;
        let attackers: Vec<Trace> = during.into_iter().filter(|one| !serving.contains(&one.name())).collect();
        gone(&attackers).await;
        let look = || async {
            // A component that is registered may stay; everything else has to go.
            let registered = |file: &String| file.starts_with("components/") || file.starts_with("artefacts/");
            let new = files(&self.own.data).into_iter().filter(|file| !kept.contains(file) && !registered(file));
            let left: Vec<String> = new.chain(litter(&self.own.data)).collect();
            if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
        };
        until(&format!("{}: no file is left", attack.name), look).await;
        assert_eq!(self.serving(), serving, "{}: the neighbour has its runner", attack.name);
    }

    /// One call of the neighbour, over MCP.
    async fn ask(&self) {
        let answer = call(self.http, &self.token, "files_stat", json!({"path": "README.md"})).await;
        let answer = answer.expect("the hub answers");
        assert_eq!(answer["isError"], false, "{answer}");
    }

    /// The containers that serve the neighbour.
    fn serving(&self) -> BTreeSet<String> {
        let sessions = self.own.hub.sessions();
        let of_neighbour = sessions.iter().filter(|view| view.id == self.neighbour.session);
        of_neighbour.flat_map(|view| &view.runners).map(|runner| runner.container.to_string()).collect()
    }
}

/// An attack under way.
struct Running {
    attackers: JoinSet<()>,
    release: CancellationToken,
    /// How many calls, or what else it is made of, were begun.
    begun: watch::Receiver<usize>,
    sessions: Vec<Caller>,
}

/// What each attacker has.
#[derive(Clone)]
struct Attacker {
    hub: hub::Hub,
    caller: Caller,
    data: PathBuf,
    http: SocketAddr,
    watch: Watch,
    release: CancellationToken,
    begun: watch::Sender<usize>,
}

impl Running {
    /// Starts it, and waits until it has begun.
    async fn start(scene: &Scene, attack: &Attack) -> Self {
        let (begun, is_begun) = watch::channel(0);
        let release = CancellationToken::new();
        let attacker = Attacker {
            hub: scene.own.hub.clone(),
            caller: scene.own.caller("developer"),
            data: scene.own.data.clone(),
            http: scene.http,
            watch: scene.watch.clone(),
            release: release.clone(),
            begun,
        };
        let mut attackers = JoinSet::new();
        let at_once = match attack.kind {
            Kind::Lasting { at_once, .. } | Kind::Again { at_once, .. } => at_once,
            Kind::HalfRequests => 128,
            Kind::KilledRunner | Kind::Registrations | Kind::Sessions => 1,
        };
        for _ in 0..at_once {
            attackers.spawn(attacker.clone().run(attack.kind));
        }
        let mut running = Self { attackers, release, begun: is_begun, sessions: Vec::new() };
        let all = running.begun.wait_for(|begun| *begun >= at_once);
        timeout(LONG, all).await.unwrap_or_else(|_| panic!("{}: it never began", attack.name)).expect("attackers");
        if matches!(attack.kind, Kind::Lasting { .. }) {
            let id = &attacker.caller.session;
            let look = || async {
                let sessions = scene.own.hub.sessions();
                let ours = sessions.iter().find(|view| view.id == *id);
                let open: usize = ours.iter().flat_map(|view| &view.runners).map(|runner| runner.open_calls).sum();
                if open == at_once { Ok(()) } else { Err(format!("{open} calls run")) }
            };
            until(&format!("{}: every call of it runs", attack.name), look).await;
        }
        running.sessions.push(attacker.caller);
        running
    }

    /// The order: whoever attacks has not had enough yet.
    fn still_runs(&self, attack: &Attack) {
        if let Kind::Lasting { at_once, .. } = attack.kind {
            assert_eq!(*self.begun.borrow(), at_once, "{}: the first calls are those that run", attack.name);
        }
        assert!(!self.attackers.is_empty() && !self.release.is_cancelled());
    }

    async fn stop(mut self, scene: &Scene) {
        self.release.cancel();
        while let Some(ended) = timeout(LONG, self.attackers.join_next()).await.expect("the attackers stop") {
            ended.expect("an attacker does not fail");
        }
        for caller in &self.sessions {
            timeout(LONG, scene.own.hub.end_session(&caller.session)).await.expect("the session ends");
        }
    }
}

impl Attacker {
    async fn run(self, kind: Kind) {
        match kind {
            Kind::Lasting { tool, arguments, .. } => {
                let end = self.call(tool, arguments).await;
                let early = !self.release.is_cancelled();
                assert!(!early, "{tool} ended before it was told to: {end:?}");
            }
            Kind::Again { tool, arguments, .. } => {
                while !self.release.is_cancelled() {
                    self.call(tool, arguments).await;
                }
            }
            Kind::KilledRunner => {
                while !self.release.is_cancelled() {
                    self.crash().await;
                }
            }
            Kind::Registrations => self.until_released(self.register()).await,
            Kind::HalfRequests => self.until_released(self.half_a_request()).await,
            Kind::Sessions => {
                while !self.release.is_cancelled() {
                    self.session().await;
                }
            }
        }
    }

    async fn until_released(&self, work: impl Future<Output = ()>) {
        tokio::select! {
            () = self.release.cancelled() => {}
            () = work => panic!("it ended before it was told to"),
        }
    }

    fn begin(&self) {
        self.begun.send_modify(|begun| *begun += 1);
    }

    /// A call whose notes nobody reads.
    async fn call(&self, tool: &str, arguments: &str) -> CallOutcome {
        let (notes, _unread) = mpsc::channel(1);
        self.begin();
        self.hub.call(&self.caller, tool, arguments.to_owned(), notes, self.release.clone()).await.outcome
    }

    /// A call, and the death of what serves it.
    async fn crash(&self) {
        let calling = tokio::spawn({
            let this = self.clone();
            async move { this.call("attack_sleep_forever", "{}").await }
        });
        while !calling.is_finished() {
            let sessions = self.hub.sessions();
            let ours = sessions.iter().find(|view| view.id == self.caller.session);
            let runner = ours.and_then(|view| view.runners.iter().find(|runner| runner.open_calls > 0));
            let container = runner.and_then(|runner| self.watch.look(&runner.container.to_string()));
            if let Some(pid) = container.and_then(|container| container.pid()) {
                kill(pid);
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        let end = calling.await.expect("the call ends");
        assert!(matches!(end, CallOutcome::Broken { .. } | CallOutcome::Cancelled), "{end:?}");
    }

    async fn register(&self) {
        let name = ComponentName::try_from("candidate").unwrap();
        let wasm = bomb();
        loop {
            self.begin();
            // Too long to compile, or without tools: it is no use to anyone.
            drop(self.hub.add_component(&name, wasm.clone()).await);
        }
    }

    async fn half_a_request(&self) {
        let mut stream = TcpStream::connect(self.http).await.expect("the hub listens");
        stream.write_all(b"POST /mcp HTTP/1.1\r\nHost: x\r\nContent-Le").await.expect("it reads");
        self.begin();
        std::future::pending::<()>().await;
        drop(stream);
    }

    async fn session(&self) {
        let token = tests::token::create(&self.data, "many", "developer");
        let caller = self.hub.authenticate(&token).expect("it is known at once");
        let mut other = self.clone();
        other.caller = caller.clone();
        let end = other.call("files_stat", r#"{"path":"README.md"}"#).await;
        assert!(matches!(end, CallOutcome::Answer(_) | CallOutcome::Cancelled), "{end:?}");
        self.hub.end_session(&caller.session).await;
    }
}

/// A component whose one function is long, and that offers nothing.
fn bomb() -> Vec<u8> {
    let body = "(local.set 0 (i32.mul (local.get 0) (i32.add (local.get 0) (i32.const 7))))".repeat(50_000);
    let text = format!("(component (core module (func (param i32) (result i32) {body} (local.get 0))))");
    wat::parse_str(text).expect("it is WAT")
}

/// The hubs' manifest, with every attack as a tool.
fn manifest() -> String {
    let mut text = MANIFEST.replace("runner = \"call\"\n", "");
    let tools = super::CALLS_FROM_A_SESSION.iter().filter_map(|attack| match attack.kind {
        Kind::Lasting { tool, .. } | Kind::Again { tool, .. } => Some(tool),
        _ => None,
    });
    for tool in tools.collect::<BTreeSet<_>>() {
        if !text.contains(&format!("[tools.{tool}]")) {
            let (tier, access) = if tool == "attack_fill_directory" { ("write", "write") } else { ("user", "read") };
            text.push_str(&format!(
                "\n[tools.{tool}]\ncomponent = \"hostile\"\ntier = \"{tier}\"\nreason = \"an attack\"\n\
                 fs = [{{ mount = \"workspace\", access = \"{access}\" }}]\n"
            ));
        }
    }
    text
}

/// What the attacks need to begin.
fn workspace() -> TempDir {
    let workspace = tempfile::tempdir().unwrap();
    let at = |name: &str| workspace.path().join(name);
    fs::write(at("README.md"), "# A workspace\n").unwrap();
    for directory in ["many", "filled"] {
        fs::create_dir(at(directory)).unwrap();
    }
    for number in 0..5_000 {
        fs::write(at(&format!("many/{number}")), "").unwrap();
    }
    let fifo = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, at("fifo"), fifo, rustix::fs::Mode::from(0o666), 0).unwrap();
    for path in [workspace.path().to_owned(), at("filled")] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
    }
    workspace
}

/// Milliseconds go beside the other figures; nothing here depends on them.
fn report(name: &str, took_ms: &[f64]) {
    static SEEN: LazyLock<Mutex<Map<String, Value>>> = LazyLock::new(Mutex::default);
    let mut sorted = took_ms.to_vec();
    sorted.sort_by(f64::total_cmp);
    let round = |ms: f64| (ms * 100.0).round() / 100.0;
    let figures = json!({
        "calls": took_ms.len(),
        "median_ms": round(sorted[sorted.len() / 2]),
        "worst_ms": round(sorted[sorted.len() - 1]),
    });
    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    seen.insert(name.to_owned(), figures);
    let text = serde_json::to_string_pretty(&*seen).unwrap();
    let target = handed::repository().join("target");
    fs::create_dir_all(&target).unwrap();
    fs::write(target.join("neighbours.json"), text).unwrap();
}
