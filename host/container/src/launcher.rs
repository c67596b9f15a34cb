//! The launcher: six messages in, containers out. It is told, manifest by manifest, of everything that a
//! container can be given; whoever speaks to it can then only name a class.

mod admitted;
mod attached;
mod engine;
mod error;
mod frames;
mod process;
mod ward;

pub use attached::{Attached, Diagnostics};
pub use engine::{Live, default_socket, live, load_image};
pub use error::LauncherError;
pub use process::ProcessConfig;

use crate::class::ClassSpec;
use crate::image::ImageId;
use crate::message::{ContainerName, Create, Created, Event, HubId, Inspected, Listed};
use crate::mounts::MountWarning;
use crate::posture::Posture;
use manifest::{ClassId, Digest, MountName};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
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
        }
    }

    /// Attaches to a created container and starts it, in this order, so that no byte is lost. Once only:
    /// the end of a stream is the end of its runner.
    ///
    /// # Errors
    /// Not a container of this launcher, attached before, or the engine's refusal; the container is then gone.
    pub async fn attach(&self, container: &ContainerName) -> Result<Attached, LauncherError> {
        match &self.0 {
            Kind::Engine(engine) => engine.attach(container).await,
            Kind::Processes(processes) => processes.attach(container),
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
        }
    }

    /// What happens to containers that this launcher made. The launcher itself subscribed before it made any.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<Event> {
        match &self.0 {
            Kind::Engine(engine) => engine.events(),
            Kind::Processes(processes) => processes.events(),
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
        }
    }

    /// The posture that a container of this launcher was made with; `None` without wall 2.
    #[must_use]
    pub fn posture(&self, container: &ContainerName) -> Option<Posture> {
        match &self.0 {
            Kind::Engine(engine) => engine.posture(container),
            Kind::Processes(_) => None,
        }
    }

    /// Settings of a container's posture that the engine reports differently: none, if wall 2 is as rendered.
    ///
    /// # Errors
    /// As [`Launcher::inspect`].
    pub async fn differences(&self, container: &ContainerName) -> Result<Vec<String>, LauncherError> {
        match &self.0 {
            Kind::Engine(engine) => engine.differences(container).await,
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
        }
    }
}
