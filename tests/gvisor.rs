//! Wall 2 under gVisor, where the engine has it: the tools that ship work, what bounds them under runc bounds
//! them here, the container's profile and memory limit hold, and nothing is left.

use container::{ClassSpec, Create, HubId, Launcher, LauncherConfig, Program, Size};
use hub::{CallEnd, CallOutcome, Caller};
use manifest::{ClassId, ComponentName, ProfileName, Runtime};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Once, OnceLock};
use std::time::Duration;
use tempfile::TempDir;
use tests::handed;
use tests::own::{Own, Plan};
use tests::running::{structured, text};
use tokio::io::AsyncReadExt as _;

/// For whatever must happen at some time: gVisor takes a while to start and to go.
const LONG: Duration = Duration::from_secs(60);

const MANIFEST: &str = r#"
name = "gvisor"

[tiers.user]
concurrent_calls = 2
calls_per_hour = 6000
idle = "15min"
runtime = "runsc"

[tiers.user.ceiling]
fs = [{ mount = "work", access = "read" }]
clocks = ["wall", "monotonic"]
limits = { memory = "64MiB", cpu = "5s", deadline = "60s", arguments = "64KiB", result = "64KiB", log = "8KiB", handles = 200 }

[tiers.write]
concurrent_calls = 2
calls_per_hour = 6000
# Tests repeat themselves.
loop_after = "never"
idle = "15min"
runtime = "runsc"

[tiers.write.ceiling]
fs = [{ mount = "work", access = "write" }]
limits = { memory = "64MiB", cpu = "5s", deadline = "60s", arguments = "64KiB", result = "64KiB", log = "8KiB", handles = 200 }

[mounts.work]
path = "/workspace"
reason = "a folder of this test's"

[components.files]
[components.json]
[components.time]
[components.witness]
[components.hostile-net]

[tools.files_read]
component = "files"
tier = "user"
reason = "reads through the walk that replaces openat2"
fs = [{ mount = "work", access = "read" }]

[tools.files_write]
component = "files"
tier = "write"
reason = "writes through it"
fs = [{ mount = "work", access = "write" }]

[tools.json_query]
component = "json"
tier = "user"
reason = "computes"

[tools.time_now]
component = "time"
tier = "user"
reason = "reads the clock"
clocks = ["wall"]

[tools.take]
component = "witness"
tier = "user"
reason = "uses up what it is told to"
limits = { cpu = "300ms" }

[tools.take_too]
component = "witness"
tier = "user"
reason = "waits for longer than it may"
limits = { cpu = "3s", deadline = "3s" }

[tools.look]
component = "witness"
tier = "user"
reason = "looks round"
fs = [{ mount = "work", access = "read" }]

[tools.attack_open_socket]
component = "hostile-net"
tier = "user"
reason = "an attack, with what it needs to begin"
trap_imports = ["wasi:sockets/instance-network", "wasi:sockets/ip-name-lookup", "wasi:sockets/network", "wasi:sockets/tcp", "wasi:sockets/tcp-create-socket", "wasi:sockets/udp", "wasi:sockets/udp-create-socket"]

[profiles.all]
tiers = ["user", "write"]
"#;

/// One hub for these tests.
struct Ground {
    runtime: tokio::runtime::Runtime,
    own: Own,
    _folder: TempDir,
}

/// The hub, or a line that says why there is none.
fn ground() -> Option<&'static Ground> {
    static SAID: Once = Once::new();
    static GROUND: OnceLock<Ground> = OnceLock::new();
    if !handed::runsc() {
        // Past the test harness, which keeps what a passing test prints.
        let line = b"NOT RUN: gVisor, since the container engine has no runtime `runsc` (SAFECLAW_TEST_RUNSC)\n";
        SAID.call_once(|| std::io::stderr().write_all(line).unwrap());
        return None;
    }
    Some(GROUND.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let folder = tempfile::Builder::new().prefix("safeclaw-gvisor-").tempdir().unwrap();
        fill(folder.path());
        let plan = ["files", "json", "time", "witness", "hostile-net"]
            .into_iter()
            .fold(Plan::new(MANIFEST).mount("work", folder.path()), |plan, guest| plan.guest(guest));
        let own = runtime.block_on(plan.start());
        Ground { runtime, own, _folder: folder }
    }))
}

fn fill(folder: &Path) {
    fs::create_dir(folder.join("docs")).unwrap();
    fs::write(folder.join("docs/note.txt"), "under gVisor").unwrap();
    std::os::unix::fs::symlink("docs/note.txt", folder.join("inside")).unwrap();
    std::os::unix::fs::symlink("/etc/hosts", folder.join("outside")).unwrap();
    std::os::unix::fs::symlink("../..", folder.join("docs/up")).unwrap();
    for open in [folder.to_owned(), folder.join("docs")] {
        fs::set_permissions(open, fs::Permissions::from_mode(0o777)).unwrap();
    }
}

impl Ground {
    /// A fresh session.
    fn caller(&self) -> Caller {
        self.own.caller("all")
    }

    fn call(&self, caller: &Caller, tool: &str, arguments: Value) -> CallEnd {
        self.runtime.block_on(self.own.call(caller, tool, &arguments.to_string()))
    }
}

fn failed(end: &CallEnd) -> String {
    let CallOutcome::Answer(answer) = &end.outcome else { panic!("no answer: {end:?}") };
    assert!(answer.is_error, "{answer:?}");
    text(answer)
}

fn limit(end: &CallEnd) -> (&str, u64) {
    let CallOutcome::Limit { limit, value, .. } = &end.outcome else { panic!("no limit: {end:?}") };
    (limit, *value)
}

#[test]
fn the_runner_sees_another_kernel_and_the_same_walls() {
    let Some(ground) = ground() else { return };
    let (inside, rendered) = ground.runtime.block_on(ground.own.hub.posture(&ground.caller(), "look")).unwrap();
    assert_eq!(rendered["runtime"], "runsc");
    let facts: BTreeMap<String, String> = inside.facts.into_iter().collect();
    let host = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    assert_ne!(facts["kernel"], host.trim(), "the host's own kernel");
    assert_eq!(facts["kernel"], "4.4.0", "what gVisor says that it is");
    assert_eq!(facts["Seccomp"], "2", "the container's profile is in force");
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd"] {
        assert_eq!(facts[set], "0000000000000000", "{set}");
    }
    assert_eq!(facts["uid"], "1000 1000 1000 1000");
    assert_eq!(facts["interfaces"], "lo");
    let tried: BTreeMap<String, String> = inside.self_test.into_iter().collect();
    for (name, answer) in [
        ("write to /", "EROFS"),
        ("socket(AF_INET)", "EPERM"),
        ("socket(AF_UNIX)", "EPERM"),
        ("unshare(CLONE_NEWUSER)", "EPERM"),
    ] {
        assert_eq!(tried.get(name).map(String::as_str), Some(answer), "{name}");
    }
}

#[test]
fn the_tools_that_ship_work() {
    let Some(ground) = ground() else { return };
    let caller = ground.caller();
    let read = structured(&ground.call(&caller, "files_read", json!({"path": "docs/note.txt"})));
    assert!(read.to_string().contains("under gVisor"), "{read}");
    let write = json!({"path": "docs/made.txt", "content": "made inside", "mode": "create"});
    structured(&ground.call(&caller, "files_write", write));
    let made = structured(&ground.call(&caller, "files_read", json!({"path": "docs/made.txt"})));
    assert!(made.to_string().contains("made inside"), "{made}");
    let query = ground.call(&caller, "json_query", json!({"filter": ".a[1]", "json": {"a": [1, 2]}}));
    assert!(matches!(query.outcome, CallOutcome::Answer(_)), "{query:?}");
    let now = structured(&ground.call(&caller, "time_now", json!({})));
    assert!(!now.to_string().contains("1970"), "{now}");
}

/// There is no openat2 here: paths are walked step by step, and lead nowhere else for that.
#[test]
fn links_lead_no_further_than_the_directory() {
    let Some(ground) = ground() else { return };
    let caller = ground.caller();
    let inside = structured(&ground.call(&caller, "files_read", json!({"path": "inside"})));
    assert!(inside.to_string().contains("under gVisor"), "{inside}");
    for path in ["outside", "docs/up/etc/hosts", "../etc/hosts", "docs/../../etc/hosts", "/etc/hosts"] {
        failed(&ground.call(&caller, "files_read", json!({ "path": path })));
    }
    for path in ["inside", "outside", ".git/hooks/pre-commit"] {
        failed(&ground.call(&caller, "files_write", json!({"path": path, "content": "x", "mode": "overwrite"})));
    }
}

#[test]
fn attacks_end_as_under_runc_and_cost_no_runner() {
    let Some(ground) = ground() else { return };
    let caller = ground.caller();
    let take = |what: &str, amount: u64| ground.call(&caller, "take", json!({"what": what, "amount": amount}));
    assert_eq!(limit(&take("cpu", 0)), ("cpu_ms", 300));
    assert_eq!(failed(&take("memory", 128 << 20)), "refused");
    let waits = ground.call(&caller, "take_too", json!({"what": "time", "amount": 50_000}));
    assert_eq!(limit(&waits), ("deadline_ms", 3_000));
    assert_eq!(limit(&take("handles", 1_000)), ("handles", 200));
    assert_eq!(limit(&take("result", 100_000)), ("result_bytes", 64 << 10));
    let socket = ground.call(&caller, "attack_open_socket", json!({}));
    assert!(matches!(socket.outcome, CallOutcome::Broken { .. }), "{socket:?}");
    structured(&ground.call(&caller, "look", json!({})));
    let lines = ground.own.audit();
    let runners: BTreeSet<String> = lines
        .iter()
        .filter(|line| line["event"] == "executed" && line["session"] == caller.session.0)
        .map(|line| line["runner"].to_string())
        .collect();
    assert_eq!(runners.len(), 1, "one runner served them all: {runners:?}");
}

/// Compiled once, under runc, for a processor that both show.
#[test]
fn one_artefact_serves_both_runtimes() {
    let Some(ground) = ground() else { return };
    ground.runtime.block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let plan = |text: &str| Plan::new(text).mount("work", folder.path()).guest("witness");
        let under_runc = plan(&MANIFEST.replace("runsc", "runc")).start().await;
        let artefact = |own: &Own| {
            let all = own.hub.components();
            all.into_iter().find(|known| known.name.as_str() == "witness").unwrap().artefact
        };
        let wanted = artefact(&under_runc);
        structured(&under_runc.call(&under_runc.caller("all"), "look", "{}").await);
        under_runc.end().await;
        let under_gvisor = plan(MANIFEST).start().await;
        assert_eq!(artefact(&under_gvisor), wanted);
        structured(&under_gvisor.call(&under_gvisor.caller("all"), "look", "{}").await);
        let compiled = under_gvisor.audit().iter().filter(|line| line["event"] == "component_registered").count();
        assert_eq!(compiled, 0, "it was compiled anew");
        // What it is asked for its tools in is gVisor too: some tier wants it.
        let name = ComponentName::try_from("time").unwrap();
        let registered = under_gvisor.hub.add_component(&name, handed::guest("time")).await.unwrap();
        assert!(registered.tools.iter().any(|tool| tool.name.as_str() == "time_now"));
        let profile = ProfileName::try_from("all").unwrap();
        let caller = under_gvisor.hub.local_caller("teller", &profile).unwrap();
        structured(&under_gvisor.call(&caller, "time_now", "{}").await);
        under_gvisor.end().await;
    });
}

/// The host's view of one container: its memory limit, and that its sandbox goes with it.
#[test]
fn the_sandbox_is_bounded_and_goes_with_its_container() {
    let Some(ground) = ground() else { return };
    ground.runtime.block_on(async {
        let class = ClassId("user".to_owned());
        let spec = ClassSpec {
            program: Program::Runner,
            size: Size::Small,
            runtime: Runtime::Runsc,
            mounts: Vec::new(),
            artefacts: None,
            frames: None,
        };
        let launcher = Launcher::connect(LauncherConfig {
            hub_id: HubId(format!("gvisor{}", std::process::id())),
            socket: handed::engine(),
            image: handed::image(),
            hub_key: protocol::HubKey::from_seed(&[7; 32]).public().to_string(),
            protected: Vec::new(),
            forbidden: Vec::new(),
        })
        .await
        .unwrap();
        let manifest = manifest::Digest::of(b"gvisor");
        launcher.admit(manifest.clone(), BTreeMap::from([(class.clone(), spec)])).await.unwrap();
        let created = launcher.create(Create { manifest, class }).await.unwrap();
        let mut attached = launcher.attach(&created.container).await.unwrap();
        // Its hello: it came through its self-test and its lockdown, and waits for a ticket.
        let mut byte = [0];
        let said =
            tokio::time::timeout(LONG, attached.output.read_exact(&mut byte)).await.expect("the runner says hello");
        said.unwrap_or_else(|error| panic!("{error}: {}", attached.diagnostics.text()));
        assert_eq!(launcher.differences(&created.container).await.unwrap(), Vec::<String>::new());
        let pid = launcher.inspect(&created.container).await.unwrap().pid.expect("it runs");
        assert_eq!(memory_limit(pid), Some(512 << 20));
        launcher.kill(&created.container).await.unwrap();
        let gone = async {
            while sandbox_lives(pid) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(LONG, gone).await.expect("the sandbox goes");
        assert_eq!(launcher.list().await.unwrap(), Vec::new());
    });
}

/// The memory limit of a process's control group, in either version.
fn memory_limit(pid: u32) -> Option<u64> {
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    let files = groups.lines().filter_map(|line| {
        let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
        let file = match controllers {
            "" => format!("/sys/fs/cgroup{path}/memory.max"),
            all if all.split(',').any(|name| name == "memory") => {
                format!("/sys/fs/cgroup/memory{path}/memory.limit_in_bytes")
            }
            _ => return None,
        };
        Some(PathBuf::from(file))
    });
    files.filter_map(|file| fs::read_to_string(file).ok()?.trim().parse().ok()).next()
}

/// Process ids are used again, so its name is looked at too.
fn sandbox_lives(pid: u32) -> bool {
    let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    command.windows(5).any(|part| part == b"runsc")
}
