//! Where the lies are played: a hub of its own, whose image has the liar in the runner's place and the real runner
//! beside it, for the session that is honest.

use super::{Lie, PATIENCE};
use container::image::{ImageFile, archive_with};
use hub::{CallOutcome, Caller, Wall2};
use serde_json::Value;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::time::Duration;
use tempfile::TempDir;
use tests::handed;
use tests::own::{Own, Plan};
use tests::running::structured;
use tokio::sync::Semaphore;
use tokio::time::timeout;

pub(super) struct Stage {
    pub(super) own: Own,
    honest: Caller,
    /// One honest call at a time, so that none is refused for its number.
    turn: Semaphore,
    _mounts: TempDir,
}

impl Stage {
    pub(super) async fn set(lies: &[Lie]) -> Self {
        let mounts = tempfile::Builder::new().prefix("safeclaw-liars-").tempdir().unwrap();
        let image = image();
        container::load_image(&handed::engine(), &image).await.unwrap();
        let mut plan = Plan::new(&manifest(lies));
        plan.wall2 = Wall2::Engine { socket: handed::engine(), image: image.id };
        plan.components.push(("liar".to_owned(), handed::guest("hello")));
        for name in early(lies).chain(["honest"]) {
            let directory = mounts.path().join(name);
            std::fs::create_dir(&directory).unwrap();
            std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o755)).unwrap();
            plan = plan.mount(name, &directory);
        }
        let own = plan.start().await;
        let honest = own.caller("agent");
        Self { own, honest, turn: Semaphore::new(1), _mounts: mounts }
    }

    /// An honest call is answered.
    pub(super) async fn honest(&self) -> Result<(), String> {
        let _turn = self.turn.acquire().await.unwrap();
        let call = self.own.call(&self.honest, "greet", r#"{"name":"Ada"}"#);
        let end = timeout(PATIENCE, call).await.map_err(|_| "an honest session waits".to_owned())?;
        match &end.outcome {
            CallOutcome::Answer(_) if structured(&end)["text"] == "Hello, Ada!" => Ok(()),
            other => Err(format!("an honest session got {other:?}")),
        }
    }

    /// Whether the engine still knows this container.
    pub(super) fn exists(&self, container: &str) -> bool {
        let mut engine = UnixStream::connect(handed::engine()).unwrap();
        engine.set_read_timeout(Some(PATIENCE)).unwrap();
        let request = format!("GET /containers/{container}/json HTTP/1.1\r\nHost: engine\r\nConnection: close\r\n\r\n");
        engine.write_all(request.as_bytes()).unwrap();
        let mut status = [0; 12];
        engine.read_exact(&mut status).unwrap();
        match status.get(9..) {
            Some(b"404") => false,
            Some(b"200") => true,
            other => panic!("the engine says {other:?}"),
        }
    }

    /// Ends the hub; its whole audit log.
    pub(super) async fn end(self) -> Vec<Value> {
        assert_eq!(self.honest().await, Ok(()), "after all lies");
        self.own.hub.drain(Duration::ZERO).await;
        assert!(self.own.hub.sessions().is_empty());
        self.own.audit()
    }
}

/// Names of the scripts that their container must name.
fn early(lies: &[Lie]) -> impl Iterator<Item = &str> {
    lies.iter().filter(|lie| lie.is_early()).map(|lie| lie.name.as_str())
}

/// The image: the liar as `/runner`, the real one as `/honest`, and all scripts.
fn image() -> container::Image {
    let program = |name: &str| std::fs::read(handed::program(name)).unwrap();
    let (liar, compile, honest) = (program("examples/liar"), program("compile"), program("runner"));
    let scripts: Vec<(String, Vec<u8>)> = std::fs::read_dir(handed::repository().join("tests/liars"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == "toml"))
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            (format!("lies/{name}"), std::fs::read(&path).unwrap())
        })
        .collect();
    let mut files = vec![ImageFile { path: "honest", bytes: &honest }];
    files.extend(scripts.iter().map(|(path, bytes)| ImageFile { path, bytes }));
    archive_with(&liar, &compile, &files).unwrap()
}

/// A tool for each lie. One that begins before any call has a container of its own, which a mount names; the
/// others share a class, and the first call says which it is. The honest tool is of another tier, with another
/// class: its mount says that there the real runner is wanted.
fn manifest(lies: &[Lie]) -> String {
    let mut text = String::from(HEAD);
    for name in early(lies).chain(["honest"]) {
        text += &format!("[mounts.{name}]\npath = \"/{name}\"\nreason = \"names a script\"\n\n");
    }
    for Lie { name, script } in lies {
        let tool = format!("[tools.{name}]\ncomponent = \"liar\"\ntier = \"user\"\nreason = \"a lie\"\n");
        text += &tool;
        if early(lies).any(|early| early == name) {
            text += &format!("runner = \"call\"\nfs = [{{ mount = \"{name}\", access = \"read\" }}]\n");
        }
        text += &format!("[tools.{name}.limits]\ncpu = \"1s\"\ndeadline = \"{}s\"\n\n", script.deadline_s);
    }
    let mounts: Vec<String> = early(lies).map(|name| format!("{{ mount = \"{name}\", access = \"read\" }}")).collect();
    text.replace("MOUNTS", &mounts.join(", "))
}

const HEAD: &str = r#"name = "liars"

[tiers.user]
concurrent_calls = 4
calls_per_hour = 6000
idle = "15min"

[tiers.user.ceiling]
fs = [MOUNTS]
size = "small"
runner = "session"

[tiers.user.ceiling.limits]
memory = "64MiB"
cpu = "1s"
deadline = "60s"
arguments = "1MiB"
result = "64KiB"
log = "64KiB"
handles = 1000

[tiers.write]
concurrent_calls = 4
calls_per_hour = 6000
# Tests repeat themselves.
loop_after = "never"
idle = "15min"

[tiers.write.ceiling]
fs = [{ mount = "honest", access = "read" }]
size = "small"
runner = "session"

[tiers.write.ceiling.limits]
memory = "64MiB"
cpu = "10s"
deadline = "60s"
arguments = "64KiB"
result = "64KiB"
log = "64KiB"
handles = 1000

[profiles.agent]
tiers = ["user", "write"]

[components.liar]

[tools.greet]
component = "liar"
tier = "write"
reason = "the honest one"
fs = [{ mount = "honest", access = "read" }]

"#;
