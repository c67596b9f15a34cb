//! Components: parsed and compiled in one container, asked for their tools in another, and from then on known
//! by digests that the hub computed itself.

mod compile;
mod describe;
mod shelf;
mod tools;

pub(crate) use shelf::Shelf;

use crate::api::{RegisterError, Registration};
use crate::audit::{Audit, Entry};
use crate::catalogue;
use crate::launch::Starter;
use crate::tickets::Tickets;
use manifest::{ClassId, ComponentName, Digest, Manifest};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// The largest component. Bounds what the compile container is fed.
const MAX_COMPONENT_BYTES: u64 = 64 << 20;

/// Registers components, one at a time: compiling takes both processors.
pub(crate) struct Registrar {
    pub(crate) manifest: Arc<Manifest>,
    pub(crate) shelf: Arc<Shelf>,
    pub(crate) audit: Audit,
    pub(crate) starter: Starter,
    pub(crate) tickets: Arc<Tickets>,
    pub(crate) made_with: String,
    pub(crate) turn: Semaphore,
}

/// The class of the one-shot container that compiles.
pub(crate) fn compile_class() -> ClassId {
    ClassId("compile".into())
}

/// The class of the one-shot runner that is asked for tools: no mount, and a ticket that grants nothing.
pub(crate) fn describe_class() -> ClassId {
    ClassId("describe".into())
}

impl Registrar {
    /// Compiles, asks, checks and stores.
    pub(crate) async fn register(
        &self,
        name: &ComponentName,
        wasm: Arc<Vec<u8>>,
    ) -> Result<Registration, RegisterError> {
        let bytes = wasm.len() as u64;
        if bytes > MAX_COMPONENT_BYTES {
            return Err(RegisterError::TooLarge { bytes, most: MAX_COMPONENT_BYTES });
        }
        let component = Digest::of(&wasm);
        let pin = self.manifest.components.get(name).and_then(|known| known.digest.clone());
        if let Some(pinned) = pin.filter(|pin| *pin != component) {
            return Err(RegisterError::Digest { name: name.clone(), pinned, found: component });
        }
        // Closed only when the hub stops.
        let _turn = self.turn.acquire().await.map_err(|_| RegisterError::Draining)?;
        let trap_imports = catalogue::trap_imports(&self.manifest, name);
        let compiled = compile::compile(&self.starter, wasm.clone(), &trap_imports).await?;
        let mut registration = Registration {
            name: name.clone(),
            component,
            component_bytes: bytes,
            artefact: Digest::of(&compiled.artefact),
            artefact_bytes: compiled.artefact.len() as u64,
            compatibility: compiled.compatibility,
            imports: compiled.imports,
            trap_imports,
            tools: Vec::new(),
            made_with: self.made_with.clone(),
            registered: jiff::Timestamp::now().to_string(),
        };
        let artefact = self.shelf.store_artefact(&registration.artefact, compiled.artefact).await?;
        let described = describe::describe(&self.starter, &self.tickets, &registration).await?;
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

    /// Compiles and asks again what other programs, or another manifest, made of a stored component.
    pub(crate) async fn refresh(&self, registration: Registration) -> Result<Registration, RegisterError> {
        let name = &registration.name;
        let same_traps = catalogue::trap_imports(&self.manifest, name) == registration.trap_imports;
        if registration.made_with == self.made_with && same_traps && self.shelf.has_artefact(&registration) {
            return Ok(registration);
        }
        tracing::info!(component = %name, "compiling anew: it was made by other programs, or its artefact is missing");
        let wasm = self.shelf.wasm(&registration.component).await?;
        self.register(name, Arc::new(wasm)).await
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::data::DataDir;
    use crate::testing::{manifest, registration};
    use container::{Launcher, ProcessConfig};
    use protocol::HubKey;
    use std::path::Path;
    use tokio_util::task::TaskTracker;

    fn registrar(data: &DataDir, audit: &Path) -> Registrar {
        let manifest = Arc::new(manifest([]));
        let program = std::path::PathBuf::from("/proc/self/exe");
        let processes = ProcessConfig {
            runner: program.clone(),
            compile: program,
            hub_key: String::new(),
            classes: Default::default(),
            forbidden: Vec::new(),
        };
        let audit = Audit::open(audit).unwrap();
        Registrar {
            shelf: Arc::new(Shelf::new(data)),
            starter: Starter::new(Launcher::processes(processes).unwrap(), TaskTracker::new(), audit.clone()),
            tickets: Arc::new(Tickets {
                key: HubKey::from_seed(&[9; 32]),
                hub: "test".into(),
                manifest: manifest.digest(),
            }),
            audit,
            manifest,
            made_with: "tests".into(),
            turn: Semaphore::new(1),
        }
    }

    #[tokio::test]
    async fn what_cannot_be_recorded_is_not_kept() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::open(dir.path()).unwrap();
        let full = registrar(&data, Path::new("/dev/full"));
        let refused = full.keep(&registration(&["read"]), Arc::new(b"wasm".to_vec())).await;
        assert!(
            matches!(&refused, Err(RegisterError::Io { path, .. }) if path == Path::new("/dev/full")),
            "{refused:?}"
        );
        assert!(full.shelf.registrations().unwrap().is_empty());
        assert_eq!(data.components().read_dir().unwrap().count(), 0);
    }

    #[tokio::test]
    async fn what_is_kept_is_recorded_first() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::open(dir.path()).unwrap();
        let registrar = registrar(&data, &data.audit());
        let ours = registration(&["read"]);
        // Nothing can be stored any more, and yet it is written down: so the record came first.
        std::fs::remove_dir(data.components()).unwrap();
        assert!(registrar.keep(&ours, Arc::new(b"wasm".to_vec())).await.is_err());
        let log = std::fs::read_to_string(data.audit()).unwrap();
        assert!(log.contains("component_registered") && log.contains(ours.component.as_str()), "{log}");
    }
}
