//! The six messages, over a container engine's socket.

mod connect;
mod end;
mod events;
mod leftovers;
mod live;
mod own;
mod readback;
mod runtimes;
mod survivors;

pub use connect::{default_socket, load_image};
pub use live::{Live, live};

use super::admitted::Admitted;
use super::attached::{Parts, Piece};
use super::frames::Frames;
use super::ward::{Claim, Ward, Wards};
use super::{LauncherConfig, LauncherError};
use crate::class::ClassSpec;
use crate::image::ImageId;
use crate::message::{ContainerName, Create, Created, Event, HubId, Inspected, Listed};
use crate::mounts::{self, CheckedMount, Footing, Forbidden, MountWarning};
use crate::posture::{Birth, LABEL_CLASS, LABEL_CREATED, LABEL_HUB, Posture, PostureInputs, render, to_body};
use bollard::Docker;
use bollard::container::LogOutput;
use bollard::models::{ContainerInspectResponse, ContainerStateStatusEnum, ContainerSummaryStateEnum, Runtime};
use bollard::query_parameters as query;
use connect::{asked, found};
use futures_util::StreamExt as _;
use leftovers::UnderWay;
use manifest::{ClassId, Digest, MountName};
use own::Own;
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::runtime::Handle;
use tokio::sync::{broadcast, oneshot};
use tokio::task::AbortHandle;

/// What the launcher knows of a container beyond its name.
#[derive(Debug)]
struct Known {
    /// The engine's id: a name could be given to another container.
    id: String,
    /// Under which manifest it was made.
    manifest: Digest,
    posture: Arc<Posture>,
    /// What its mounts stood on when it was made.
    footing: Arc<Footing>,
    /// Our ends of its FIFOs, until they are somebody's.
    frames: Option<Frames>,
    /// It should be gone, and the engine did not remove it.
    lingers: bool,
}

/// A launcher with an engine.
#[derive(Debug)]
pub(super) struct EngineLauncher {
    docker: Docker,
    hub_id: HubId,
    hub_key: String,
    image: ImageId,
    admitted: Admitted,
    /// Where the engine has this process.
    own: Own,
    /// What the engine can run containers with.
    runtimes: Option<HashMap<String, Runtime>>,
    forbidden: Forbidden,
    protected: Vec<String>,
    wards: Arc<Wards<Known>>,
    under_way: UnderWay,
    runtime: Handle,
    pump: AbortHandle,
}

impl Drop for EngineLauncher {
    fn drop(&mut self) {
        self.pump.abort();
    }
}

/// A container that nobody has been told of yet: dropped, it is removed. So a caller that goes away in the
/// middle of a start leaves nothing.
struct Unclaimed {
    launcher: Arc<EngineLauncher>,
    name: Option<ContainerName>,
}

impl Unclaimed {
    fn keep(mut self) {
        self.name = None;
    }
}

impl Drop for Unclaimed {
    fn drop(&mut self) {
        if let Some(name) = self.name.take() {
            let launcher = Arc::clone(&self.launcher);
            self.launcher.runtime.spawn(async move {
                if let Err(error) = launcher.end(&name).await {
                    tracing::warn!(container = %name, %error, "could not remove a container that nobody waits for");
                }
            });
        }
    }
}

impl EngineLauncher {
    pub(super) async fn connect(config: LauncherConfig) -> Result<Arc<Self>, LauncherError> {
        let LauncherConfig { hub_id, socket, image, hub_key, protected, forbidden } = config;
        if !((1..=32).contains(&hub_id.0.len())
            && hub_id.0.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()))
        {
            return Err(LauncherError::HubId(hub_id.0));
        }
        let engine = connect::connect(&socket).await?;
        connect::require_image(&engine.docker, &image).await?;
        let own = Own::find(&engine.docker).await?;
        let forbidden = Forbidden::with(forbidden.into_iter().chain([socket]).chain(engine.data));
        let wards = Arc::new(Wards::new());
        let pump =
            tokio::spawn(events::pump(engine.docker.clone(), hub_id.clone(), Arc::clone(&wards), now())).abort_handle();
        let docker = engine.docker;
        let runtime = Handle::current();
        Ok(Arc::new(Self {
            docker,
            hub_id,
            hub_key,
            image,
            admitted: Admitted::default(),
            own,
            runtimes: engine.runtimes,
            forbidden,
            protected,
            wards,
            under_way: UnderWay::default(),
            runtime,
            pump,
        }))
    }

    pub(super) async fn admit(
        &self,
        manifest: Digest,
        classes: BTreeMap<ClassId, ClassSpec>,
    ) -> Result<Vec<MountWarning>, LauncherError> {
        runtimes::require(&classes, self.runtimes.as_ref())?;
        self.own.sees_alike(&classes)?;
        let (forbidden, protected) = (self.forbidden.clone(), self.protected.clone());
        let look = move || {
            let mut warnings = Vec::new();
            for class in classes.values() {
                for warning in mounts::check(&class.mounts, &forbidden, &protected)?.1 {
                    if !warnings.contains(&warning) {
                        warnings.push(warning);
                    }
                }
            }
            Ok::<_, LauncherError>((classes, warnings))
        };
        let looked = tokio::task::spawn_blocking(look).await.map_err(|_| LauncherError::ShutDown)?;
        let (classes, warnings) = looked?;
        self.admitted.admit(manifest, classes);
        Ok(warnings)
    }

    pub(super) async fn create(self: &Arc<Self>, message: Create) -> Result<Created, LauncherError> {
        let (created, unclaimed) = self.apart(Self::make(Arc::clone(self), message)).await?;
        unclaimed.keep();
        Ok(created)
    }

    pub(super) async fn attach(self: &Arc<Self>, name: &ContainerName) -> Result<Parts, LauncherError> {
        let (parts, unclaimed) = self.apart(Self::start(Arc::clone(self), name.clone())).await?;
        unclaimed.keep();
        Ok(parts)
    }

    /// Runs to its end whether or not the caller still waits: half a request to the engine is worse than one
    /// that is undone.
    async fn apart<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, LauncherError>> + Send + 'static,
    ) -> Result<T, LauncherError> {
        let (answer, answered) = oneshot::channel();
        self.runtime.spawn(async move {
            // An answer that nobody takes is dropped, and with it what it holds.
            let _ = answer.send(work.await);
        });
        answered.await.map_err(|_| LauncherError::ShutDown)?
    }

    async fn make(self: Arc<Self>, message: Create) -> Result<(Created, Unclaimed), LauncherError> {
        let Create { manifest, class } = message;
        let spec = self.admitted.class(&manifest, &class)?;
        let (mounts, footing) = self.mounts_now(&spec).await?;
        let posture = render(
            &spec,
            &PostureInputs {
                hub_id: &self.hub_id,
                hub_key: &self.hub_key,
                image: &self.image,
                class: &class,
                mounts: &mounts,
            },
        );
        let container = self.new_name()?;
        // Before the engine hears of it: from here on it is nobody's leftover.
        let _making = self.under_way.make(&container);
        let frames = posture.frames.as_ref().map(|under| Frames::make(under.as_ref(), &container));
        let frames = frames.transpose().map_err(LauncherError::Frames)?;
        let created_unix_s = now().as_secs();
        let body = to_body(&posture, &Birth { name: &container, created_unix_s });
        let unclaimed = Unclaimed { launcher: Arc::clone(&self), name: Some(container.clone()) };
        let named = query::CreateContainerOptionsBuilder::default().name(&container.0).build();
        let response = asked("create a container", self.docker.create_container(Some(named), body)).await?;
        let digest = posture.digest();
        let known = Known {
            id: response.id,
            manifest,
            posture: Arc::new(posture),
            footing: Arc::new(footing),
            frames,
            lingers: false,
        };
        self.wards.add(container.clone(), class, created_unix_s, known);
        if !response.warnings.is_empty() {
            // The engine warns when it discards a setting that the kernel cannot enforce.
            return Err(LauncherError::CannotEnforce(response.warnings.join("; ")));
        }
        Ok((Created { container, posture: digest }, unclaimed))
    }

    /// A class's mounts as a container made now would get them.
    async fn mounts_now(&self, spec: &ClassSpec) -> Result<(Vec<CheckedMount>, Footing), LauncherError> {
        let (requested, forbidden, protected) = (spec.mounts.clone(), self.forbidden.clone(), self.protected.clone());
        let look = move || {
            let (mounts, _) = mounts::check(&requested, &forbidden, &protected)?;
            let footing = Footing::of(&mounts).map_err(LauncherError::Footing)?;
            Ok((mounts, footing))
        };
        tokio::task::spawn_blocking(look).await.map_err(|_| LauncherError::ShutDown)?
    }

    pub(super) async fn stands(&self, name: &ContainerName, manifest: &Digest) -> Result<bool, LauncherError> {
        let under = |ward: &Ward<Known>| {
            (ward.more.manifest == *manifest).then(|| (ward.class.clone(), Arc::clone(&ward.more.footing)))
        };
        let known = self.wards.lock().get(name).and_then(under);
        let Some((class, then)) = known else { return Ok(false) };
        let spec = self.admitted.class(manifest, &class)?;
        if spec.mounts.is_empty() {
            return Ok(true);
        }
        let (_, now) = self.mounts_now(&spec).await?;
        Ok(now == *then)
    }

    async fn start(self: Arc<Self>, name: ContainerName) -> Result<(Parts, Unclaimed), LauncherError> {
        let exit = match self.wards.claim(&name) {
            Claim::Yours(exit) => exit,
            Claim::Taken => return Err(LauncherError::Attached(name)),
            Claim::Unknown => return Err(LauncherError::UnknownContainer(name)),
        };
        let unclaimed = Unclaimed { launcher: Arc::clone(&self), name: Some(name.clone()) };
        let id = self.id_of(&name).ok_or_else(|| LauncherError::UnknownContainer(name.clone()))?;
        let frames = self.wards.lock().get_mut(&name).and_then(|ward| ward.more.frames.take());
        let all =
            query::AttachContainerOptionsBuilder::default().stream(true).stdin(true).stdout(true).stderr(true).build();
        let streams = asked("attach to a container", self.docker.attach_container(&id, Some(all))).await?;
        asked("start a container", self.docker.start_container(&id, None)).await?;
        let pieces = streams.output.map(|piece| match piece {
            Ok(LogOutput::StdOut { message }) => Ok(Piece::Output(message)),
            Ok(LogOutput::StdErr { message }) => Ok(Piece::Diagnostics(message)),
            Ok(LogOutput::Console { .. } | LogOutput::StdIn { .. }) => Ok(Piece::Torn),
            Err(error) => Err(io::Error::other(error)),
        });
        let parts = Parts { frames, pieces: pieces.boxed(), input: Box::new(streams.input), exit };
        Ok((parts, unclaimed))
    }

    pub(super) async fn list(&self) -> Result<Vec<Listed>, LauncherError> {
        let of_this_hub = HashMap::from([("label", vec![format!("{LABEL_HUB}={}", self.hub_id.0)])]);
        let options = query::ListContainersOptionsBuilder::default().all(true).filters(&of_this_hub).build();
        let found = asked("list containers", self.docker.list_containers(Some(options))).await?;
        Ok(found
            .into_iter()
            .filter_map(|summary| {
                let labels = summary.labels.unwrap_or_default();
                let name = summary.names?.into_iter().next()?;
                Some(Listed {
                    container: ContainerName(name.trim_start_matches('/').to_owned()),
                    class: ClassId(labels.get(LABEL_CLASS).cloned().unwrap_or_default()),
                    created: labels.get(LABEL_CREATED).and_then(|text| text.parse().ok()).unwrap_or_default(),
                    running: summary.state == Some(ContainerSummaryStateEnum::RUNNING),
                })
            })
            .collect())
    }

    pub(super) async fn inspect(&self, name: &ContainerName) -> Result<Inspected, LauncherError> {
        let seen = self.look(name).await?.ok_or_else(|| LauncherError::UnknownContainer(name.clone()))?;
        let state = seen.state.unwrap_or_default();
        let ended = matches!(
            state.status,
            Some(
                ContainerStateStatusEnum::EXITED | ContainerStateStatusEnum::DEAD | ContainerStateStatusEnum::REMOVING
            )
        );
        Ok(Inspected { container: name.clone(), pid: pid(state.pid), exit_code: state.exit_code.filter(|_| ended) })
    }

    pub(super) async fn differences(&self, name: &ContainerName) -> Result<Vec<String>, LauncherError> {
        let seen = self.look(name).await?.ok_or_else(|| LauncherError::UnknownContainer(name.clone()))?;
        let known = self.wards.lock().get(name).map(|ward| (Arc::clone(&ward.more.posture), ward.created_unix_s));
        let (posture, created_unix_s) = known.ok_or_else(|| LauncherError::UnknownContainer(name.clone()))?;
        Ok(readback::differences(&to_body(&posture, &Birth { name, created_unix_s }), &seen))
    }

    /// A container of this hub, if the engine knows it.
    async fn look(&self, name: &ContainerName) -> Result<Option<ContainerInspectResponse>, LauncherError> {
        let id = self.id_of(name).unwrap_or_else(|| name.0.clone());
        let seen = found("inspect a container", self.docker.inspect_container(&id, None)).await?;
        let hub = seen.as_ref().and_then(|seen| seen.config.as_ref()?.labels.as_ref()?.get(LABEL_HUB));
        if seen.is_some() && hub != Some(&self.hub_id.0) {
            return Err(LauncherError::UnknownContainer(name.clone()));
        }
        Ok(seen)
    }

    pub(super) fn count(&self) -> usize {
        self.wards.lock().len()
    }

    pub(super) fn events(&self) -> broadcast::Receiver<Event> {
        self.wards.subscribe()
    }

    pub(super) fn posture(&self, name: &ContainerName) -> Option<Posture> {
        self.wards.lock().get(name).map(|ward| Posture::clone(&ward.more.posture))
    }

    pub(super) fn mount_points(&self, manifest: &Digest, class: &ClassId) -> BTreeMap<MountName, PathBuf> {
        let Ok(spec) = self.admitted.class(manifest, class) else { return BTreeMap::new() };
        spec.mount_points()
    }

    fn id_of(&self, name: &ContainerName) -> Option<String> {
        self.wards.lock().get(name).map(|ward| ward.more.id.clone())
    }

    fn new_name(&self) -> Result<ContainerName, LauncherError> {
        Ok(ContainerName(format!("safeclaw-{}-{}", self.hub_id.0, random_hex()?)))
    }
}

/// 64 random bits, so that nobody else's container has the name.
pub(super) fn random_hex() -> Result<String, LauncherError> {
    let mut bytes = [0_u8; 8];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())
        .map_err(|error| LauncherError::Random(error.into()))?;
    Ok(hex::encode(bytes))
}

pub(super) fn now() -> std::time::Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn pid(reported: Option<i64>) -> Option<u32> {
    reported.and_then(|pid| u32::try_from(pid).ok()).filter(|pid| *pid > 0)
}
