//! A hub in hostile hands against the launcher, and a launcher that answers garbage against the hub. Without an
//! engine: what is started are processes.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use super::*;
use crate::class::{ClassSpec, MountSpec, Program, Size};
use crate::launcher::ProcessConfig;
use crate::message::{Create, EventKind};
use manifest::{Access, ClassId, Digest};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinHandle;

/// A launcher that serves, and the folder of its record.
struct Scene {
    folder: TempDir,
    record: Option<Arc<Record>>,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let record = Some(Arc::new(Record::open(&folder.path().join("record")).unwrap()));
        Self { folder, record }
    }

    fn places(&self) -> Places {
        Places { artefacts: self.folder.path().join("artefacts"), frames: self.folder.path().join("frames") }
    }

    fn record(&self) -> Arc<Record> {
        self.record.clone().unwrap()
    }

    /// One connection, and what is left at its end.
    fn serve(&self) -> (UnixStream, JoinHandle<Ended>) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let connect: Connect = Box::new(|_, hub_key| {
            // Whatever it is called with, it copies its input.
            let (runner, compile) = (PathBuf::from("/bin/cat"), PathBuf::from("/bin/cat"));
            let config = ProcessConfig { runner, compile, hub_key, forbidden: Vec::new() };
            Box::pin(async move { Launcher::processes(config) })
        });
        let serving = serve(theirs, self.record(), self.places(), connect, std::future::pending());
        (ours, tokio::spawn(serving))
    }

    async fn hub(&self) -> (Launcher, JoinHandle<Ended>) {
        let (ours, serving) = self.serve();
        (Launcher::remote(ours, HubId("hub".into()), "KEY".into()).await.unwrap(), serving)
    }
}

fn class(mounts: Vec<MountSpec>) -> BTreeMap<ClassId, ClassSpec> {
    // A compiler gets no arguments, and `cat` without arguments copies.
    let spec = ClassSpec {
        program: Program::Compile,
        size: Size::Build,
        runtime: manifest::Runtime::Runc,
        mounts,
        artefacts: None,
        frames: None,
    };
    BTreeMap::from([(ClassId("user".into()), spec)])
}

fn of(manifest: &[u8], class: &str) -> Create {
    Create { manifest: Digest::of(manifest), class: ClassId(class.into()) }
}

#[tokio::test]
async fn a_container_lives_over_there_as_it_does_here() {
    let scene = Scene::new();
    let (hub, serving) = scene.hub().await;
    hub.admit(Digest::of(b"1"), class(Vec::new())).await.unwrap();
    hub.seal().await.unwrap();
    let mut events = hub.events();
    let created = hub.create(of(b"1", "user")).await.unwrap();
    let name = created.container.clone();
    let mut attached = hub.attach(&name).await.unwrap();
    assert!(matches!(hub.attach(&name).await, Err(LauncherError::Attached(_))));
    let sent = vec![b'x'; 300_000];
    let (mut back, said) = (vec![0; sent.len()], sent.clone());
    let saying = tokio::spawn(async move {
        attached.input.write_all(&said).await.unwrap();
        attached.input
    });
    attached.output.read_exact(&mut back).await.unwrap();
    assert!(back == sent);
    assert!(hub.inspect(&name).await.unwrap().pid.is_some());
    assert!(hub.stands(&name, &Digest::of(b"1")).await.unwrap());
    assert!(!hub.stands(&name, &Digest::of(b"2")).await.unwrap());
    assert_eq!(hub.list().await.unwrap().len(), 1);
    saying.await.unwrap().shutdown().await.unwrap();
    assert_eq!(attached.output.read(&mut back).await.unwrap(), 0);
    assert_eq!(attached.exit.await.unwrap(), 0);
    let mut story = Vec::new();
    while story.last() != Some(&EventKind::Removed) {
        story.push(events.recv().await.unwrap().what);
    }
    assert_eq!(story, [EventKind::Started, EventKind::Died(0), EventKind::Removed]);
    drop(hub);
    assert_eq!(serving.await.unwrap().launcher.unwrap().count(), 0);
}

/// Each is an order of a hub that somebody has taken over; beside it the one that it is a twist of, which is obeyed.
#[tokio::test]
async fn a_hub_that_was_taken_over_starts_only_what_a_manifest_describes() {
    let scene = Scene::new();
    let (hub, _serving) = scene.hub().await;
    let (one, two) = (Digest::of(b"1"), Digest::of(b"2"));
    // Control: before it serves anybody, the first manifest is believed.
    hub.admit(one.clone(), class(Vec::new())).await.unwrap();
    hub.seal().await.unwrap();
    hub.create(of(b"1", "user")).await.unwrap();

    let refused = |answer: Result<_, LauncherError>| matches!(answer, Err(LauncherError::NotAdmitted(_)));
    assert!(refused(hub.admit(two.clone(), class(Vec::new())).await), "a manifest of its own");
    let everything = MountSpec { name: "x".try_into().unwrap(), source: "/".into(), access: Access::Write };
    assert!(refused(hub.admit(one.clone(), class(vec![everything])).await), "a mount under a known manifest");
    let mut elsewhere = class(Vec::new());
    elsewhere.values_mut().for_each(|spec| spec.artefacts = Some("/etc".into()));
    assert!(hub.admit(one.clone(), elsewhere).await.is_err(), "a directory in the artefacts' place");
    assert!(matches!(hub.create(of(b"2", "user")).await, Err(LauncherError::UnknownManifest(_))));
    assert!(matches!(hub.create(of(b"1", "root")).await, Err(LauncherError::UnknownClass(_))));
    let other = ContainerName("another-program".into());
    assert!(matches!(hub.attach(&other).await, Err(LauncherError::UnknownContainer(_))));
    assert!(hub.inspect(&other).await.is_err());

    // Control: what the operator admits is obeyed, at once.
    scene.record().admit(two.clone(), class(Vec::new())).unwrap();
    hub.admit(two, class(Vec::new())).await.unwrap();
    hub.create(of(b"2", "user")).await.unwrap();
    hub.create(of(b"1", "user")).await.unwrap();
}

#[tokio::test]
async fn the_operators_socket_admits_and_no_other_directory() {
    let scene = Scene::new();
    let listener = super::super::operator::bind(&scene.record()).unwrap();
    let serving = tokio::spawn(super::super::operator::serve(listener, scene.record(), scene.places()));
    let socket = super::super::operator::socket(scene.record().directory());
    let admit = |manifest: &[u8], classes| super::super::operator::admit(&socket, Digest::of(manifest), classes);
    admit(b"1", class(Vec::new())).await.unwrap();
    admit(b"2", class(Vec::new())).await.unwrap();
    let mut elsewhere = class(Vec::new());
    elsewhere.values_mut().for_each(|spec| spec.frames = Some("/etc".into()));
    assert!(admit(b"3", elsewhere).await.unwrap_err().to_string().contains("--data"));
    // Somebody who says nothing, and somebody who says nonsense, keep nobody else waiting for ever.
    let mut rude = UnixStream::connect(&socket).await.unwrap();
    rude.write_all(&u32::MAX.to_le_bytes()).await.unwrap();
    admit(b"4", class(Vec::new())).await.unwrap();

    let (hub, _serving) = scene.hub().await;
    assert!(hub.admit(Digest::of(b"9"), class(Vec::new())).await.is_err(), "the first was the operator's");
    hub.admit(Digest::of(b"2"), class(Vec::new())).await.unwrap();
    serving.abort();
    let gone = super::super::operator::admit(Path::new("/nowhere/s"), Digest::of(b"5"), class(Vec::new())).await;
    assert!(matches!(gone, Err(LauncherError::NoLauncher(..))));
}

/// With the end of its connection everything that a hub started ends.
#[tokio::test]
async fn what_a_hub_started_ends_with_it() {
    let scene = Scene::new();
    let (hub, serving) = scene.hub().await;
    hub.admit(Digest::of(b"1"), class(Vec::new())).await.unwrap();
    let (first, _second) =
        (hub.create(of(b"1", "user")).await.unwrap().container, hub.create(of(b"1", "user")).await.unwrap());
    let mut attached = hub.attach(&first).await.unwrap();
    let pid = hub.inspect(&first).await.unwrap().pid.unwrap();
    drop(hub);
    let ended = serving.await.unwrap();
    let launcher = ended.launcher.clone().unwrap();
    assert_eq!(launcher.count(), 2);
    ended.clean().await;
    assert_eq!(launcher.count(), 0);
    assert!(std::fs::read_link(format!("/proc/{pid}/exe")).is_err(), "{pid} lives");
    assert_eq!(attached.output.read(&mut [0; 8]).await.unwrap(), 0);
}

#[tokio::test]
async fn a_hub_that_breaks_the_protocol_is_cut_off() {
    let begin = || Ask::Begin { version: VERSION, hub_id: HubId("hub".into()), hub_key: String::new() };
    let ask = |id, ask| wire::frame(&Request { id, ask }).unwrap();
    let flood: Vec<u8> =
        (0..2 * MOST_OPEN as u64).flat_map(|id| ask(id, Ask::Inspect(ContainerName("x".into())))).collect();
    let attacks: [(&str, Vec<u8>); 6] = [
        ("no greeting", ask(1, Ask::List)),
        ("a second greeting", [ask(1, begin()), ask(2, begin())].concat()),
        ("an unknown order", [ask(1, begin()), wire::frame(&"exec").unwrap()].concat()),
        ("no frame at all", b"GET /containers/json HTTP/1.1\r\n\r\n".to_vec()),
        ("a frame without an end", [ask(1, begin()), vec![255; 8]].concat()),
        // Nobody reads the answers, so the questions stay open.
        ("a flood", [ask(1, begin()), flood.repeat(64)].concat()),
    ];
    for (attack, bytes) in attacks {
        let scene = Scene::new();
        let (mut hub, serving) = scene.serve();
        // Cut off, it cannot say everything.
        let _ = hub.write_all(&bytes).await;
        let ended = timeout(Duration::from_secs(60), serving).await;
        let ended = ended.unwrap_or_else(|_| panic!("{attack}: it is still heard")).unwrap();
        ended.clean().await;
    }
}

#[tokio::test]
async fn another_hub_and_another_build_are_refused_in_words() {
    let scene = Scene::new();
    let (first, _serving) = scene.hub().await;
    drop(first);
    let (ours, _serving) = scene.serve();
    let refused = Launcher::remote(ours, HubId("other".into()), String::new()).await.unwrap_err().to_string();
    assert!(refused.contains("serves the hub `hub` and not `other`"), "{refused}");
    let (mut ours, serving) = scene.serve();
    let begin = Ask::Begin { version: VERSION + 1, hub_id: HubId("hub".into()), hub_key: String::new() };
    ours.write_all(&wire::frame(&Request { id: 0, ask: begin }).unwrap()).await.unwrap();
    let mut said = vec![0; 4096];
    let some = ours.read(&mut said).await.unwrap();
    let said = String::from_utf8_lossy(said.get(4..some).unwrap()).into_owned();
    assert!(said.contains("start both from one build"), "{said}");
    drop(ours);
    assert!(serving.await.unwrap().launcher.is_none());
}

/// A launcher that answers so.
async fn lying(answers: fn(u64) -> Vec<u8>) -> Result<Vec<crate::message::Listed>, LauncherError> {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let liar = tokio::spawn(async move {
        let (from, mut to) = theirs.into_split();
        let mut inbox = Inbox::without_descriptors(from);
        while let Ok(Some(text)) = inbox.next().await {
            let Request { id, ask } = wire::read(&text).unwrap();
            let done = wire::frame(&Told::Answer { id, reply: Reply::Done }).unwrap();
            let answer = if matches!(ask, Ask::Begin { .. }) { done } else { answers(id) };
            if to.write_all(&answer).await.is_err() {
                return;
            }
        }
    });
    let hub = Launcher::remote(ours, HubId("hub".into()), String::new()).await.unwrap();
    let listed = timeout(Duration::from_secs(60), hub.list()).await.unwrap();
    if listed.is_err() {
        // It is not asked a second time.
        assert!(matches!(hub.list().await, Err(LauncherError::Gone)));
        assert!(matches!(hub.create(of(b"1", "user")).await, Err(LauncherError::Gone)));
    }
    drop(hub);
    liar.await.unwrap();
    listed
}

#[tokio::test]
async fn a_launcher_that_answers_garbage_is_not_believed_any_more() {
    let honest = lying(|id| wire::frame(&Told::Answer { id, reply: Reply::Listed(Vec::new()) }).unwrap()).await;
    assert_eq!(honest.unwrap(), Vec::new());
    let lies: [(&str, fn(u64) -> Vec<u8>); 6] = [
        ("no frame", |_| b"HTTP/1.1 200 OK\r\n".to_vec()),
        ("too long a frame", |_| u32::MAX.to_le_bytes().to_vec()),
        ("an unknown answer", |_| wire::frame(&"fine").unwrap()),
        ("an answer to nobody", |id| wire::frame(&Told::Answer { id: id + 1, reply: Reply::Done }).unwrap()),
        ("an answer to another question", |id| wire::frame(&Told::Answer { id, reply: Reply::Stands(true) }).unwrap()),
        ("no descriptors", |id| wire::frame(&Told::Answer { id, reply: Reply::Attached { frames: true } }).unwrap()),
    ];
    for (lie, answers) in lies {
        assert!(matches!(lying(answers).await, Err(LauncherError::Gone)), "{lie}");
    }
}

/// Its connection is taken, since the kernel takes it, and nobody greets.
#[tokio::test(start_paused = true)]
async fn a_launcher_that_serves_another_hub_is_not_waited_for_for_ever() {
    let (ours, _theirs) = UnixStream::pair().unwrap();
    let refused = Launcher::remote(ours, HubId("hub".into()), String::new()).await.unwrap_err();
    assert!(refused.to_string().contains("one hub at a time"), "{refused}");
}
