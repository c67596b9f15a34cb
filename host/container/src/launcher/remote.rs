//! The launcher as a hub sees it that has none in itself: the same messages, over a connection to a process that
//! holds the engine's socket. What is not an answer to a question of ours ends the connection, and with it
//! everything that needs a launcher: a hub that cannot tell what was started starts nothing.

mod connection;

pub(super) use connection::Connection;

use super::admitted::Admitted;
use super::attached::Parts;
use super::frames::Frames;
use super::relay;
use super::ward::{Claim, Wards};
use super::wire::{Ask, Reply, VERSION};
use super::{LauncherError, Leftovers};
use crate::class::ClassSpec;
use crate::message::{ContainerName, Create, Created, Event, EventKind, HubId, Inspected, Listed};
use crate::mounts::MountWarning;
use crate::posture::Posture;
use connection::Answer;
use manifest::{ClassId, Digest, MountName};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::runtime::Handle;
use tokio::sync::broadcast;

/// What the hub keeps of a container.
#[derive(Debug)]
pub(super) struct Known {
    posture: Option<Arc<Posture>>,
}

/// A launcher elsewhere.
#[derive(Debug)]
pub(super) struct RemoteLauncher {
    connection: Connection,
    wards: Arc<Wards<Known>>,
    admitted: Admitted,
    runtime: Handle,
}

/// A container that nobody has been told of yet: dropped, it is ended.
struct Unclaimed {
    launcher: Arc<RemoteLauncher>,
    name: Option<ContainerName>,
}

impl Unclaimed {
    fn of(launcher: &Arc<RemoteLauncher>, name: &ContainerName) -> Self {
        Self { launcher: Arc::clone(launcher), name: Some(name.clone()) }
    }

    fn keep(mut self) {
        self.name = None;
    }
}

impl Drop for Unclaimed {
    fn drop(&mut self) {
        let Some(name) = self.name.take() else { return };
        let launcher = Arc::clone(&self.launcher);
        self.launcher.runtime.spawn(async move {
            if let Err(error) = launcher.kill(&name).await {
                tracing::warn!(container = %name, %error, "could not remove a container that nobody waits for");
            }
        });
    }
}

impl RemoteLauncher {
    /// Says who the hub is.
    pub(super) async fn begin(stream: UnixStream, hub_id: HubId, hub_key: String) -> Result<Arc<Self>, LauncherError> {
        let wards = Arc::new(Wards::new());
        let connection = Connection::new(stream, Arc::clone(&wards));
        let launcher = Self { connection, wards, admitted: Admitted::default(), runtime: Handle::current() };
        launcher.done(Ask::Begin { version: VERSION, hub_id, hub_key }).await?;
        Ok(Arc::new(launcher))
    }

    async fn ask(&self, ask: Ask) -> Result<Answer, LauncherError> {
        self.connection.ask(ask).await
    }

    /// One that is answered by having been done.
    async fn done(&self, ask: Ask) -> Result<(), LauncherError> {
        match self.ask(ask).await?.reply {
            Reply::Done => Ok(()),
            _ => Err(self.garbage()),
        }
    }

    /// An answer to another question than ours.
    fn garbage(&self) -> LauncherError {
        self.connection.fail("it answered what it was not asked");
        LauncherError::Gone
    }

    pub(super) async fn admit(
        &self,
        manifest: Digest,
        classes: BTreeMap<ClassId, ClassSpec>,
    ) -> Result<Vec<MountWarning>, LauncherError> {
        let ask = Ask::Admit { manifest: manifest.clone(), classes: classes.clone() };
        match self.ask(ask).await?.reply {
            Reply::Admitted(warnings) => {
                self.admitted.admit(manifest, classes);
                Ok(warnings)
            }
            _ => Err(self.garbage()),
        }
    }

    pub(super) async fn seal(&self) -> Result<(), LauncherError> {
        self.done(Ask::Seal).await
    }

    pub(super) async fn create(self: &Arc<Self>, message: Create) -> Result<Created, LauncherError> {
        let (launcher, class) = (Arc::clone(self), message.class.clone());
        // Asked to its end whether or not the caller still waits: what was made has to be known, to be ended.
        let (created, unclaimed) = self
            .apart(async move {
                let Answer { reply: Reply::Created { created, posture }, .. } =
                    launcher.ask(Ask::Create(message)).await?
                else {
                    return Err(launcher.garbage());
                };
                let known = Known { posture: posture.map(|posture| Arc::new(*posture)) };
                launcher.wards.add(created.container.clone(), class, super::engine::now().as_secs(), known);
                let unclaimed = Unclaimed::of(&launcher, &created.container);
                Ok((created, unclaimed))
            })
            .await?;
        unclaimed.keep();
        Ok(created)
    }

    pub(super) async fn attach(self: &Arc<Self>, name: &ContainerName) -> Result<Parts, LauncherError> {
        let (launcher, name) = (Arc::clone(self), name.clone());
        let (parts, unclaimed) = self
            .apart(async move {
                let exit = match launcher.wards.claim(&name) {
                    Claim::Yours(exit) => exit,
                    Claim::Taken => return Err(LauncherError::Attached(name)),
                    Claim::Unknown => return Err(LauncherError::UnknownContainer(name)),
                };
                let unclaimed = Unclaimed::of(&launcher, &name);
                let answer = launcher.ask(Ask::Attach(name.clone())).await?;
                let Reply::Attached { frames } = answer.reply else { return Err(launcher.garbage()) };
                let handed = launcher.handed(&name, frames, answer);
                let (frames, relay) = handed.map_err(|error| {
                    launcher.connection.fail(&format!("it handed over what is no stream: {error}"));
                    LauncherError::Gone
                })?;
                let (from, to) = relay.into_split();
                Ok((Parts { frames, pieces: relay::pieces(from), input: Box::new(to), exit }, unclaimed))
            })
            .await?;
        unclaimed.keep();
        Ok(parts)
    }

    /// What came with an answer: FIFOs, if the container has some, and the relay.
    fn handed(
        &self,
        name: &ContainerName,
        frames: bool,
        answer: Answer,
    ) -> std::io::Result<(Option<Frames>, UnixStream)> {
        let odd = || std::io::Error::other("other descriptors than it said");
        let mut descriptors = answer.descriptors.into_iter();
        let mut next = || descriptors.next().ok_or_else(odd);
        let frames = if frames {
            let under = self.posture(name).and_then(|posture| posture.frames).ok_or_else(odd)?;
            let (to, from) = (next()?, next()?);
            Some(Frames::handed(to, from, under.as_ref(), name)?)
        } else {
            None
        };
        let relay = std::os::unix::net::UnixStream::from(next()?);
        // Before anything relies on it: a descriptor of another kind has no peer.
        relay.peer_addr()?;
        relay.set_nonblocking(true)?;
        Ok((frames, UnixStream::from_std(relay)?))
    }

    /// Runs to its end whether or not the caller still waits.
    async fn apart<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, LauncherError>> + Send + 'static,
    ) -> Result<T, LauncherError> {
        let (answer, answered) = tokio::sync::oneshot::channel();
        self.runtime.spawn(async move {
            // An answer that nobody takes is dropped, and with it what it holds.
            let _ = answer.send(work.await);
        });
        answered.await.map_err(|_| LauncherError::ShutDown)?
    }

    pub(super) async fn kill(&self, name: &ContainerName) -> Result<(), LauncherError> {
        self.done(Ask::Kill(name.clone())).await?;
        self.wards.happened(name, EventKind::Removed);
        Ok(())
    }

    pub(super) async fn list(&self) -> Result<Vec<Listed>, LauncherError> {
        match self.ask(Ask::List).await?.reply {
            Reply::Listed(listed) => Ok(listed),
            _ => Err(self.garbage()),
        }
    }

    pub(super) async fn inspect(&self, name: &ContainerName) -> Result<Inspected, LauncherError> {
        match self.ask(Ask::Inspect(name.clone())).await?.reply {
            Reply::Inspected(inspected) => Ok(inspected),
            _ => Err(self.garbage()),
        }
    }

    pub(super) async fn stands(&self, name: &ContainerName, manifest: &Digest) -> Result<bool, LauncherError> {
        match self.ask(Ask::Stands { container: name.clone(), manifest: manifest.clone() }).await?.reply {
            Reply::Stands(stands) => Ok(stands),
            _ => Err(self.garbage()),
        }
    }

    pub(super) async fn differences(&self, name: &ContainerName) -> Result<Vec<String>, LauncherError> {
        match self.ask(Ask::Differences(name.clone())).await?.reply {
            Reply::Differences(differences) => Ok(differences),
            _ => Err(self.garbage()),
        }
    }

    pub(super) async fn remove_leftovers(&self, patience: Duration) -> Result<Leftovers, LauncherError> {
        let patience_ms = u64::try_from(patience.as_millis()).unwrap_or(u64::MAX);
        match self.ask(Ask::RemoveLeftovers { patience_ms }).await?.reply {
            Reply::Leftovers { removed, left } => {
                let left = left.into_iter().map(|(name, fault)| (name, fault.into())).collect();
                Ok(Leftovers { removed, left })
            }
            _ => Err(self.garbage()),
        }
    }

    pub(super) fn events(&self) -> broadcast::Receiver<Event> {
        self.wards.subscribe()
    }

    pub(super) fn posture(&self, name: &ContainerName) -> Option<Posture> {
        self.wards.lock().get(name).and_then(|ward| ward.more.posture.as_deref().cloned())
    }

    pub(super) fn mount_points(&self, manifest: &Digest, class: &ClassId) -> BTreeMap<MountName, PathBuf> {
        let Ok(spec) = self.admitted.class(manifest, class) else { return BTreeMap::new() };
        spec.mount_points()
    }
}
