//! From a configuration to a hub that can be called.

use super::doors::Certificates;
use super::flights::Flights;
use super::governing::{self, Governing};
use super::janitor::{self, Trouble};
use super::{Inner, upkeep};
use crate::api::{Governed, HubConfig, RegisterError, Registration, StartError, Wall2};
use crate::approvers::{Approvers, Nonce};
use crate::audit::{Audit, Entry, Place};
use crate::button::Leashes;
use crate::catalogue::pinned;
use crate::clean;
use crate::data::{self, DataDir};
use crate::egress::Outside;
use crate::epoch::Epoch;
use crate::escalation::{Clock, Desk};
use crate::force::InForce;
use crate::identity::Identity;
use crate::launch::Starter;
use crate::manifests::Ledger;
use crate::metrics::{Metrics, Parts};
use crate::pool::Pool;
use crate::registry::{self, Registrar, Sealer, Shelf, compile_class, describe_class};
use crate::session::{Denials, Sessions};
use crate::store::{Location, Store};
use crate::tickets::Tickets;
use crate::traces::Traces;
use crate::usage::Usage;
use ::egress::{Broker, Settings};
use arc_swap::ArcSwap;
use container::{ClassSpec, HubId, Launcher, LauncherConfig, LauncherError, MountSpec, ProcessConfig, Program, Size};
use manifest::{ClassId, ComponentName, Digest, Manifest, MountName, Runtime, protected_paths};
use protocol::HubKey;
use std::collections::BTreeMap;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long a data directory may still be held by a hub that is ending; a hub that runs holds it for ever.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);
const LOCK_RETRY: Duration = Duration::from_millis(20);

/// The longest reason in the audit log.
const REASON_BYTES: usize = 1 << 10;

/// Starts a hub.
pub(super) async fn start(config: HubConfig) -> Result<Arc<Inner>, StartError> {
    let data = Arc::new(open(&config.data).await?);
    let hub_id = data.hub_id()?;
    let seed = data.key_seed()?;
    let key = HubKey::from_seed(&seed);
    // Before the log, whose file says whether a hub has been here before.
    let epoch = Epoch::open(data.root())?;
    if let Some(stopped) = epoch.stopped() {
        tracing::warn!("{stopped}");
    }
    let audit = Audit::open(Place::of(&data), &hub_id, config.audit_heads.as_ref())?;
    let location = config.store.clone().unwrap_or_else(|| Location::within(data.root()));
    let store = Store::open(&location).await?;
    let usage = Usage::load(&store).await?;
    let nonce = Nonce::new().map_err(|error| StartError::Data {
        path: data.root().to_owned(),
        what: "make a nonce for",
        source: std::io::Error::other(error),
    })?;
    let identity = Identity::open(data.root(), location, config.identity.clone())?;
    let fixed = matches!(config.governed, Governed::Fixed { .. });
    let ledger = (!fixed).then(|| Ledger::new(store.clone(), &seed, data.root()));
    let shelf = Shelf::new(&data, Sealer::from_seed(&seed));
    let approvers = Approvers::new(store.approvers().await?);
    let governing = governing::find(config.governed.clone(), ledger.as_ref(), &shelf, &approvers, data.root()).await?;

    let private = config.private.iter().cloned().chain(governing.directory.clone()).collect();
    let launcher = launcher(&config, private, &hub_id, &key, &data).await?;
    let (governing, warnings) = governing::admit(&launcher, governing, fixed, data.root()).await?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    let Governing { force, refused, .. } = governing;
    audit.beside(neighbours(&audit, &force));
    // Before anybody is served: what takes this process over later starts only what manifests describe.
    launcher.seal().await?;
    let trouble = Arc::new(Trouble::default());
    janitor::begin(&launcher, &trouble).await?;

    let tickets = Arc::new(Tickets { key, hub: hub_id.clone(), epoch: epoch.clone() });
    let runners = TaskTracker::new();
    let starter = Starter::new(launcher, runners.clone(), audit.clone());
    let (made_with, wall2) = programs(&config.wall2)?;
    let registrar = Registrar {
        shelf: Arc::new(shelf),
        audit: audit.clone(),
        starter: starter.clone(),
        tickets: tickets.clone(),
        made_with,
        turn: Semaphore::new(1),
    };
    let started = Entry::HubStarted { hub: hub_id.clone(), manifest: force.digest.clone(), wall2 };
    let unwritten = |error: crate::audit::AuditError| StartError::Data {
        path: data.audit(),
        what: "write",
        source: std::io::Error::other(error),
    };
    audit.write_durable(started).await.map_err(unwritten)?;
    if let Some(reason) = refused {
        audit
            .write_durable(Entry::ManifestRefused { reason: clean::line(&reason, REASON_BYTES) })
            .await
            .map_err(unwritten)?;
    }
    let force = load(force, &registrar).await.map_err(|source| StartError::Data {
        path: data.components(),
        what: "read",
        source,
    })?;
    for problem in force.catalogue.problems.iter().chain(&force.problem) {
        tracing::warn!("{problem}");
    }

    let authorized = identity.sessions(jiff::Timestamp::now());
    let outside = Outside::load(&store, |session| authorized.contains(session)).await?;
    // Its own doors are kept out as they open.
    let broker = Settings::of(&config.egress, &[]).and_then(Broker::new).map_err(StartError::Egress)?;
    let desk = Desk::open(store.clone(), Clock::default(), epoch.now()).await?;
    let traces = Traces::default();
    let metrics = Metrics::new(&Parts::of(&audit, &starter, &traces));
    let hub = Arc::new(Inner {
        metrics,
        traces,
        pool: Pool::new(starter.clone(), force.admission.clone()),
        force: ArcSwap::from_pointee(force),
        sessions: Sessions::default(),
        usage,
        denied_tiers: config.denied_tiers,
        tickets,
        audit,
        denials: Denials::default(),
        refusals: Denials::default(),
        flights: Flights::default(),
        epoch,
        leashes: Leashes::default(),
        upkeep: upkeep::Alive::default(),
        desk,
        outside,
        broker,
        #[cfg(test)]
        double: None,
        ledger,
        approvers: ArcSwap::from_pointee(approvers),
        enrolling: tokio::sync::Mutex::new(nonce),
        store,
        applying: tokio::sync::Mutex::default(),
        telling: tokio::sync::Mutex::default(),
        wall2,
        hub_id,
        identity,
        egress: config.egress,
        local: Mutex::default(),
        registrar,
        pool_config: config.pool,
        starter,
        changes: watch::Sender::new(0),
        draining: false.into(),
        calls: TaskTracker::new(),
        tasks: Default::default(),
        runners,
        stop: CancellationToken::new(),
        trouble: trouble.clone(),
        certificates: Certificates::default(),
        #[cfg(test)]
        gate_is_open: false.into(),
        data: data.clone(),
    });
    hub.identity.keep_keys(&hub.stop);
    // What a hub that was killed had decided and not told.
    hub.tell().await;
    hub.tell_button().await;
    hub.want();
    hub.runners.spawn(hub.pool.clone().fill(hub.stop.clone()));
    let launcher = hub.starter.launcher().clone();
    tokio::spawn(janitor::run(launcher, trouble, Arc::downgrade(&data), hub.stop.clone()));
    upkeep::begin(&hub);
    tokio::spawn(super::usage::keep(Arc::downgrade(&hub)));
    Ok(hub)
}

/// Takes the data directory, waiting a moment for a hub that is just ending: a process which that one was
/// starting holds a copy of the lock until it has become another program.
async fn open(path: &Path) -> Result<DataDir, StartError> {
    let give_up = Instant::now() + LOCK_TIMEOUT;
    loop {
        match DataDir::open(path) {
            Err(StartError::Locked(_)) if Instant::now() < give_up => tokio::time::sleep(LOCK_RETRY).await,
            opened => return opened,
        }
    }
}

/// Every class of containers that a hub with this manifest and data directory can ever start. `sources` are the
/// directories of mounts that the operator named.
///
/// # Errors
/// A mount without a directory, or a directory without a mount.
pub fn classes(
    manifest: &Manifest,
    sources: &BTreeMap<MountName, PathBuf>,
    data: &Path,
) -> Result<BTreeMap<ClassId, ClassSpec>, StartError> {
    if let Some(unknown) = sources.keys().find(|name| !manifest.mounts.contains_key(*name)) {
        return Err(StartError::UnknownMount(unknown.clone()));
    }
    let (artefacts, frames) = (Some(data::artefacts(data)), Some(data::frames(data)));
    let mut classes = BTreeMap::from([
        (
            compile_class(),
            ClassSpec {
                program: Program::Compile,
                size: Size::Build,
                // It runs no tool's code, and wants the memory that a second kernel would take.
                runtime: Runtime::Runc,
                mounts: Vec::new(),
                artefacts: None,
                frames: None,
            },
        ),
        (
            describe_class(),
            ClassSpec {
                program: Program::Runner,
                size: Size::Small,
                runtime: manifest.strongest_runtime(),
                mounts: Vec::new(),
                artefacts: artefacts.clone(),
                frames: frames.clone(),
            },
        ),
    ]);
    for placement in manifest.placements().values() {
        let mounts = placement.mounts.iter().map(|(name, access)| {
            Ok(MountSpec { name: name.clone(), source: source(manifest, sources, name)?, access: *access })
        });
        let spec = ClassSpec {
            program: Program::Runner,
            size: placement.size.into(),
            runtime: placement.runtime,
            mounts: mounts.collect::<Result<_, StartError>>()?,
            artefacts: artefacts.clone(),
            frames: frames.clone(),
        };
        classes.insert(placement.class.clone(), spec);
    }
    Ok(classes)
}

/// Where a mount lies: the operator's word on the command line before the manifest's.
fn source(
    manifest: &Manifest,
    sources: &BTreeMap<MountName, PathBuf>,
    name: &MountName,
) -> Result<PathBuf, StartError> {
    let said = sources.get(name).cloned();
    let written = || manifest.mounts.get(name)?.source.as_ref().map(PathBuf::from);
    said.or_else(written).ok_or_else(|| StartError::MountWithoutSource(name.clone()))
}

async fn launcher(
    config: &HubConfig,
    private: Vec<PathBuf>,
    hub_id: &str,
    key: &HubKey,
    data: &DataDir,
) -> Result<Launcher, StartError> {
    let hub_key = key.public().to_string();
    let forbidden = std::iter::once(data.root().to_owned()).chain(private).collect();
    Ok(match &config.wall2 {
        Wall2::Engine { socket, image } => {
            let protected = protected_paths().into_iter().map(|protected| protected.path).collect();
            let (hub_id, socket, image) = (HubId(hub_id.to_owned()), socket.clone(), image.clone());
            let wanted = LauncherConfig { hub_id, socket, image, hub_key, protected, forbidden };
            Launcher::connect(wanted).await?
        }
        Wall2::Launcher { connection, .. } => {
            elsewhere(connection, HubId(hub_id.to_owned()), hub_key).await.map_err(StartError::Launcher)?
        }
        Wall2::Off { runner, compile } => {
            tracing::warn!("wall 2 is off: tools run in child processes of this hub, without a container");
            let (runner, compile) = (runner.clone(), compile.clone());
            Launcher::processes(ProcessConfig { runner, compile, hub_key, forbidden })?
        }
    })
}

/// A launcher in a process of its own.
async fn elsewhere(connection: &UnixStream, hub_id: HubId, hub_key: String) -> Result<Launcher, LauncherError> {
    let stream = connection.try_clone().and_then(|stream| {
        stream.set_nonblocking(true)?;
        tokio::net::UnixStream::from_std(stream)
    });
    Launcher::remote(stream.map_err(LauncherError::Connection)?, hub_id, hub_key).await
}

/// A launcher's refusal, with the lines of the manifest that it is about.
pub(super) fn named(error: LauncherError, manifest: &Manifest) -> StartError {
    let tier = manifest.tiers.values().find(|rules| rules.runtime == Runtime::Runsc).map(|rules| rules.tier);
    match (tier, error) {
        (Some(tier), source @ LauncherError::Runtime { .. }) => StartError::Runtime { tier, source },
        (_, error) => error.into(),
    }
}

/// What names the programs that compile and describe, and the word for wall 2.
fn programs(wall2: &Wall2) -> Result<(String, &'static str), StartError> {
    match wall2 {
        Wall2::Engine { image, .. } | Wall2::Launcher { image, .. } => Ok((image.to_string(), "engine")),
        Wall2::Off { runner, compile } => {
            let digest = |path: &Path| {
                let read = std::fs::read(path).map(|bytes| Digest::of(&bytes));
                read.map_err(|source| StartError::Data { path: path.to_owned(), what: "read", source })
            };
            Ok((format!("{} {}", digest(compile)?, digest(runner)?), "off"))
        }
    }
}

/// What is registered, made anew where other programs made it.
async fn load(force: InForce, registrar: &Registrar) -> std::io::Result<InForce> {
    let mut stored = BTreeMap::new();
    let mut components = BTreeMap::new();
    let mut faults: BTreeMap<ComponentName, String> = BTreeMap::new();
    let mut all_known = true;
    for (name, record) in registrar.shelf.registrations()? {
        let registration = match record {
            Ok(registration) => registration,
            Err(error) => {
                let fault = registry::chain(&error);
                registrar.refused(&name, None, &fault).await;
                faults.insert(name, fault);
                all_known = false;
                continue;
            }
        };
        stored.insert(name.clone(), Arc::new(registration.clone()));
        if let Err(fault) = pinned(&force.manifest, &registration) {
            registrar.refused(&name, Some(registration.component), &fault).await;
            faults.insert(name, fault);
            continue;
        }
        match refreshed(&force, registrar, registration).await {
            Ok(registration) => drop(components.insert(name, Arc::new(registration))),
            Err(error) => drop(faults.insert(name, registry::chain(&error))),
        }
    }
    // What could not be used this time may be the next time, so it is kept.
    stored.extend(components.iter().map(|(name, registration)| (name.clone(), registration.clone())));
    registrar.shelf.tidy(all_known.then_some(&stored))?;
    Ok(force.with(components, faults))
}

/// One that the manifest does not name is left as it is: nobody will call it.
async fn refreshed(
    force: &InForce,
    registrar: &Registrar,
    registration: Registration,
) -> Result<Registration, RegisterError> {
    if !force.manifest.components.contains_key(&registration.name) {
        return Ok(registration);
    }
    registrar.refresh(force, registration).await
}

/// Who else may fill the disk of the audit log, under a manifest.
pub(super) fn neighbours(audit: &Audit, force: &InForce) -> Vec<String> {
    let directories = force.directories();
    crate::audit::warnings(&force.manifest, |name| directories.get(name).cloned(), audit.path())
}
