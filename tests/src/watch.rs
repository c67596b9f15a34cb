//! What is really there, past the launcher and the hub: containers by the engine's own word, processes by the
//! kernel's, mounts by this process's table.

use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// For whatever must happen at some time on a busy machine; no test measures it.
pub const LONG: Duration = Duration::from_secs(90);
/// Between two looks.
const STEP: Duration = Duration::from_millis(100);

/// Waits for something that will be so, and says what it waited for when it is not.
pub async fn until<T, F: Future<Output = Result<T, String>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let give_up = Instant::now() + LONG;
    loop {
        match look().await {
            Ok(seen) => return seen,
            Err(last) if Instant::now() > give_up => panic!("{what}: still not so after {LONG:?}: {last}"),
            Err(_) => sleep(STEP).await,
        }
    }
}

/// Asks an engine. Its answers are small enough to wait for.
///
/// # Errors
/// It does not answer.
pub fn ask(engine: &Path, method: &str, path: &str, body: &str) -> io::Result<(u16, Value)> {
    let mut stream = UnixStream::connect(engine)?;
    stream.set_read_timeout(Some(LONG))?;
    // The older protocol has neither chunks nor connections that stay open.
    let head = format!("{method} {path} HTTP/1.0\r\nHost: engine\r\nContent-Type: application/json\r\n");
    stream.write_all(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes())?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| io::Error::other(format!("no answer: {text:?}")))?;
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    Ok((status, serde_json::from_str(body).unwrap_or_default()))
}

/// One hub's containers in one engine.
#[derive(Debug, Clone)]
pub struct Watch {
    pub engine: PathBuf,
    pub hub: String,
}

impl Watch {
    /// Those of the hub with this data directory.
    pub fn of(engine: &Path, data: &Path) -> Self {
        let hub = fs::read_to_string(data.join("hub.id")).expect("the hub has an id").trim().to_owned();
        Self { engine: engine.to_owned(), hub }
    }

    /// Everything that the engine lists for this hub, whatever its state.
    pub fn containers(&self) -> Vec<Trace> {
        let filter = format!("%7B%22label%22%3A%5B%22safeclaw.hub%3D{}%22%5D%7D", self.hub);
        let listed = ask(&self.engine, "GET", &format!("/containers/json?all=1&filters={filter}"), "");
        let (status, listed) = listed.expect("the engine answers");
        assert_eq!(status, 200, "{listed}");
        let ids = listed.as_array().expect("a list").iter().map(|one| one["Id"].as_str().expect("an id").to_owned());
        // One that is just being removed may be gone by now, and is then no trace.
        ids.filter_map(|id| self.look(&id)).collect()
    }

    /// One container, by id or name.
    pub fn look(&self, container: &str) -> Option<Trace> {
        let seen = ask(&self.engine, "GET", &format!("/containers/{container}/json"), "");
        match seen.expect("the engine answers") {
            (200, seen) => Some(Trace { engine: self.engine.clone(), seen }),
            _ => None,
        }
    }

    /// Their names.
    pub fn names(&self) -> BTreeSet<String> {
        self.containers().iter().map(Trace::name).collect()
    }

    /// Waits until the engine lists none of this hub.
    pub async fn none(&self) {
        let look = || async {
            let names = self.names();
            if names.is_empty() { Ok(()) } else { Err(format!("{names:?}")) }
        };
        until("no container of the hub is left", look).await;
    }
}

/// A container, and where its traces would be.
#[derive(Debug, Clone)]
pub struct Trace {
    engine: PathBuf,
    seen: Value,
}

impl Trace {
    fn text(&self, pointer: &str) -> &str {
        self.seen.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    pub fn id(&self) -> &str {
        self.text("/Id")
    }

    pub fn name(&self) -> String {
        self.text("/Name").trim_start_matches('/').to_owned()
    }

    /// Its first process, by the host's numbers.
    pub fn pid(&self) -> Option<i32> {
        self.seen
            .pointer("/State/Pid")
            .and_then(Value::as_i64)
            .and_then(|pid| i32::try_from(pid).ok())
            .filter(|p| *p > 0)
    }

    /// Where something is mounted in it for reading only.
    pub fn read_only_mounts(&self) -> BTreeSet<String> {
        let mounts = self.seen["Mounts"].as_array().map(Vec::as_slice).unwrap_or_default();
        let held = mounts.iter().filter(|mount| mount["RW"] == false);
        held.filter_map(|mount| Some(mount["Destination"].as_str()?.to_owned())).collect()
    }

    /// Whatever is still there of it.
    pub fn remains(&self) -> Vec<String> {
        let mut remains = Vec::new();
        let listed = ask(&self.engine, "GET", &format!("/containers/{}/json", self.id()), "");
        if listed.expect("the engine answers").0 == 200 {
            remains.push(format!("the engine knows {}", self.name()));
        }
        let folder = Path::new(self.text("/HostnamePath")).parent().map(Path::to_owned).unwrap_or_default();
        let cgroups = fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten();
        let cgroups = cgroups.map(|controller| controller.path().join("docker").join(self.id()));
        let folders = std::iter::once(folder).chain(cgroups).filter(|path| path.is_dir());
        remains.extend(folders.map(|path| format!("directory {}", path.display())));
        remains.extend(self.processes());
        remains.extend(self.mounts());
        remains
    }

    /// Its processes, its shim, and whatever the engine runs for it.
    fn processes(&self) -> Vec<String> {
        let all = fs::read_dir("/proc").into_iter().flatten().flatten();
        let ours = all.filter_map(|entry| {
            let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
            let read = |file: &str| fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
            let command = String::from_utf8_lossy(&read("cmdline")).replace('\0', " ");
            let of_it = command.contains(self.id()) || String::from_utf8_lossy(&read("cgroup")).contains(self.id());
            of_it.then(|| format!("process {pid} {command}"))
        });
        ours.collect()
    }

    /// Its root and its network, as mounted on the host.
    fn mounts(&self) -> Vec<String> {
        let names = [self.id(), self.text("/GraphDriver/Data/MergedDir"), self.text("/NetworkSettings/SandboxKey")];
        let table = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let of_it = |line: &&str| names.iter().any(|name| !name.is_empty() && line.contains(name));
        table.lines().filter(of_it).map(|line| format!("mount {line}")).collect()
    }
}

/// Waits until nothing is left of these.
pub async fn gone(traces: &[Trace]) {
    let look = || async {
        let remains: Vec<String> = traces.iter().flat_map(Trace::remains).collect();
        if remains.is_empty() { Ok(()) } else { Err(format!("{remains:#?}")) }
    };
    until("nothing is left of the containers", look).await;
}

/// The files below a directory, by their paths in it.
pub fn files(directory: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![directory.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(entry.path());
            } else {
                let path = entry.path();
                found.insert(path.strip_prefix(directory).expect("below it").display().to_string());
            }
        }
    }
    found
}

/// The parent of a process: of a container's first one, the engine's shim.
pub fn parent(pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name is in brackets and may hold any character.
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// Sends SIGKILL.
pub fn kill(pid: i32) {
    let pid = rustix::process::Pid::from_raw(pid).expect("a process");
    // It may have ended by itself.
    let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
}

/// Whether this test may kill processes of the engine; if not, says that the test was not run.
pub fn may_kill(test: &str) -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        println!("not run: {test}: it kills processes of a container engine, which needs root");
    }
    root
}
