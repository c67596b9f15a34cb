//! The launcher: six messages in, containers out. It is told, manifest by manifest, of everything that a
//! container can be given; whoever speaks to it can then only name a class.

mod admitted;
mod attached;
mod engine;
mod error;
mod frames;
pub mod host;
pub mod operator;
mod process;
mod record;
mod relay;
mod remote;
mod ward;
mod wire;

pub use attached::{Attached, Diagnostics};
pub use engine::{Live, default_socket, live, load_image};
pub use error::LauncherError;
pub use process::ProcessConfig;
pub use record::Record;

use crate::class::ClassSpec;
use crate::image::ImageId;
use crate::message::{ContainerName, Create, Created, Event, HubId, Inspected, Listed};
use crate::mounts::MountWarning;
use crate::posture::Posture;
use attached::Parts;
use manifest::{ClassId, Digest, MountName};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::sync::broadcast;

/// What a launcher is built with.
#[derive(Debug, Clone)]
pub struct LauncherConfig {
    /// Whose containers these are; 1 to 32 of a-z and 0-9.
    pub hub_id: HubId,
    /// The engine's socket, from [`default_socket`] or the operator.
    pub socket: PathBuf,
    /// The image that every container runs.
    pub image: ImageId,
    /// The public key that runners verify tickets with, as text.
    pub hub_key: String,
    /// Paths relative to a mount that stay read-only in writable mounts.
    pub protected: Vec<String>,
    /// The hub's data, keys and manifests: no mount may contain or lie in these. The engine's socket and
    /// its data directory are added here.
    pub forbidden: Vec<PathBuf>,
}

/// What became of containers that nobody owns any more.
#[derive(Debug, Default)]
pub struct Leftovers {
    /// They are gone.
    pub removed: Vec<ContainerName>,
    /// They are still there, and why.
    pub left: Vec<(ContainerName, LauncherError)>,
}

/// Starts, watches and ends containers of one hub. A clone is the same launcher.
#[derive(Debug, Clone)]
pub struct Launcher(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Engine(Arc<engine::EngineLauncher>),
    Processes(Arc<process::ProcessLauncher>),
    Remote(Arc<remote::RemoteLauncher>),
}

impl Launcher {
    /// Connects to the container engine, and refuses one that cannot hold wall 2.
    ///
    /// # Errors
    /// The engine does not answer or is not one that is tested, or the image is missing; each says what to do.
    pub async fn connect(config: LauncherConfig) -> Result<Self, LauncherError> {
        Ok(Self(Kind::Engine(engine::EngineLauncher::connect(config).await?)))
    }

    /// Child processes instead of containers: **wall 2 is off**. For authors.
    ///
    /// # Errors
    /// A program is missing.
    pub fn processes(config: ProcessConfig) -> Result<Self, LauncherError> {
        Ok(Self(Kind::Processes(process::ProcessLauncher::new(config)?)))
    }

    /// A launcher in a process of its own, at the other end of a connection. Whoever drops it ends everything that
    /// was started over it.
    ///
    /// # Errors
    /// That process refuses this hub, or the engine; each says what to do.
    pub async fn remote(stream: UnixStream, hub_id: HubId, hub_key: String) -> Result<Self, LauncherError> {
        Ok(Self(Kind::Remote(remote::RemoteLauncher::begin(stream, hub_id, hub_key).await?)))
    }

    /// From here on a launcher of its own takes no manifest from this hub that the operator has not given it. One in
    /// this process has nobody to keep out.
    ///
    /// # Errors
    /// The launcher is gone.
    pub async fn seal(&self) -> Result<(), LauncherError> {
        match &self.0 {
            Kind::Remote(remote) => remote.seal().await,
            Kind::Engine(_) | Kind::Processes(_) => Ok(()),
        }
    }

    /// How many containers were made here that still are.
    pub(crate) fn count(&self) -> usize {
        match &self.0 {
            Kind::Engine(engine) => engine.count(),
            Kind::Processes(processes) => processes.count(),
            Kind::Remote(_) => 0,
        }
    }

    /// Ends every container that was made here, and waits this long until none is left. Gives how many are.
    pub(crate) async fn end_all(&self, patience: Duration) -> usize {
        match &self.0 {
            Kind::Engine(engine) => engine.end_all(patience).await,
            Kind::Processes(processes) => processes.end_all().await,
            // Whoever made them ends them, with the connection.
            Kind::Remote(_) => 0,
        }
    }

    /// Takes the classes of a manifest, after which containers of them can be made; gives what the operator should
    /// know about their mounts. Those of the two manifests admitted last are kept.
    ///
    /// # Errors
    /// A mount is refused, or the engine cannot run a class; nothing of this manifest is then admitted.
    pub async fn admit(
        &self,
        manifest: Digest,
        classes: BTreeMap<ClassId, ClassSpec>,
    ) -> Result<Vec<MountWarning>, LauncherError> {
        match &self.0 {
            Kind::Engine(engine) => engine.admit(manifest, classes).await,
            Kind::Processes(processes) => processes.admit(manifest, classes),
            Kind::Remote(remote) => remote.admit(manifest, classes).await,
        }
    }

    /// Makes a container, not started. Dropping the future removes what it made.
    ///
    /// # Errors
    /// An unknown manifest or class, a mount that is refused by now, or the engine's refusal.
    pub async fn create(&self, message: Create) -> Result<Created, LauncherError> {
        match &self.0 {
            Kind::Engine(engine) => engine.create(message).await,
            Kind::Processes(processes) => processes.create(message),
            Kind::Remote(remote) => remote.create(message).await,
        }
    }

    /// Attaches to a created container and starts it, in this order, so that no byte is lost. Once only:
    /// the end of a stream is the end of its runner.
    ///
    /// # Errors
    /// Not a container of this launcher, attached before, or the engine's refusal; the container is then gone.
    pub async fn attach(&self, container: &ContainerName) -> Result<Attached, LauncherError> {
        self.parts(container).await.map(Parts::attached)
    }

    /// The same, for whoever hands it on.
    pub(in crate::launcher) async fn parts(&self, container: &ContainerName) -> Result<Parts, LauncherError> {
        match &self.0 {
            Kind::Engine(engine) => engine.attach(container).await,
            Kind::Processes(processes) => processes.attach(container),
            Kind::Remote(remote) => remote.attach(container).await,
        }
    }

    /// Ends a container and waits until nothing of it is left. One that is gone already is no error.
    ///
    /// # Errors
    /// Not a container of this hub, or something of it is still alive: the operator has to know.
    pub async fn kill(&self, container: &ContainerName) -> Result<(), LauncherError> {
        match &self.0 {
            Kind::Engine(engine) => engine.kill(container).await,
            Kind::Processes(processes) => processes.kill(container).await,
            Kind::Remote(remote) => remote.kill(container).await,
        }
    }

    /// The containers of this hub, also those that a dead hub of the same id left.
    ///
    /// # Errors
    /// The engine's refusal.
    pub async fn list(&self) -> Result<Vec<Listed>, LauncherError> {
        match &self.0 {
            Kind::Engine(engine) => engine.list().await,
            Kind::Processes(processes) => Ok(processes.list()),
            Kind::Remote(remote) => remote.list().await,
        }
    }

    /// What the engine knows about a container of this hub.
    ///
    /// # Errors
    /// Not a container of this hub, or gone.
    pub async fn inspect(&self, container: &ContainerName) -> Result<Inspected, LauncherError> {
        match &self.0 {
            Kind::Engine(engine) => engine.inspect(container).await,
            Kind::Processes(processes) => processes.inspect(container),
            Kind::Remote(remote) => remote.inspect(container).await,
        }
    }

    /// What happens to containers that this launcher made. The launcher itself subscribed before it made any.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<Event> {
        match &self.0 {
            Kind::Engine(engine) => engine.events(),
            Kind::Processes(processes) => processes.events(),
            Kind::Remote(remote) => remote.events(),
        }
    }

    /// Removes every container of this hub id that this launcher did not make, or could not remove before, and
    /// waits this long for it; what takes longer goes on by itself. The caller holds the hub's lock, so whoever
    /// made the others is dead.
    ///
    /// # Errors
    /// The engine does not say what there is.
    pub async fn remove_leftovers(&self, patience: Duration) -> Result<Leftovers, LauncherError> {
        match &self.0 {
            Kind::Engine(engine) => engine.remove_leftovers(patience).await,
            Kind::Processes(_) => Ok(Leftovers::default()),
            Kind::Remote(remote) => remote.remove_leftovers(patience).await,
        }
    }

    /// Whether a container made now under this manifest would have the same mounts as this one: the same
    /// directories, with the same protected paths held in them. One that was made under another manifest never
    /// stands.
    ///
    /// # Errors
    /// A mount that would be refused by now.
    pub async fn stands(&self, container: &ContainerName, manifest: &Digest) -> Result<bool, LauncherError> {
        match &self.0 {
            Kind::Engine(engine) => engine.stands(container, manifest).await,
            Kind::Processes(processes) => Ok(processes.stands(container, manifest)),
            Kind::Remote(remote) => remote.stands(container, manifest).await,
        }
    }

    /// The posture that a container of this launcher was made with; `None` without wall 2.
    #[must_use]
    pub fn posture(&self, container: &ContainerName) -> Option<Posture> {
        match &self.0 {
            Kind::Engine(engine) => engine.posture(container),
            Kind::Processes(_) => None,
            Kind::Remote(remote) => remote.posture(container),
        }
    }

    /// Settings of a container's posture that the engine reports differently: none, if wall 2 is as rendered.
    ///
    /// # Errors
    /// As [`Launcher::inspect`].
    pub async fn differences(&self, container: &ContainerName) -> Result<Vec<String>, LauncherError> {
        match &self.0 {
            Kind::Engine(engine) => engine.differences(container).await,
            Kind::Remote(remote) => remote.differences(container).await,
            Kind::Processes(_) => Ok(vec!["there is no container: wall 2 is off".to_owned()]),
        }
    }

    /// Where a runner of this class finds its mounts: what a ticket names. `/mnt/NAME` in a container. Nothing
    /// where the manifest is not known, or not any more.
    #[must_use]
    pub fn mount_points(&self, manifest: &Digest, class: &ClassId) -> BTreeMap<MountName, PathBuf> {
        match &self.0 {
            Kind::Engine(engine) => engine.mount_points(manifest, class),
            Kind::Processes(processes) => processes.mount_points(manifest, class),
            Kind::Remote(remote) => remote.mount_points(manifest, class),
        }
    }
}
