//! A launcher of a hub that exists for one test, and an image with the echo program.

use container::{
    Attached, ClassSpec, ContainerName, Create, Event, EventKind, HubId, Image, ImageFile, Launcher, LauncherConfig,
    MountSpec, Program, Size, archive_with, load_image,
};
use manifest::{Access, ClassId, Digest, MountName, Runtime};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::broadcast::Receiver;
use tokio::time::timeout;

/// For whatever must happen at some time; no test measures time.
const LONG: Duration = Duration::from_secs(60);

/// The engine's socket, if there is one to test with.
pub(super) fn socket() -> Option<PathBuf> {
    let socket = std::env::var_os("SAFECLAW_TEST_ENGINE").map(PathBuf::from);
    if socket.is_none() {
        println!("not run: no container engine (SAFECLAW_TEST_ENGINE is not set)");
        assert!(std::env::var_os("CI").is_none(), "CI needs a container engine");
    }
    socket
}

pub(super) fn image() -> Image {
    let tests = std::env::current_exe().unwrap();
    let echo = tests.parent().unwrap().parent().unwrap().join("examples/echo");
    let echo = std::fs::read(&echo)
        .unwrap_or_else(|error| panic!("{}: {error}; run `cargo test -p container`", echo.display()));
    archive_with(&echo, &echo, &[ImageFile { path: "note", bytes: b"for tests" }]).unwrap()
}

pub(super) fn random() -> String {
    let mut bytes = [0; 8];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty()).unwrap();
    hex::encode(bytes)
}

pub(super) fn mount(name: &str, source: &Path, access: Access) -> MountSpec {
    MountSpec { name: MountName::try_from(name).unwrap(), source: source.to_owned(), access }
}

pub(super) fn class(size: Size, mounts: Vec<MountSpec>) -> ClassSpec {
    let program = if size == Size::Build { Program::Compile } else { Program::Runner };
    ClassSpec { program, size, runtime: Runtime::Runc, mounts, artefacts: None, frames: None }
}

/// A launcher of a hub with these classes.
pub(super) async fn launcher(socket: &Path, hub: &str, classes: &[(&str, ClassSpec)]) -> Launcher {
    let image = image();
    load_image(socket, &image).await.unwrap();
    let launcher = Launcher::connect(LauncherConfig {
        hub_id: HubId(hub.to_owned()),
        socket: socket.to_owned(),
        image: image.id,
        hub_key: "KEY".to_owned(),
        protected: [".git/hooks", ".git/config", ".envrc"].map(str::to_owned).to_vec(),
        forbidden: Vec::new(),
    })
    .await
    .unwrap();
    let classes =
        classes.iter().map(|(id, spec)| (ClassId((*id).to_owned()), spec.clone())).collect::<BTreeMap<_, _>>();
    launcher.admit(manifest(), classes).await.unwrap();
    launcher
}

/// The manifest of every class here.
pub(super) fn manifest() -> Digest {
    Digest::of(b"fixture")
}

/// What asks for a container of a class.
pub(super) fn of(class: &str) -> Create {
    Create { manifest: manifest(), class: ClassId(class.to_owned()) }
}

/// One class, `user`, small, nothing mounted.
pub(super) async fn plain(socket: &Path) -> Launcher {
    launcher(socket, &random(), &[("user", class(Size::Small, Vec::new()))]).await
}

pub(super) async fn create(launcher: &Launcher, class: &str) -> ContainerName {
    launcher.create(of(class)).await.unwrap().container
}

pub(super) async fn start(launcher: &Launcher, class: &str) -> (ContainerName, Attached) {
    let name = create(launcher, class).await;
    let attached = launcher.attach(&name).await.unwrap();
    (name, attached)
}

pub(super) async fn say(attached: &mut Attached, text: &str) {
    attached.input.write_all(text.as_bytes()).await.unwrap();
    attached.input.flush().await.unwrap();
}

/// Says something and returns what comes back first.
pub(super) async fn ask(attached: &mut Attached, text: &str) -> String {
    say(attached, text).await;
    let mut answer = vec![0; 4096];
    let some = timeout(LONG, attached.output.read(&mut answer)).await.unwrap().unwrap();
    String::from_utf8(answer[..some].to_vec()).unwrap()
}

/// What happened to a container until it was removed.
pub(super) async fn story(events: &mut Receiver<Event>, name: &ContainerName) -> Vec<EventKind> {
    let mut story = Vec::new();
    while story.last() != Some(&EventKind::Removed) {
        let event = timeout(LONG, events.recv()).await.unwrap().unwrap();
        if event.container == *name {
            story.push(event.what);
        }
    }
    story
}

/// Whether the kernel has no process with this number, or only a dead one.
pub(super) fn is_dead(pid: u32) -> bool {
    match std::fs::read_dir(format!("/proc/{pid}/task")) {
        Err(_) => true,
        Ok(threads) => threads
            .flatten()
            .all(|thread| std::fs::read_to_string(thread.path().join("stat")).is_ok_and(|stat| stat.contains(") Z "))),
    }
}

/// Waits for something that will be so.
pub(super) async fn until<F: Future<Output = bool>>(mut so: impl FnMut() -> F) {
    timeout(LONG, async {
        while !so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap();
}
