//! The posture: the complete set of a container's security settings. One renderer, pure, for every
//! build and every size, so that a golden file shows all that a container is given.

mod body;
pub mod formats;
mod resources;

pub(crate) use body::{Birth, to_body};
pub use resources::{Resources, Ulimit};

use crate::class::{ClassSpec, Program};
use crate::image::ImageId;
use crate::message::{ContainerName, HubId};
use crate::mounts::CheckedMount;
use manifest::{Access, ClassId, Digest, Runtime};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// The container's seccomp profile, the same in every build; each rule has its reason in the file.
pub const SECCOMP: &str = include_str!("../../../runner-image/seccomp.json");

/// Label: the id of the hub that owns a container.
pub const LABEL_HUB: &str = "safeclaw.hub";
/// Label: the container's class.
pub const LABEL_CLASS: &str = "safeclaw.class";
/// Label: when the container was created, Unix seconds. Not part of the posture, as it differs each time.
pub const LABEL_CREATED: &str = "safeclaw.created";

/// Where a container finds its own two FIFOs.
pub const FRAMES: &str = "/frames";
/// The FIFO that a runner reads.
pub const FRAMES_IN: &str = "in";
/// The FIFO that a runner writes.
pub const FRAMES_OUT: &str = "out";

/// What a class alone does not say.
#[derive(Debug, Clone)]
pub struct PostureInputs<'a> {
    /// Which hub.
    pub hub_id: &'a HubId,
    /// The key that a runner verifies tickets with: public.
    pub hub_key: &'a str,
    /// The image, by id: a tag could be moved.
    pub image: &'a ImageId,
    /// The class's name.
    pub class: &'a ClassId,
    /// The class's mounts, after [`crate::mounts::check`].
    pub mounts: &'a [CheckedMount],
}

/// A thing that no container has. With one value, it cannot be rendered differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Absent {
    /// There is none of it.
    None,
}

/// A namespace that is never the host's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Namespace {
    /// The container's own.
    Private,
}

/// Where the engine's default is the safe one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// Nothing of ours is sent.
    Default,
}

/// A bind mount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bind {
    /// Canonical path on the host.
    pub source: String,
    /// Path in the container.
    pub target: String,
    /// Whether it is read-only.
    pub read_only: bool,
    /// Always false: mounts below the source stay outside, since the engine would make only the topmost
    /// one read-only.
    pub recursive: bool,
    /// No mount made on one side appears on the other.
    pub propagation: Namespace,
}

/// The complete set of a container's security settings. [`to_body`] translates each of them for the
/// engine; the container's name, its creation time and this posture's own digest are added at creation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posture {
    /// The image's id.
    pub image: String,
    /// What runs it; named even where it is the engine's default, which an operator may have changed.
    pub runtime: Runtime,
    /// The program.
    pub entrypoint: Vec<String>,
    /// Its arguments, without the container's name and this posture's digest.
    pub arguments: Vec<String>,
    /// Nothing: no secret and no setting enters by environment.
    pub environment: Absent,
    /// Never 0.
    pub user: String,
    /// Hub id and class.
    pub labels: BTreeMap<String, String>,
    /// Standard input ends when the hub does: `OpenStdin` with `StdinOnce`.
    pub stdin_once: bool,
    /// No terminal, so that the streams are told apart.
    pub tty: bool,
    /// PID 1 ignores SIGTERM.
    pub stop_signal: String,
    /// The engine removes it when it ends.
    pub auto_remove: bool,
    /// Never restarted.
    pub restart: Absent,
    /// The root file system is read-only.
    pub read_only_root: bool,
    /// Not privileged.
    pub privileged: bool,
    /// Capabilities dropped: all.
    pub capabilities_dropped: Vec<String>,
    /// Capabilities added back: none.
    pub capabilities_added: Absent,
    /// `execve` can gain nothing.
    pub no_new_privileges: bool,
    /// sha-256 of the seccomp profile.
    pub seccomp: String,
    /// No network interface but loopback.
    pub network: Absent,
    /// No ports published.
    pub published_ports: Absent,
    /// No System V IPC, and no `/dev/shm`.
    pub ipc: Absent,
    /// A cgroup namespace of its own.
    pub cgroup_namespace: Namespace,
    /// A process namespace of its own.
    pub process_namespace: Namespace,
    /// A host name of its own.
    pub uts_namespace: Namespace,
    /// Devices handed in: none.
    pub devices: Absent,
    /// What the engine masks or makes read-only in `/proc` and `/sys`: nothing is taken off its list.
    pub masked_paths: Engine,
    /// The engine keeps no log; the hub reads the runner's diagnostics, bounded.
    pub log_driver: Absent,
    /// The kernel may kill it when its memory runs out.
    pub oom_kill_disabled: bool,
    /// pids, memory, CPU, ulimits.
    pub resources: Resources,
    /// Temporary file systems and their options.
    pub tmpfs: BTreeMap<String, String>,
    /// Binds, parents before what lies on top of them.
    pub binds: Vec<Bind>,
    /// Above the directory that each container has read-only at [`FRAMES`], which has the container's name; `None`
    /// where frames go over the attached streams.
    pub frames: Option<String>,
}

impl Posture {
    /// sha-256 over its canonical JSON: what a ticket binds a runner to.
    #[must_use]
    pub fn digest(&self) -> Digest {
        // A struct of texts, numbers and ordered maps cannot fail to serialise; were it to, the digest
        // of nothing matches no ticket.
        digest_of(&serde_json::to_vec(self).unwrap_or_default())
    }

    /// What the engine is asked for, in its own words: the body of "create" for a container of this name.
    #[must_use]
    pub fn body(&self, container: &ContainerName, created_unix_s: u64) -> serde_json::Value {
        // As above; a body of nothing differs from every container.
        serde_json::to_value(to_body(self, &Birth { name: container, created_unix_s })).unwrap_or_default()
    }
}

/// sha-256 as a name.
pub(crate) fn digest_of(bytes: &[u8]) -> Digest {
    match Digest::try_from(hex::encode(Sha256::digest(bytes))) {
        Ok(digest) => digest,
        Err(_) => unreachable!("the hexadecimal form of a sha-256 is 64 lower-case digits"),
    }
}

/// Renders the posture of a class.
#[must_use]
pub fn render(class: &ClassSpec, inputs: &PostureInputs<'_>) -> Posture {
    let resources = Resources::of(class.size);
    Posture {
        image: inputs.image.to_string(),
        runtime: class.runtime,
        entrypoint: vec![class.program.path().to_owned()],
        arguments: match class.program {
            Program::Runner => vec!["--hub-key".to_owned(), inputs.hub_key.to_owned()],
            Program::Compile => Vec::new(),
        },
        environment: Absent::None,
        user: "1000:1000".to_owned(),
        labels: BTreeMap::from([
            (LABEL_HUB.to_owned(), inputs.hub_id.0.clone()),
            (LABEL_CLASS.to_owned(), inputs.class.0.clone()),
        ]),
        stdin_once: true,
        tty: false,
        stop_signal: "SIGKILL".to_owned(),
        auto_remove: true,
        restart: Absent::None,
        read_only_root: true,
        privileged: false,
        capabilities_dropped: vec!["ALL".to_owned()],
        capabilities_added: Absent::None,
        no_new_privileges: true,
        seccomp: digest_of(SECCOMP.as_bytes()).to_string(),
        network: Absent::None,
        published_ports: Absent::None,
        ipc: Absent::None,
        cgroup_namespace: Namespace::Private,
        process_namespace: Namespace::Private,
        uts_namespace: Namespace::Private,
        devices: Absent::None,
        masked_paths: Engine::Default,
        log_driver: Absent::None,
        oom_kill_disabled: false,
        tmpfs: BTreeMap::from([
            ("/tmp".to_owned(), tmpfs(resources.tmp_bytes, resources.tmp_inodes, "mode=1777")),
            ("/run".to_owned(), tmpfs(resources.run_bytes, resources.run_inodes, "mode=0700,uid=1000,gid=1000")),
        ]),
        resources,
        binds: binds(class, inputs.mounts),
        frames: frames(class),
    }
}

/// Writable, and so never executable.
fn tmpfs(size_bytes: u64, inodes: u32, owner: &str) -> String {
    format!("rw,noexec,nosuid,nodev,size={size_bytes},nr_inodes={inodes},{owner}")
}

fn binds(class: &ClassSpec, mounts: &[CheckedMount]) -> Vec<Bind> {
    let artefacts = class.artefacts.iter().map(|dir| bind(dir.display().to_string(), "/artefacts".to_owned(), true));
    let granted = mounts.iter().flat_map(|mount| {
        let target = format!("/mnt/{}", mount.name);
        let source = mount.source.display().to_string();
        let whole = bind(source.clone(), target.clone(), mount.access == Access::Read);
        // A protected path is read-only. Its parents are bound on themselves, still writable: a mount
        // point cannot be renamed or removed, so nobody moves `.git` away and makes a new one.
        let parents = mount.pinned.iter().map(|path| (path, false));
        let protected = mount.protected.iter().map(|path| (path, true));
        let on_top: Vec<_> = parents
            .chain(protected)
            .map(|(path, read_only)| bind(format!("{source}/{path}"), format!("{target}/{path}"), read_only))
            .collect();
        std::iter::once(whole).chain(on_top)
    });
    artefacts.chain(granted).collect()
}

/// gVisor's sentry opens no FIFO of the host unless its operator has told it to; only a runner has frames for long.
fn frames(class: &ClassSpec) -> Option<String> {
    match (class.program, class.runtime) {
        (Program::Runner, Runtime::Runc) => class.frames.as_ref().map(|directory| directory.display().to_string()),
        (Program::Compile, _) | (_, Runtime::Runsc) => None,
    }
}

fn bind(source: String, target: String, read_only: bool) -> Bind {
    Bind { source, target, read_only, recursive: false, propagation: Namespace::Private }
}
