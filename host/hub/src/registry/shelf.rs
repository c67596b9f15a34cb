//! Where components and their artefacts lie, and what was found out about them.

use super::MAX_COMPONENT_BYTES;
use crate::api::{RegisterError, Registration};
use crate::data::{DataDir, write_atomic};
use manifest::{ComponentName, Digest};
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// More than this is no registration of ours: 128 tools with two schemas each.
const MAX_REGISTRATION_BYTES: u64 = 24 << 20;

/// The two directories.
pub(crate) struct Shelf {
    components: PathBuf,
    artefacts: PathBuf,
}

impl Shelf {
    pub(crate) fn new(data: &DataDir) -> Self {
        Self { components: data.components(), artefacts: data.artefacts() }
    }

    /// What is registered, and what is wrong with a registration that cannot be used.
    pub(crate) fn registrations(&self) -> io::Result<Vec<(ComponentName, Result<Registration, String>)>> {
        let mut found = Vec::new();
        for entry in self.components.read_dir()? {
            let path = entry?.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".json")) else { continue };
            let Ok(name) = ComponentName::try_from(name) else { continue };
            let registration = read(&path, MAX_REGISTRATION_BYTES)
                .map_err(|error| error.to_string())
                .and_then(|bytes| serde_json::from_slice::<Registration>(&bytes).map_err(|error| error.to_string()))
                .map_err(|error| format!("its registration is damaged ({error}): register it again"))
                .and_then(|r| {
                    if r.name == name { Ok(r) } else { Err("its registration names another: register it again".into()) }
                });
            found.push((name, registration));
        }
        Ok(found)
    }

    /// Whether the artefact lies there with the right size; the runner that maps it checks its digest.
    pub(crate) fn has_artefact(&self, registration: &Registration) -> bool {
        let found = self.artefact_path(&registration.artefact).symlink_metadata();
        found.is_ok_and(|meta| meta.is_file() && meta.len() == registration.artefact_bytes)
    }

    /// A stored component, if it still is what its name says.
    pub(crate) async fn wasm(&self, component: &Digest) -> Result<Vec<u8>, RegisterError> {
        let path = self.wasm_path(component);
        let (wanted, at) = (component.clone(), path.clone());
        let bytes = blocking(move || {
            let bytes = read(&path, MAX_COMPONENT_BYTES)?;
            if Digest::of(&bytes) == wanted { Ok(bytes) } else { Err(io::Error::other("it is not what its name says")) }
        });
        bytes.await.map_err(|source| RegisterError::Io { path: at, source })
    }

    /// Puts an artefact where runners find it, for as long as its component may still be refused.
    pub(crate) async fn store_artefact(&self, artefact: &Digest, bytes: Vec<u8>) -> Result<Provisional, RegisterError> {
        let path = self.artefact_path(artefact);
        let at = path.clone();
        let written = blocking(move || {
            // One that is there already is another registration's.
            let ours = path.symlink_metadata().is_err();
            write_atomic(&path, &bytes, 0o444)?;
            // Made here, so that an artefact that nobody waits for any more goes as well.
            Ok(Provisional(ours.then_some(path)))
        });
        written.await.map_err(|source| RegisterError::Io { path: at, source })
    }

    /// Makes a registration the one that counts, last of all.
    pub(crate) async fn store(&self, registration: &Registration, wasm: Arc<Vec<u8>>) -> Result<(), RegisterError> {
        let json = self.components.join(format!("{}.json", registration.name));
        let text = serde_json::to_vec_pretty(registration)
            .map_err(|error| RegisterError::Io { path: json.clone(), source: error.into() })?;
        write(self.wasm_path(&registration.component), 0o400, wasm).await?;
        write(json, 0o600, Arc::new(text)).await
    }

    /// Removes artefacts and components that no registration names any more, and drafts of a hub that died.
    pub(crate) fn tidy(&self, registrations: &BTreeMap<ComponentName, Arc<Registration>>) -> io::Result<()> {
        let kept: Vec<_> = registrations
            .values()
            .flat_map(|r| [format!("{}.cwasm", r.artefact), format!("{}.wasm", r.component)])
            .collect();
        for directory in [&self.components, &self.artefacts] {
            for entry in directory.read_dir()? {
                let entry = entry?;
                let name = entry.file_name().to_string_lossy().into_owned();
                let ours = name.starts_with(".new-") || name.ends_with(".cwasm") || name.ends_with(".wasm");
                if ours && !kept.contains(&name) {
                    std::fs::remove_file(entry.path())?;
                }
            }
        }
        Ok(())
    }

    fn artefact_path(&self, artefact: &Digest) -> PathBuf {
        self.artefacts.join(format!("{artefact}.cwasm"))
    }

    fn wasm_path(&self, component: &Digest) -> PathBuf {
        self.components.join(format!("{component}.wasm"))
    }
}

/// An artefact that is stored. Dropped, this takes it away again: components that are refused must not fill
/// the disk.
#[must_use]
#[derive(Debug)]
pub(crate) struct Provisional(Option<PathBuf>);

impl Provisional {
    /// The artefact is registered now.
    pub(crate) fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Provisional {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            // What stays all the same goes when the hub starts next.
            drop(std::fs::remove_file(path));
        }
    }
}

fn read(path: &Path, most_bytes: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(most_bytes + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most_bytes { Err(io::Error::other("it is too large")) } else { Ok(bytes) }
}

async fn write(path: PathBuf, mode: u32, bytes: Arc<Vec<u8>>) -> Result<(), RegisterError> {
    let at = path.clone();
    let written = blocking(move || write_atomic(&path, &bytes, mode));
    written.await.map_err(|source| RegisterError::Io { path: at, source })
}

/// Off the threads that carry calls: a file of megabytes is written through to the disk here.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::testing::registration;

    #[tokio::test]
    async fn what_is_stored_is_found_and_what_is_damaged_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::open(dir.path()).unwrap();
        let shelf = Shelf::new(&data);
        let ours = registration(&["read"]);
        shelf.store_artefact(&ours.artefact, b"artefact".to_vec()).await.unwrap().keep();
        shelf.store(&ours, Arc::new(b"wasm".to_vec())).await.unwrap();
        assert!(shelf.has_artefact(&ours));
        assert_eq!(shelf.wasm(&ours.component).await.unwrap(), b"wasm");
        assert_eq!(shelf.registrations().unwrap(), [(ours.name.clone(), Ok(ours.clone()))]);

        std::fs::write(data.components().join("other.json"), b"{}").unwrap();
        std::fs::copy(data.components().join("demo.json"), data.components().join("copy.json")).unwrap();
        let damaged = shelf.registrations().unwrap().into_iter().filter(|(_, r)| r.is_err()).count();
        assert_eq!(damaged, 2);

        std::fs::remove_file(data.components().join(format!("{}.wasm", ours.component))).unwrap();
        std::fs::write(data.components().join(format!("{}.wasm", ours.component)), b"other").unwrap();
        assert!(shelf.wasm(&ours.component).await.is_err());
    }

    #[test]
    fn a_registration_that_is_too_large_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::open(dir.path()).unwrap();
        let file = std::fs::File::create(data.components().join("demo.json")).unwrap();
        let wrong = |bytes| {
            // A hole: it takes no room on the disk.
            file.set_len(bytes).unwrap();
            Shelf::new(&data).registrations().unwrap().remove(0).1.unwrap_err()
        };
        assert!(!wrong(MAX_REGISTRATION_BYTES).contains("too large"));
        assert!(wrong(MAX_REGISTRATION_BYTES + 1).contains("too large"));
    }

    #[tokio::test]
    async fn a_refused_component_leaves_no_artefact_and_takes_nobody_elses() {
        let dir = tempfile::tempdir().unwrap();
        let shelf = Shelf::new(&DataDir::open(dir.path()).unwrap());
        let ours = registration(&["read"]);
        let refused = shelf.store_artefact(&ours.artefact, b"artefact".to_vec()).await.unwrap();
        assert!(shelf.has_artefact(&ours));
        drop(refused);
        assert!(!shelf.has_artefact(&ours));

        for keep in [true, false] {
            let stored = shelf.store_artefact(&ours.artefact, b"artefact".to_vec()).await.unwrap();
            if keep {
                stored.keep()
            } else {
                drop(stored)
            }
            assert!(shelf.has_artefact(&ours));
        }
    }

    #[tokio::test]
    async fn tidying_keeps_what_is_registered() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::open(dir.path()).unwrap();
        let shelf = Shelf::new(&data);
        let ours = registration(&["read"]);
        shelf.store_artefact(&ours.artefact, b"artefact".to_vec()).await.unwrap().keep();
        shelf.store(&ours, Arc::new(b"wasm".to_vec())).await.unwrap();
        shelf.store_artefact(&Digest::of(b"old"), b"old".to_vec()).await.unwrap().keep();
        std::fs::write(data.artefacts().join(".new-1234"), b"half").unwrap();
        shelf.tidy(&[(ours.name.clone(), Arc::new(ours.clone()))].into()).unwrap();
        assert!(shelf.has_artefact(&ours));
        assert_eq!(data.artefacts().read_dir().unwrap().count(), 1);
    }
}
