//! Containers with the probe in the runner's place, made by the launcher that ships.

use container::{ClassSpec, ContainerName, Create, HubId, ImageId, Launcher, LauncherConfig, MountSpec, Program, Size};
use manifest::{Access, ClassId, MountName};
use serde_json::Value;
use std::collections::BTreeMap;
use std::future::Future;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tests::handed;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Runtime;

/// For what must happen at some time; no test measures time.
pub(super) const LONG: Duration = Duration::from_secs(120);

/// A launcher of a hub that exists for one test.
pub(super) struct Boxes {
    pub(super) launcher: Launcher,
}

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap())
}

pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    runtime().block_on(future)
}

/// An image with the probe in both programs' place; loaded once.
fn probe_image() -> &'static ImageId {
    static IMAGE: OnceLock<ImageId> = OnceLock::new();
    IMAGE.get_or_init(|| {
        let probe = std::fs::read(handed::program("probe")).unwrap();
        let image = container::image::archive(&probe, &probe).unwrap();
        block_on(container::load_image(&handed::engine(), &image)).unwrap();
        image.id
    })
}

/// What differs from one launcher of these tests to another.
pub(super) struct Plan<'a> {
    pub(super) image: ImageId,
    pub(super) hub_key: String,
    /// Mounted writable as `work`, with the protected paths of the list that ships.
    pub(super) mount: Option<&'a Path>,
    pub(super) artefacts: Option<&'a Path>,
}

impl Boxes {
    /// Both sizes, nothing mounted.
    pub(super) fn of_probes() -> &'static Self {
        static BOXES: OnceLock<Boxes> = OnceLock::new();
        BOXES.get_or_init(|| Self::with_mount(None))
    }

    /// The same with a mount.
    pub(super) fn with_mount(mount: Option<&Path>) -> Self {
        Self::new(Plan { image: probe_image().clone(), hub_key: "none".to_owned(), mount, artefacts: None })
    }

    /// Classes `small`, `large` and `compile`.
    pub(super) fn new(plan: Plan<'_>) -> Self {
        static HUBS: AtomicUsize = AtomicUsize::new(0);
        let class = |program, size| {
            let mount = |source: &Path| MountSpec {
                name: MountName::try_from("work").unwrap(),
                source: source.to_owned(),
                access: Access::Write,
            };
            ClassSpec {
                program,
                size,
                runtime: manifest::Runtime::Runc,
                mounts: plan.mount.filter(|_| program == Program::Runner).map(mount).into_iter().collect(),
                artefacts: plan.artefacts.map(Path::to_owned),
                frames: None,
            }
        };
        let classes = [
            ("small", class(Program::Runner, Size::Small)),
            ("large", class(Program::Runner, Size::Large)),
            ("compile", class(Program::Compile, Size::Build)),
        ];
        let hub = HUBS.fetch_add(1, Ordering::Relaxed);
        let config = LauncherConfig {
            hub_id: HubId(format!("probe{}n{hub}", std::process::id())),
            socket: handed::engine(),
            image: plan.image,
            hub_key: plan.hub_key,
            protected: manifest::protected_paths().into_iter().map(|protected| protected.path).collect(),
            forbidden: Vec::new(),
        };
        let classes =
            classes.into_iter().map(|(name, class)| (ClassId(name.into()), class)).collect::<BTreeMap<_, _>>();
        let launcher = block_on(Launcher::connect(config)).unwrap();
        block_on(launcher.admit(manifest::Digest::of(b"boxes"), classes)).unwrap();
        Self { launcher }
    }

    /// A container of this class, not started.
    pub(super) fn create(&self, class: &str) -> (ContainerName, manifest::Digest) {
        let created = block_on(
            self.launcher.create(Create { manifest: manifest::Digest::of(b"boxes"), class: ClassId(class.to_owned()) }),
        )
        .unwrap();
        (created.container, created.posture)
    }

    /// Makes the attempts in one container of this class.
    pub(super) fn probe(&self, class: &str, words: &[&str]) -> Said {
        let (container, _) = self.create(class);
        block_on(async {
            let mut attached = self.launcher.attach(&container).await.unwrap();
            attached.input.write_all(lines(words).as_bytes()).await.unwrap();
            attached.input.flush().await.unwrap();
            let mut text = String::new();
            let read = tokio::time::timeout(LONG, attached.output.read_to_string(&mut text));
            let _ = read.await.expect("the probe ends");
            let exit = tokio::time::timeout(LONG, attached.exit).await.unwrap().unwrap_or(-1);
            self.launcher.kill(&container).await.unwrap();
            Said::read(&text, exit)
        })
    }
}

/// Words for the probe's standard input, up to an empty line.
pub(super) fn lines(words: &[&str]) -> String {
    words.join("\n") + "\n\n"
}

/// Makes the attempts in one container of this size.
pub(super) fn probe(size: &str, words: &[&str]) -> Said {
    Boxes::of_probes().probe(size, words)
}

/// What a container said, attempt by attempt, and how it ended.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) results: Vec<(String, String)>,
    pub(super) exit: i64,
}

impl Said {
    pub(super) fn read(text: &str, exit: i64) -> Self {
        let results = text
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .map(|v| (v["name"].as_str().unwrap().to_owned(), v["result"].as_str().unwrap().to_owned()))
            .collect();
        Self { results, exit }
    }

    pub(super) fn found(&self, name: &str) -> Option<&str> {
        self.results.iter().rev().find(|(said, _)| said == name).map(|(_, result)| result.as_str())
    }

    pub(super) fn of(&self, name: &str) -> &str {
        self.found(name).unwrap_or_else(|| panic!("nothing said of {name}: {:?}, exit {}", self.results, self.exit))
    }
}
