//! Components: parsed and compiled in one container, asked for their tools in another, and from then on known
//! by digests that the hub computed itself.

mod compile;
mod describe;
mod seal;
mod shelf;
mod tools;

pub(crate) use seal::Sealer;
pub(crate) use shelf::Shelf;

use crate::api::{RegisterError, Registration, StartError};
use crate::audit::{Audit, Entry};
use crate::catalogue::Links;
use crate::clean;
use crate::force::InForce;
use crate::launch::Starter;
use crate::tickets::Tickets;
use manifest::{ClassId, ComponentName, Digest};
use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// The largest component. Bounds what the compile container is fed.
const MAX_COMPONENT_BYTES: u64 = 64 << 20;
/// The longest reason in the audit log. It can quote names that a component chose.
const REASON_BYTES: usize = 1 << 10;

/// Registers components, one at a time: compiling takes both processors.
pub(crate) struct Registrar {
    pub(crate) shelf: Arc<Shelf>,
    pub(crate) audit: Audit,
    pub(crate) starter: Starter,
    pub(crate) tickets: Arc<Tickets>,
    pub(crate) made_with: String,
    pub(crate) turn: Semaphore,
}

/// What is registered in a data directory, in name order, and what is wrong with a record that cannot be
/// believed. Needs no running hub and changes nothing.
///
/// # Errors
/// When the directory or its key cannot be read.
pub fn registered(data: &Path) -> Result<Vec<Recorded>, StartError> {
    Shelf::read_only(data)
}

/// A name for which there is a record, and what it says.
pub type Recorded = (ComponentName, Result<Registration, RegisterError>);

/// The class of the one-shot container that compiles.
pub(crate) fn compile_class() -> ClassId {
    ClassId("compile".into())
}

/// The class of the one-shot runner that is asked for tools: no mount, and a ticket that grants nothing.
pub(crate) fn describe_class() -> ClassId {
    ClassId("describe".into())
}

impl Registrar {
    /// Compiles, asks, checks and stores. What is refused is written down.
    pub(crate) async fn register(
        &self,
        force: &InForce,
        name: &ComponentName,
        wasm: Arc<Vec<u8>>,
    ) -> Result<Registration, RegisterError> {
        let component = Digest::of(&wasm);
        let registered = self.admit(force, name, &component, wasm).await;
        if let Err(error) = &registered {
            self.refused(name, Some(component), &chain(error)).await;
        }
        registered
    }

    /// Writes down that a component is not taken, or not offered.
    pub(crate) async fn refused(&self, name: &ComponentName, component: Option<Digest>, why: &str) {
        let reason = clean::line(why, REASON_BYTES);
        tracing::warn!(component = %name, reason, "a component is refused");
        let entry = Entry::ComponentRefused { name: name.clone(), component, reason };
        // It is refused either way; the log thread says that it cannot write.
        drop(self.audit.write(entry).await);
    }

    async fn admit(
        &self,
        force: &InForce,
        name: &ComponentName,
        component: &Digest,
        wasm: Arc<Vec<u8>>,
    ) -> Result<Registration, RegisterError> {
        let bytes = wasm.len() as u64;
        if bytes > MAX_COMPONENT_BYTES {
            return Err(RegisterError::TooLarge { bytes, most: MAX_COMPONENT_BYTES });
        }
        let pin = force.manifest.components.get(name).and_then(|known| known.digest.clone());
        if let Some(pinned) = pin.filter(|pin| pin != component) {
            return Err(RegisterError::Digest { name: name.clone(), pinned, found: component.clone() });
        }
        // Closed only when the hub stops.
        let _turn = self.turn.acquire().await.map_err(|_| RegisterError::Draining)?;
        let links = Links::granted(&force.manifest, name);
        let compiled = compile::compile(&self.starter, &force.admission, wasm.clone(), &links).await?;
        let mut registration = Registration {
            name: name.clone(),
            component: component.clone(),
            component_bytes: bytes,
            artefact: Digest::of(&compiled.artefact),
            artefact_bytes: compiled.artefact.len() as u64,
            compatibility: compiled.compatibility,
            imports: compiled.imports,
            trap_imports: links.traps,
            http: links.http,
            tools: Vec::new(),
            made_with: self.made_with.clone(),
            registered: jiff::Timestamp::now().to_string(),
        };
        let artefact = self.shelf.store_artefact(&registration.artefact, compiled.artefact).await?;
        let described = describe::describe(&self.starter, &self.tickets, force, &registration).await?;
        registration.tools = tools::check(described)?;
        self.keep(&registration, wasm).await?;
        artefact.keep();
        Ok(registration)
    }

    /// Writes it down, then makes it the one that counts: what the log does not know is never offered, not even
    /// by the next start.
    async fn keep(&self, registration: &Registration, wasm: Arc<Vec<u8>>) -> Result<(), RegisterError> {
        let recorded = Entry::ComponentRegistered {
            name: registration.name.clone(),
            component: registration.component.clone(),
            artefact: registration.artefact.clone(),
            tools: registration.tools.len(),
        };
        self.audit.write_durable(recorded).await.map_err(|error| RegisterError::Io {
            path: self.audit.path().to_owned(),
            source: std::io::Error::other(error),
        })?;
        self.shelf.store(registration, wasm).await
    }

    /// What is stored, if it still is what was registered; compiled and asked again where other programs, or
    /// another manifest, made it, or its artefact is gone. What was changed is not mended: whoever changed it
    /// would then never be noticed.
    pub(crate) async fn refresh(
        &self,
        force: &InForce,
        registration: Registration,
    ) -> Result<Registration, RegisterError> {
        let fresh = match self.is_fresh(force, &registration).await {
            Ok(fresh) => fresh,
            Err(error) => {
                self.refused(&registration.name, Some(registration.component), &chain(&error)).await;
                return Err(error);
            }
        };
        if fresh {
            return Ok(registration);
        }
        let name = &registration.name;
        tracing::info!(component = %name, "compiling anew: it was made by other programs, or its artefact is missing");
        let wasm = self.shelf.wasm(&registration.component).await?;
        self.register(force, name, Arc::new(wasm)).await
    }

    async fn is_fresh(&self, force: &InForce, registration: &Registration) -> Result<bool, RegisterError> {
        self.shelf.check_wasm(registration).await?;
        let same_links = Links::granted(&force.manifest, &registration.name) == Links::registered(registration);
        Ok(registration.made_with == self.made_with && same_links && self.shelf.has_artefact(registration).await?)
    }
}

/// An error and its causes.
pub(crate) fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::audit::Place;
    use crate::data::DataDir;
    use crate::testing::registration;
    use container::{Launcher, ProcessConfig};
    use protocol::HubKey;
    use tokio_util::task::TaskTracker;

    fn registrar(data: &DataDir, full: Option<&Path>) -> Registrar {
        let program = std::path::PathBuf::from("/proc/self/exe");
        let processes =
            ProcessConfig { runner: program.clone(), compile: program, hub_key: String::new(), forbidden: Vec::new() };
        let audit = Audit::open(Place::of(data), "test", None).unwrap();
        if let Some(full) = full {
            audit.divert(std::fs::File::options().append(true).open(full).unwrap());
        }
        Registrar {
            shelf: Arc::new(Shelf::new(data, Sealer::from_seed(&[9; 32]))),
            starter: Starter::new(Launcher::processes(processes).unwrap(), TaskTracker::new(), audit.clone()),
            tickets: Arc::new(Tickets {
                key: HubKey::from_seed(&[9; 32]),
                hub: "test".into(),
                epoch: crate::epoch::Epoch::open(data.root()).unwrap(),
            }),
            audit,
            made_with: "tests".into(),
            turn: Semaphore::new(1),
        }
    }

    #[tokio::test]
    async fn what_cannot_be_recorded_is_not_kept() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::open(dir.path()).unwrap();
        let full = registrar(&data, Some(Path::new("/dev/full")));
        let refused = full.keep(&registration(&["read"]), Arc::new(b"wasm".to_vec())).await;
        assert!(matches!(&refused, Err(RegisterError::Io { path, .. }) if *path == data.audit()), "{refused:?}");
        assert!(full.shelf.registrations().unwrap().is_empty());
        assert_eq!(data.components().read_dir().unwrap().count(), 0);
    }

    #[tokio::test]
    async fn what_is_kept_is_recorded_first() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::open(dir.path()).unwrap();
        let registrar = registrar(&data, None);
        let ours = registration(&["read"]);
        // Nothing can be stored any more, and yet it is written down: so the record came first.
        std::fs::remove_dir(data.components()).unwrap();
        assert!(registrar.keep(&ours, Arc::new(b"wasm".to_vec())).await.is_err());
        let log = std::fs::read_to_string(data.audit()).unwrap();
        assert!(log.contains("component_registered") && log.contains(ours.component.as_str()), "{log}");
    }
}
