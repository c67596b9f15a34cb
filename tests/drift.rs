//! Drift, tried on a real engine: what `safeclaw posture` prints starts the container that the launcher
//! makes, and `safeclaw verify` tells containers, files and manifests that are as rendered from others.

use container::{ClassSpec, Create, HubId, Launcher, LauncherConfig, Live, Program, Size, live};
use hub::data::DataDir;
use manifest::{ClassId, Digest};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;
use tests::handed;
use tests::own::Plan;
use tokio::io::AsyncReadExt;
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

/// However slow the machine is.
const GENEROUS: Duration = Duration::from_secs(60);

/// One tool that reads, so one class of containers with one mount.
const MANIFEST: &str = r#"
name = "drift"

[tiers.user]
concurrent_calls = 1
calls_per_hour = 100
idle = "15min"

[tiers.user.ceiling]
fs = [{ mount = "workspace", access = "read" }]
size = "small"
runner = "session"

[tiers.user.ceiling.limits]
memory = "64MiB"
cpu = "1s"
deadline = "5s"
arguments = "256KiB"
result = "1MiB"
log = "64KiB"
handles = 100

[mounts.workspace]
path = "/workspace"
reason = "a folder of this test"

[profiles.reader]
tiers = ["user"]

[components.hello]

[tools.greet]
component = "hello"
tier = "user"
reason = "greets"
fs = [{ mount = "workspace", access = "read" }]
"#;

async fn run(command: &mut Command) -> Output {
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output();
    tokio::time::timeout(GENEROUS, output).await.expect("it ends").expect("it starts")
}

/// What `safeclaw` prints, and its exit code.
async fn safeclaw(arguments: &[&str]) -> (String, i32) {
    let output = run(Command::new(handed::program("safeclaw"))
        .args(arguments)
        .env("HOME", "/nonexistent")
        .env_remove("XDG_DATA_HOME")
        .env_remove("SAFECLAW_DATA")
        .env_remove("SAFECLAW_MANIFEST"))
    .await;
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(!text.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    (text, output.status.code().expect("an exit code"))
}

fn engine() -> String {
    format!("unix://{}", handed::engine().display())
}

/// A client of the engine, which comes with it.
fn docker() -> Command {
    let mut command = Command::new("docker");
    command.env("DOCKER_HOST", engine()).env_remove("DOCKER_CONTEXT");
    command
}

/// A laptop's engine may have come without its client; in CI it has it, and the tests run.
fn without_client() -> bool {
    let there = std::process::Command::new("docker").arg("--version").stdout(Stdio::null()).status().is_ok();
    assert!(there || std::env::var_os("CI").is_none(), "there is no docker command line: apt-get install docker.io");
    if !there {
        eprintln!("not run: there is no docker command line here");
    }
    !there
}

/// Runs a script that calls `docker`.
fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-euc", script]).env("DOCKER_HOST", engine()).env_remove("DOCKER_CONTEXT").kill_on_drop(true);
    command
}

/// A manifest's directory, a directory to mount and a data directory.
struct Place {
    folder: tempfile::TempDir,
    hub: HubId,
}

impl Place {
    /// With a hub's identity in the data directory.
    fn new() -> Self {
        let mut place = Self::without_identity();
        let data = DataDir::open(Path::new(&place.path("data"))).expect("a data directory");
        data.key_seed().expect("a key");
        place.hub = HubId(data.hub_id().expect("an id"));
        place
    }

    fn without_identity() -> Self {
        let folder = tempfile::Builder::new().prefix("safeclaw-drift-").tempdir().expect("a folder");
        for directory in ["manifest", "workspace"] {
            std::fs::create_dir(folder.path().join(directory)).expect("a directory");
        }
        std::fs::write(folder.path().join("manifest/drift.toml"), MANIFEST).expect("a manifest");
        // As tools are: they run as another user.
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("a mode");
        Self { folder, hub: HubId(String::new()) }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// The flags that name this place, the engine and the image.
    fn flags(&self) -> Vec<String> {
        let mount = format!("workspace={}", self.path("workspace"));
        let (manifest, data, image) = (self.path("manifest"), self.path("data"), handed::image().to_string());
        ["--manifest", &manifest, "--mount", &mount, "--data", &data, "--image", &image].map(str::to_owned).to_vec()
    }

    /// The command line that `posture` prints for the tool, without comments, with the profile beside it.
    async fn printed(&self) -> String {
        let (profile, _) = safeclaw(&["posture", "--format", "seccomp"]).await;
        std::fs::write(self.path("seccomp.json"), profile).expect("the profile");
        let (flags, file) = (self.flags(), self.path("seccomp.json"));
        let mut arguments = vec!["posture", "greet", "--format", "docker", "--seccomp", &file];
        arguments.extend(flags.iter().map(String::as_str));
        let (text, code) = safeclaw(&arguments).await;
        assert_eq!(code, 0, "{text}");
        text.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect()
    }

    /// What `verify` says, as JSON, and its exit code.
    async fn verify(&self, flags: &[&str]) -> (Value, i32) {
        let engine = engine();
        let mut arguments = vec!["verify", "--json", "--engine", &engine];
        arguments.extend(flags);
        let (text, code) = safeclaw(&arguments).await;
        let said: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(said["exit_code"], json!(code), "{said}");
        (said, code)
    }

    async fn verify_all(&self) -> (Value, i32) {
        let flags = self.flags();
        self.verify(&flags.iter().map(String::as_str).collect::<Vec<_>>()).await
    }

    async fn containers(&self) -> Vec<Live> {
        live(&handed::engine(), &self.hub).await.expect("the engine answers")
    }

    async fn remove_all(&self) {
        for one in self.containers().await {
            run(docker().args(["rm", "--force", &one.container.0])).await;
        }
    }
}

/// The checks of a kind, each as its state and what was found.
fn lines(said: &Value, kind: &str) -> Vec<(String, String)> {
    let checks = said["checks"].as_array().expect("checks").iter().filter(|check| check["check"] == kind);
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    checks.map(|check| (text(&check["state"]), check.to_string())).collect()
}

/// What an engine reports, without what differs from one container to the next.
fn comparable(one: &Live) -> Value {
    let mut seen = one.inspected.clone();
    let top = seen.as_object_mut().expect("an object");
    for own in [
        "Id",
        "Created",
        "State",
        "Name",
        "ResolvConfPath",
        "HostnamePath",
        "HostsPath",
        "LogPath",
        "GraphDriver",
        "Storage",
    ] {
        top.remove(own);
    }
    let settings = seen["NetworkSettings"].as_object_mut().expect("an object");
    settings.retain(|key, _| key == "Ports");
    seen["Config"]["Labels"]["safeclaw.created"] = json!("");
    seen["Config"].as_object_mut().expect("an object").remove("Hostname");
    // A client packs the profile tighter, and names limits in another order.
    for option in seen["HostConfig"]["SecurityOpt"].as_array_mut().expect("options") {
        let profile = option.as_str().and_then(|option| option.strip_prefix("seccomp=")).map(str::to_owned);
        if let Some(profile) = profile {
            *option = serde_json::from_str(&profile).expect("a profile");
        }
    }
    let limits = seen["HostConfig"]["Ulimits"].as_array_mut().expect("limits");
    limits.sort_by_key(|limit| limit["Name"].to_string());
    // An engine lists what is mounted in no order.
    let mounts = seen["Mounts"].as_array_mut().expect("mounts");
    mounts.sort_by_key(|mount| mount["Destination"].to_string());
    let text = seen.to_string().replace(&one.container.0, "NAME");
    without_nothing(&serde_json::from_str(&text).expect("JSON"))
}

/// An engine writes "not set" in several ways, and clients have theirs.
fn without_nothing(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.iter().map(|(key, value)| (key.clone(), without_nothing(value)));
            kept.filter(|(_, v)| ![json!(null), json!(false), json!(0), json!(""), json!([]), json!({})].contains(v))
                .collect()
        }
        Value::Array(list) => list.iter().map(without_nothing).collect(),
        other => other.clone(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_printed_command_starts_the_container_that_the_launcher_makes() {
    if without_client() {
        return;
    }
    let place = Place::new();
    let script = place.printed().await;
    let started = shell(&script).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = started.expect("it starts");
    let stdin = child.stdin.take();
    // The first byte is the runner's: it has tested itself, and says hello.
    let mut first = [0];
    let mut stdout = child.stdout.take().expect("its output");
    let read = tokio::time::timeout(GENEROUS, stdout.read_exact(&mut first)).await.expect("it speaks in time");
    if read.is_err() {
        let mut error = String::new();
        child.stderr.take().expect("its errors").read_to_string(&mut error).await.expect("text");
        panic!("it says nothing: {error}\n{script}");
    }
    let [printed] = place.containers().await.try_into().expect("one container");

    let classes = classes(&place);
    let launcher = launcher(&place, classes).await;
    let created = launcher
        .create(Create { manifest: Digest::of(b"drift"), class: ClassId("user".to_owned()) })
        .await
        .expect("it is made");
    let attached = launcher.attach(&created.container).await.expect("it starts");
    let all = place.containers().await;
    let made = all.iter().find(|one| one.container == created.container).expect("it is there");
    let (printed_seen, made_seen) = (comparable(&printed), comparable(made));
    let mut made_seen = made_seen;
    // No command line can say it; without a network there is nothing left to disable.
    made_seen["Config"].as_object_mut().expect("an object").remove("NetworkDisabled");
    assert_eq!(printed_seen, made_seen);

    drop(attached);
    launcher.kill(&created.container).await.expect("it ends");
    // The end of its input is the end of the runner, and the engine removes what ended.
    drop(stdin);
    drop(stdout);
    tokio::time::timeout(GENEROUS, child.wait()).await.expect("it ends in time").expect("it ends");
    place.remove_all().await;
}

fn classes(place: &Place) -> BTreeMap<ClassId, ClassSpec> {
    let manifest = tests::running::read_manifest(Path::new(&place.path("manifest")));
    let sources = BTreeMap::from([("workspace".try_into().expect("a name"), place.path("workspace").into())]);
    let mut classes = hub::classes(&manifest, &sources, Path::new(&place.path("data"))).expect("classes");
    // The printed one is attached to.
    classes.values_mut().for_each(|class| class.frames = None);
    let user = &classes[&ClassId("user".to_owned())];
    assert_eq!((user.program, user.size, user.mounts.len()), (Program::Runner, Size::Small, 1));
    classes
}

async fn launcher(place: &Place, classes: BTreeMap<ClassId, ClassSpec>) -> Launcher {
    let data = DataDir::open(Path::new(&place.path("data"))).expect("the data directory");
    let key = protocol::HubKey::from_seed(&data.key_seed().expect("a key")).public().to_string();
    let config = LauncherConfig {
        hub_id: place.hub.clone(),
        socket: handed::engine(),
        image: handed::image(),
        hub_key: key,
        protected: manifest::protected_paths().into_iter().map(|protected| protected.path).collect(),
        forbidden: Vec::new(),
    };
    let launcher = Launcher::connect(config).await.expect("a launcher");
    launcher.admit(Digest::of(b"drift"), classes).await.expect("its classes");
    launcher
}

/// One setting each, weakened in the command that is otherwise as printed.
const WEAKENED: [(&str, &str); 12] = [
    (" --read-only ", " --read-only=false "),
    ("--network none", "--network host"),
    ("--cap-drop ALL", "--cap-drop ALL --cap-add NET_RAW"),
    ("--security-opt no-new-privileges", "--security-opt no-new-privileges=false"),
    ("--user 1000:1000", "--user 0:0"),
    ("--ipc none", "--ipc private"),
    ("noexec,nosuid,nodev,size=67108864", "exec,nosuid,nodev,size=67108864"),
    ("--pids-limit 100", "--pids-limit 0"),
    ("--ulimit core=0:0", "--ulimit core=-1:-1"),
    ("target=/mnt/workspace,readonly", "target=/mnt/workspace"),
    ("--log-driver none", "--log-driver json-file"),
    ("--interactive", "--interactive --env LD_PRELOAD=/mnt/workspace/x.so --volume /:/host"),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_weakened_container_is_told_from_a_healthy_one() {
    if without_client() {
        return;
    }
    let place = Place::new();
    // Made and not started: what a container may do is fixed when it is made.
    let printed = place.printed().await.replacen("docker run", "docker create", 1).replace(" \\\n", " ");
    let name = printed.split_whitespace().skip_while(|word| *word != "--name").nth(1).expect("a name").to_owned();
    let mut script = format!("{printed}\n");
    for (index, (from, to)) in WEAKENED.iter().enumerate() {
        assert!(printed.contains(from), "{from}: {printed}");
        script.push_str(&printed.replacen(from, to, 1).replace(&name, &format!("{name}-{index}")));
        script.push('\n');
    }
    let script =
        format!("{script}docker create --name {name}-foreign --label safeclaw.hub={} {}", place.hub.0, handed::image());
    let output = run(&mut shell(&script)).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let (said, code) = place.verify_all().await;
    let found = lines(&said, "container");
    place.remove_all().await;
    assert_eq!(code, 1, "{said}");
    assert_eq!(found.len(), WEAKENED.len() + 2, "{said}");
    for (state, line) in &found {
        let healthy = line.contains(&format!("{name} "));
        assert_eq!(state, if healthy { "ok" } else { "differs" }, "{line}");
    }
    assert_eq!(found.iter().filter(|(state, _)| state == "ok").count(), 1);

    let (said, code) = place.verify_all().await;
    assert_eq!(code, 0, "nothing is left: {said}");
    place.verify_without_an_engine().await;
}

impl Place {
    /// What cannot be looked at is never well.
    async fn verify_without_an_engine(&self) {
        let flags = self.flags();
        let mut arguments = vec!["verify", "--json", "--engine", "unix:///nonexistent/docker.sock"];
        arguments.extend(flags.iter().map(String::as_str));
        let (text, code) = safeclaw(&arguments).await;
        assert_eq!(code, 2, "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_hub_is_compared_with_what_it_runs() {
    let mut place = Place::without_identity();
    let manifest = Path::new(&place.path("manifest")).to_owned();
    let data = Path::new(&place.path("data")).to_owned();
    let mut plan = Plan::of(tests::running::read_manifest(&manifest));
    plan.pool = hub::PoolConfig { per_class: 1, total: 1 };
    let plan = plan.guest("hello").mount("workspace", Path::new(&place.path("workspace")));
    let hub = plan.start_in(&data).await.expect("the hub starts");
    place.hub = HubId(std::fs::read_to_string(data.join("hub.id")).expect("an id"));
    let stop = CancellationToken::new();
    let socket = hub::stdio::bind(&data.join("operator.sock")).expect("a socket");
    let served = tokio::spawn(hub::operator::serve(hub.clone(), socket, stop.clone()));
    let parked = async {
        while hub.health().parked == 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(GENEROUS, parked).await.expect("a runner is parked");

    let (said, code) = place.verify_all().await;
    assert!(code == 0 && lines(&said, "container").iter().any(|(_, line)| line.contains("as rendered")), "{said}");

    // Without a manifest, what the hub says that it asked for counts.
    let image = handed::image().to_string();
    let data_flag = data.display().to_string();
    let bare = ["--data", data_flag.as_str(), "--image", image.as_str()];
    let (said, code) = place.verify(&bare).await;
    assert!(code == 0 && lines(&said, "container").iter().any(|(_, line)| line.contains("as rendered")), "{said}");

    // Another manifest is said plainly, and makes no healthy container differ.
    let other = MANIFEST.replace("calls_per_hour = 100", "calls_per_hour = 50");
    std::fs::write(manifest.join("drift.toml"), other).expect("another manifest");
    let (said, code) = place.verify_all().await;
    let manifests = lines(&said, "manifest");
    assert!(manifests.iter().any(|(state, line)| state == "differs" && line.contains("another manifest")), "{said}");
    assert!(lines(&said, "container").iter().all(|(state, _)| state == "ok"), "{said}");
    assert_eq!(code, 1);
    std::fs::write(manifest.join("drift.toml"), MANIFEST).expect("the manifest");

    // A container with the hub's label that the hub did not make.
    if !without_client() {
        let (label, name) = (format!("safeclaw.hub={}", place.hub.0), format!("safeclaw-{}-foreign", place.hub.0));
        let created = run(docker().args(["create", "--name", &name, "--label", &label, &image])).await;
        assert!(created.status.success(), "{}", String::from_utf8_lossy(&created.stderr));
        let (said, code) = place.verify(&bare).await;
        run(docker().args(["rm", "--force", &name])).await;
        let foreign: Vec<_> = lines(&said, "container").into_iter().filter(|(_, line)| line.contains(&name)).collect();
        assert!(code == 1 && foreign.len() == 1 && foreign[0].0 == "differs", "{said}");
    }

    // A key that others may read.
    std::fs::set_permissions(data.join("hub.key"), Permissions::from_mode(0o644)).expect("a mode");
    let (said, code) = place.verify(&bare).await;
    assert!(
        code == 1 && lines(&said, "keys").iter().any(|(state, line)| state == "differs" && line.contains("hub.key")),
        "{said}"
    );

    stop.cancel();
    hub.drain(Duration::ZERO).await;
    drop(served);
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_finds_a_runner_ready_before_there_is_any_tool() {
    let place = Place::without_identity();
    let (engine, flags) = (engine(), place.flags());
    let mut arguments = vec!["doctor", "--json", "--engine", &engine];
    arguments.extend(flags.iter().map(String::as_str));
    let (text, code) = safeclaw(&arguments).await;
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("behind both walls"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_workflows_and_profile_pass() {
    let repository = handed::repository();
    let at = |path: &str| repository.join(path).display().to_string();
    let (workflows, profile) = (at(".github/workflows"), at("runner-image/seccomp.json"));
    let (said, code) = safeclaw(&["verify", "--workflows", &workflows, "--profile", &profile]).await;
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("workflow"), "{said}");
    let (said, code) = safeclaw(&["verify", "--workflows", "/nonexistent"]).await;
    assert_eq!(code, 2, "{said}");
}
