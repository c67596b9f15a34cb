//! Where components and their artefacts lie, and what was found out about them.

use super::compile::MAX_ARTEFACT_BYTES;
use super::seal::Sealer;
use super::{MAX_COMPONENT_BYTES, Recorded};
use crate::api::{RegisterError, Registration, StartError};
use crate::data::ours::{self, NotOurs};
use crate::data::{DataDir, key_seed_of, write_atomic};
use manifest::{ComponentName, Digest};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// More than this is no registration of ours: 128 tools with two schemas each.
const MAX_REGISTRATION_BYTES: u64 = 24 << 20;

/// The two directories, and the seal of what is written down in them.
pub(crate) struct Shelf {
    components: PathBuf,
    artefacts: PathBuf,
    sealer: Sealer,
}

impl Shelf {
    pub(crate) fn new(data: &DataDir, sealer: Sealer) -> Self {
        Self { components: data.components(), artefacts: data.artefacts(), sealer }
    }

    /// What is registered in a data directory that a hub may be using at this moment; nothing is changed.
    pub(crate) fn read_only(data: &Path) -> Result<Vec<Recorded>, StartError> {
        let (components, artefacts) = (data.join("components"), data.join("artefacts"));
        if !components.exists() {
            return Ok(Vec::new());
        }
        let sealer = Sealer::from_seed(&key_seed_of(data)?);
        let failed = |source| StartError::Data { path: components.clone(), what: "read", source };
        Self { components: components.clone(), artefacts, sealer }.registrations().map_err(failed)
    }

    /// What is registered, and what is wrong with a record that cannot be used.
    pub(crate) fn registrations(&self) -> io::Result<Vec<Recorded>> {
        let mut found = Vec::new();
        for entry in self.components.read_dir()? {
            let path = entry?.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".json")) else { continue };
            let Ok(name) = ComponentName::try_from(name) else { continue };
            let registration = self.record(&name, &path);
            found.push((name, registration));
        }
        found.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(found)
    }

    fn record(&self, name: &ComponentName, path: &Path) -> Result<Registration, RegisterError> {
        let record = ours::read(path, MAX_REGISTRATION_BYTES).map_err(|why| changed("registration", why))?;
        self.sealer.open(name, &record).map_err(|why| changed("registration", why))
    }

    /// Whether the stored component is what was registered.
    pub(crate) async fn check_wasm(&self, registration: &Registration) -> Result<(), RegisterError> {
        let found = checked(self.wasm_path(&registration.component), MAX_COMPONENT_BYTES, &registration.component);
        found.await.map_err(|why| changed("component file", why))
    }

    /// Whether the artefact is there. One that is there and is another is an error: it is native code, and
    /// somebody changed it. The runner that maps it checks it again.
    pub(crate) async fn has_artefact(&self, registration: &Registration) -> Result<bool, RegisterError> {
        let path = self.artefact_path(&registration.artefact);
        match checked(path, MAX_ARTEFACT_BYTES, &registration.artefact).await {
            Ok(()) => Ok(true),
            Err(Unusable::File(NotOurs::Missing)) => Ok(false),
            Err(why) => Err(changed("artefact", why)),
        }
    }

    /// A stored component, if it still is what its name says.
    pub(crate) async fn wasm(&self, component: &Digest) -> Result<Vec<u8>, RegisterError> {
        let path = self.wasm_path(component);
        let read = blocking(move || Ok(ours::read(&path, MAX_COMPONENT_BYTES)));
        let bytes = read.await.unwrap_or_else(|error| Err(error.into()));
        let bytes = bytes.map_err(|why| changed("component file", why))?;
        let found = Digest::of(&bytes);
        if found == *component { Ok(bytes) } else { Err(changed("component file", Unusable::Digest(found))) }
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
        let text = self
            .sealer
            .seal(registration)
            .map_err(|error| RegisterError::Io { path: json.clone(), source: error.into() })?;
        write(self.wasm_path(&registration.component), 0o400, wasm).await?;
        write(json, 0o600, Arc::new(text)).await
    }

    /// Removes drafts of a hub that died, and, where `known` is all there is, artefacts and components that no
    /// registration names any more. A record that cannot be read may name any of them.
    pub(crate) fn tidy(&self, known: Option<&BTreeMap<ComponentName, Arc<Registration>>>) -> io::Result<()> {
        let kept = known.map(|registrations| {
            let files = |r: &Arc<Registration>| [format!("{}.cwasm", r.artefact), format!("{}.wasm", r.component)];
            registrations.values().flat_map(files).collect::<Vec<_>>()
        });
        for directory in [&self.components, &self.artefacts] {
            for entry in directory.read_dir()? {
                let entry = entry?;
                let name = entry.file_name().to_string_lossy().into_owned();
                let stored = name.ends_with(".cwasm") || name.ends_with(".wasm");
                let unnamed = kept.as_ref().is_some_and(|kept| stored && !kept.contains(&name));
                if name.starts_with(".new-") || unnamed {
                    // A directory that somebody put there stays, and must not keep the hub from starting.
                    if let Err(error) = std::fs::remove_file(entry.path()) {
                        tracing::warn!(path = %entry.path().display(), %error, "cannot be removed");
                    }
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

/// Why a stored file is not used.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error(transparent)]
    File(#[from] NotOurs),
    #[error("was changed (its digest is now {0})")]
    Digest(Digest),
}

fn changed(what: &'static str, why: impl std::fmt::Display) -> RegisterError {
    RegisterError::Changed { what, why: crate::clean::line(&why.to_string(), crate::clean::LINE_BYTES) }
}

async fn checked(path: PathBuf, most: u64, wanted: &Digest) -> Result<(), Unusable> {
    let digest = blocking(move || Ok(ours::digest(&path, most)));
    let found = digest.await.unwrap_or_else(|error| Err(error.into()))?;
    if found == *wanted { Ok(()) } else { Err(Unusable::Digest(found)) }
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
mod tests;
