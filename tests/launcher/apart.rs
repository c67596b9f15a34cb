//! `safeclaw launcher --listen`, and a hub's side of it in this test's hands: real containers, started by somebody
//! who has the engine for somebody who has not.

use container::{ClassSpec, Create, HubId, Launcher, LauncherError, Program, Size};
use manifest::{ClassId, Digest, Runtime};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;
use tests::handed;
use tests::watch::{LONG, Watch, gone, until};
use tokio::io::AsyncReadExt as _;
use tokio::net::UnixStream;
use tokio::time::timeout;

/// A launcher that listens, killed when dropped.
pub(super) struct Apart {
    folder: TempDir,
    launcher: Child,
}

impl Drop for Apart {
    fn drop(&mut self) {
        drop(self.launcher.kill());
        drop(self.launcher.wait());
    }
}

impl Apart {
    /// With this data directory, whose record lies beside it.
    pub(super) async fn start(data: Option<&Path>) -> Self {
        let folder = tempfile::Builder::new().prefix("safeclaw-apart-").tempdir().unwrap();
        let data = data.map_or_else(|| folder.path().join("data"), Path::to_owned);
        fs::create_dir_all(data.join("frames")).unwrap();
        fs::create_dir_all(data.join("artefacts")).unwrap();
        let launcher = Command::new(handed::program("safeclaw"))
            .arg("launcher")
            .arg("--listen")
            .arg(folder.path().join("launcher.sock"))
            .arg("--data")
            .arg(&data)
            .args(["--image", &handed::image().to_string()])
            .arg("--engine")
            .arg(format!("unix://{}", handed::engine().display()))
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let apart = Self { folder, launcher };
        let listens = || async { if apart.socket().exists() { Ok(()) } else { Err("no socket yet".to_owned()) } };
        until("the launcher listens", listens).await;
        apart
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.folder.path().join("launcher.sock")
    }

    async fn hub(&self, hub: &str) -> Result<Launcher, LauncherError> {
        let stream = UnixStream::connect(self.socket()).await.unwrap();
        let key = protocol::HubKey::from_seed(&[7; 32]).public().to_string();
        Launcher::remote(stream, HubId(hub.to_owned()), key).await
    }

    fn classes(&self) -> BTreeMap<ClassId, ClassSpec> {
        let data = self.folder.path().join("data").canonicalize().unwrap();
        let spec = |runtime| ClassSpec {
            program: Program::Runner,
            size: Size::Small,
            runtime,
            mounts: Vec::new(),
            artefacts: Some(data.join("artefacts")),
            frames: Some(data.join("frames")),
        };
        let mut classes = BTreeMap::from([(ClassId("user".to_owned()), spec(Runtime::Runc))]);
        if std::env::var_os("SAFECLAW_TEST_RUNSC").is_some() {
            classes.insert(ClassId("sandboxed".to_owned()), spec(Runtime::Runsc));
        }
        classes
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn containers_are_started_for_a_hub_that_has_no_engine_and_end_with_it() {
    let apart = Apart::start(None).await;
    let name = format!("apart{}", std::process::id());
    let hub = apart.hub(&name).await.unwrap();
    let manifest = Digest::of(b"apart");
    hub.admit(manifest.clone(), apart.classes()).await.unwrap();
    hub.seal().await.unwrap();
    let watch = Watch { engine: handed::engine(), hub: name.clone() };
    for class in apart.classes().into_keys() {
        let created = hub.create(Create { manifest: manifest.clone(), class }).await.unwrap();
        let mut attached = hub.attach(&created.container).await.unwrap();
        // Its hello: it came through its self-test and its lockdown, by FIFO or, under gVisor, through the relay.
        let mut first = [0];
        let said = timeout(LONG, attached.output.read_exact(&mut first)).await.expect("it speaks");
        said.unwrap_or_else(|error| panic!("{error}: {}", attached.diagnostics.text()));
        assert_eq!(hub.differences(&created.container).await.unwrap(), Vec::<String>::new());
        assert_eq!(hub.posture(&created.container).unwrap().digest(), created.posture);
        assert!(hub.stands(&created.container, &manifest).await.unwrap());
        // The end of its input is its end.
        drop(attached.input);
        assert!(timeout(LONG, attached.exit).await.unwrap().is_ok());
    }
    // Not one more manifest, whatever the hub says.
    let refused = hub.admit(Digest::of(b"another"), apart.classes()).await.unwrap_err();
    assert!(refused.to_string().contains("safeclaw manifest apply"), "{refused}");

    let kept = hub.create(Create { manifest: manifest.clone(), class: ClassId("user".to_owned()) }).await.unwrap();
    let mut attached = hub.attach(&kept.container).await.unwrap();
    let made = hub.create(Create { manifest: manifest.clone(), class: ClassId("user".to_owned()) }).await.unwrap();
    let dead: Vec<_> = [&kept, &made].map(|one| watch.look(&one.container.0).unwrap()).into();
    drop(hub);
    watch.none().await;
    gone(&dead).await;
    // Said by the runner, or its end: not for ever open.
    timeout(LONG, attached.output.read_to_end(&mut Vec::new())).await.expect("its output ends").ok();
    assert_eq!(fs::read_dir(apart.folder.path().join("data/frames")).unwrap().count(), 0, "no FIFO has a name left");

    // The next connection: of the same hub it is served, of another not.
    let other = apart.hub("another").await.unwrap_err().to_string();
    assert!(other.contains("and not `another`"), "{other}");
    let again = apart.hub(&name).await.unwrap();
    again.admit(manifest, apart.classes()).await.unwrap();
}
