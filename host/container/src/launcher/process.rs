//! The same six messages with child processes instead of containers: **wall 2 is off**. For authors, who
//! try a component before there is an image; the runner is told, and says so in its hello.

use super::LauncherError;
use super::admitted::Admitted;
use super::attached::{Parts, Piece};
use super::engine::{now, random_hex};
use super::ward::{Claim, Wards};
use crate::class::{ClassSpec, Program};
use crate::message::{ContainerName, Create, Created, Event, EventKind, Inspected, Listed};
use crate::mounts::{self, Forbidden, MountWarning};
use crate::posture::digest_of;
use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt as _, TryStreamExt as _};
use manifest::{ClassId, Digest, MountName};
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::sync::{Notify, broadcast, watch};
use tokio::task::JoinSet;

/// Read at once.
const CHUNK_BYTES: usize = 16 << 10;

/// What a launcher without containers is built with.
#[derive(Debug, Clone)]
pub struct ProcessConfig {
    /// The runner program.
    pub runner: PathBuf,
    /// The compile program.
    pub compile: PathBuf,
    /// The public key that runners verify tickets with, as text.
    pub hub_key: String,
    /// Where no mount may be.
    pub forbidden: Vec<PathBuf>,
}

#[derive(Debug)]
struct Slot {
    pid: Option<u32>,
    /// Tells the task that owns the process to kill it.
    kill: Arc<Notify>,
    /// Turns true, or closes, when the process is gone.
    gone: watch::Receiver<bool>,
    told_gone: Option<watch::Sender<bool>>,
    manifest: Digest,
    spec: Arc<ClassSpec>,
}

/// A launcher without an engine.
#[derive(Debug)]
pub(super) struct ProcessLauncher {
    config: ProcessConfig,
    posture: Digest,
    wards: Arc<Wards<Slot>>,
    /// Sizes mean nothing without a container.
    admitted: Admitted,
    forbidden: Forbidden,
    /// Each owns a process; dropped with the launcher, they kill theirs.
    owners: Mutex<JoinSet<()>>,
}

impl ProcessLauncher {
    pub(super) fn new(config: ProcessConfig) -> Result<Arc<Self>, LauncherError> {
        for path in [&config.runner, &config.compile] {
            if let Err(source) = path.metadata() {
                return Err(LauncherError::Program { path: path.clone(), source });
            }
        }
        let forbidden = Forbidden::with(config.forbidden.iter().cloned());
        let posture = digest_of(b"no container");
        let (admitted, owners) = (Admitted::default(), Mutex::default());
        Ok(Arc::new(Self { config, posture, wards: Arc::new(Wards::new()), admitted, forbidden, owners }))
    }

    pub(super) fn admit(
        &self,
        manifest: Digest,
        mut classes: BTreeMap<ClassId, ClassSpec>,
    ) -> Result<Vec<MountWarning>, LauncherError> {
        let mut warnings = Vec::new();
        for class in classes.values_mut() {
            let (checked, warned) = mounts::check(&class.mounts, &self.forbidden, &[])?;
            for (mount, checked) in class.mounts.iter_mut().zip(checked) {
                mount.source = checked.source;
            }
            warnings.extend(warned);
        }
        self.admitted.admit(manifest, classes);
        Ok(warnings)
    }

    /// Nothing is held without a container, so only the manifest counts.
    pub(super) fn stands(&self, name: &ContainerName, manifest: &Digest) -> bool {
        self.wards.lock().get(name).is_some_and(|ward| ward.more.manifest == *manifest)
    }

    pub(super) fn create(&self, message: Create) -> Result<Created, LauncherError> {
        let Create { manifest, class } = message;
        let spec = self.admitted.class(&manifest, &class)?;
        let container = ContainerName(format!("safeclaw-process-{}", random_hex()?));
        let (told_gone, gone) = watch::channel(false);
        let slot = Slot { pid: None, kill: Arc::default(), gone, told_gone: Some(told_gone), manifest, spec };
        self.wards.add(container.clone(), class, now().as_secs(), slot);
        Ok(Created { container, posture: self.posture.clone() })
    }

    pub(super) fn attach(&self, name: &ContainerName) -> Result<Parts, LauncherError> {
        let exit = match self.wards.claim(name) {
            Claim::Yours(exit) => exit,
            Claim::Taken => return Err(LauncherError::Attached(name.clone())),
            Claim::Unknown => return Err(LauncherError::UnknownContainer(name.clone())),
        };
        let unknown = || LauncherError::UnknownContainer(name.clone());
        let spec = self.wards.lock().get(name).map(|ward| Arc::clone(&ward.more.spec)).ok_or_else(unknown)?;
        let (path, mut command) = self.command(&spec, name);
        let failed = |source| {
            self.wards.happened(name, EventKind::Removed);
            LauncherError::Program { path: path.clone(), source }
        };
        let mut child = command.spawn().map_err(failed)?;
        let (Some(input), Some(output), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(failed(std::io::Error::other("a pipe is missing")));
        };
        let (kill, told_gone) = {
            let mut alive = self.wards.lock();
            let slot = &mut alive.get_mut(name).ok_or_else(unknown)?.more;
            slot.pid = child.id();
            (Arc::clone(&slot.kill), slot.told_gone.take())
        };
        self.wards.happened(name, EventKind::Started);
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        while owners.try_join_next().is_some() {}
        owners.spawn(own(child, kill, Arc::clone(&self.wards), name.clone(), told_gone));
        // One after the other: the end is told when both have ended.
        let pieces = stream::select(read(output).map_ok(Piece::Output), read(stderr).map_ok(Piece::Diagnostics));
        Ok(Parts { frames: None, pieces: pieces.boxed(), input: Box::new(input), exit })
    }

    fn command(&self, spec: &ClassSpec, name: &ContainerName) -> (PathBuf, Command) {
        let path = match spec.program {
            Program::Runner => &self.config.runner,
            Program::Compile => &self.config.compile,
        };
        let mut command = Command::new(path);
        if spec.program == Program::Runner {
            command.args(["--hub-key", &self.config.hub_key, "--container", &name.0]);
            command.args(["--posture", self.posture.as_str(), "--no-container"]);
            if let Some(artefacts) = &spec.artefacts {
                command.arg("--artefacts").arg(artefacts);
            }
            for mount in &spec.mounts {
                command.arg("--mounts").arg(&mount.source);
            }
        }
        // No secret of the author's shell gets in, as none gets into a container.
        command.env_clear().current_dir("/").kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        (path.clone(), command)
    }

    pub(super) async fn kill(&self, name: &ContainerName) -> Result<(), LauncherError> {
        let slot = {
            let alive = self.wards.lock();
            alive
                .get(name)
                .map(|ward| (ward.more.told_gone.is_none(), Arc::clone(&ward.more.kill), ward.more.gone.clone()))
        };
        let Some((attached, kill, mut gone)) = slot else { return Ok(()) };
        if attached {
            kill.notify_one();
            // An error means that the owner is gone, and its process with it.
            let _ = gone.wait_for(|gone| *gone).await;
        }
        self.wards.happened(name, EventKind::Removed);
        Ok(())
    }

    pub(super) fn count(&self) -> usize {
        self.wards.lock().len()
    }

    /// Kills all, and waits.
    pub(super) async fn end_all(&self) -> usize {
        let names: Vec<_> = self.wards.lock().keys().cloned().collect();
        for name in names {
            // A process that is gone is no error.
            let _ = self.kill(&name).await;
        }
        self.wards.lock().len()
    }

    pub(super) fn list(&self) -> Vec<Listed> {
        let alive: Vec<_> =
            self.wards.lock().iter().map(|(n, w)| (n.clone(), w.class.clone(), w.created_unix_s)).collect();
        alive
            .into_iter()
            .map(|(container, class, created)| Listed {
                running: self.wards.is_running(&container),
                container,
                class,
                created,
            })
            .collect()
    }

    pub(super) fn inspect(&self, name: &ContainerName) -> Result<Inspected, LauncherError> {
        match self.wards.lock().get(name) {
            Some(ward) => Ok(Inspected { container: name.clone(), pid: ward.more.pid, exit_code: None }),
            None => Err(LauncherError::UnknownContainer(name.clone())),
        }
    }

    pub(super) fn events(&self) -> broadcast::Receiver<Event> {
        self.wards.subscribe()
    }

    pub(super) fn mount_points(&self, manifest: &Digest, class: &ClassId) -> BTreeMap<MountName, PathBuf> {
        let Ok(spec) = self.admitted.class(manifest, class) else { return BTreeMap::new() };
        spec.mounts.iter().map(|mount| (mount.name.clone(), mount.source.clone())).collect()
    }
}

/// Waits for a process, or kills it, and tells.
async fn own(
    mut child: Child,
    kill: Arc<Notify>,
    wards: Arc<Wards<Slot>>,
    name: ContainerName,
    told_gone: Option<watch::Sender<bool>>,
) {
    let status = tokio::select! {
        status = child.wait() => status,
        () = kill.notified() => match child.start_kill() {
            Ok(()) => child.wait().await,
            Err(error) => Err(error),
        },
    };
    wards.happened(&name, EventKind::Died(status.map_or(-1, exit_code)));
    wards.happened(&name, EventKind::Removed);
    if let Some(told_gone) = told_gone {
        // Nobody may be waiting.
        let _ = told_gone.send(true);
    }
}

/// As a shell counts: 128 and the signal.
fn exit_code(status: std::process::ExitStatus) -> i64 {
    use std::os::unix::process::ExitStatusExt as _;
    i64::from(status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default()))
}

/// What comes out of a pipe, as it comes.
fn read(from: impl AsyncRead + Send + Unpin + 'static) -> BoxStream<'static, io::Result<Bytes>> {
    let next = |mut from| async move {
        let mut bytes = BytesMut::with_capacity(CHUNK_BYTES);
        match AsyncReadExt::read_buf(&mut from, &mut bytes).await {
            Ok(0) => Ok(None),
            Ok(_) => Ok(Some((bytes.freeze(), from))),
            Err(error) => Err(error),
        }
    };
    stream::try_unfold(from, next).boxed()
}
