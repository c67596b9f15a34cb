//! What a launcher remembers from one start to the next: whose containers it starts, and which manifests it was
//! told of. It lies where the hub cannot write: of two things that are new after a start, a manifest that the
//! operator has applied is known here, and one that somebody wrote into the hub's store is not.

mod file;

use super::LauncherError;
use crate::class::ClassSpec;
use crate::message::HubId;
use manifest::{ClassId, Digest};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The one in force, and the two that the operator admitted last.
const KEPT: usize = 3;

/// The record of one data directory. While it is open no other launcher opens it.
#[derive(Debug)]
pub struct Record {
    directory: PathBuf,
    state: Mutex<State>,
    _lock: File,
}

/// What is in the file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    hub: Option<HubId>,
    /// The one that a hub asked for last.
    in_force: Option<Digest>,
    /// The newest at the end.
    manifests: Vec<Known>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    manifest: Digest,
    classes: BTreeMap<ClassId, ClassSpec>,
}

impl Record {
    /// Opens the record in a directory, which is made if it is missing.
    ///
    /// # Errors
    /// Another launcher has it, or it is not this user's own.
    pub fn open(directory: &Path) -> Result<Self, LauncherError> {
        let path = directory.join(file::NAME);
        let failed = |source| LauncherError::Record { path: path.clone(), source };
        let lock = file::lock(directory).map_err(failed)?.ok_or_else(|| LauncherError::Busy(directory.to_owned()))?;
        let state = file::read(&path).map_err(failed)?.unwrap_or_default();
        Ok(Self { directory: directory.to_owned(), state: Mutex::new(state), _lock: lock })
    }

    /// Where it lies.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Takes the first hub for the hub.
    ///
    /// # Errors
    /// It is another one.
    pub(super) fn hub(&self, asked: &HubId) -> Result<(), LauncherError> {
        let mut state = self.lock();
        match &state.hub {
            Some(known) if known == asked => Ok(()),
            Some(known) => {
                Err(LauncherError::OtherHub { known: known.0.clone(), asked: asked.0.clone(), record: self.path() })
            }
            None => self.keep(&mut state, |state| state.hub = Some(asked.clone())),
        }
    }

    /// Whether a hub may have these classes under this manifest: they are known, or they are the first ever and the
    /// hub serves nobody yet.
    ///
    /// # Errors
    /// They are not known.
    pub(super) fn permits(
        &self,
        manifest: &Digest,
        classes: &BTreeMap<ClassId, ClassSpec>,
        sealed: bool,
    ) -> Result<(), LauncherError> {
        let state = self.lock();
        let first = state.manifests.is_empty() && !sealed;
        let known = state.manifests.iter().any(|known| known.manifest == *manifest && known.classes == *classes);
        if first || known { Ok(()) } else { Err(LauncherError::NotAdmitted(manifest.clone())) }
    }

    /// Writes down what a hub uses now, after [`Record::permits`].
    ///
    /// # Errors
    /// It cannot be written: then nothing is admitted.
    pub(super) fn in_force(
        &self,
        manifest: &Digest,
        classes: &BTreeMap<ClassId, ClassSpec>,
    ) -> Result<(), LauncherError> {
        let mut state = self.lock();
        if state.in_force.as_ref() == Some(manifest) && !state.manifests.is_empty() {
            return Ok(());
        }
        self.keep(&mut state, |state| {
            state.in_force = Some(manifest.clone());
            if state.manifests.is_empty() {
                state.manifests.push(Known { manifest: manifest.clone(), classes: classes.clone() });
            }
        })
    }

    /// The operator's word: from now on a hub may use this manifest with these classes. For `safeclaw manifest
    /// apply` where no launcher is running; a running one is told over its socket ([`super::operator::admit`]).
    ///
    /// # Errors
    /// It cannot be written.
    pub fn admit(&self, manifest: Digest, classes: BTreeMap<ClassId, ClassSpec>) -> Result<(), LauncherError> {
        let mut state = self.lock();
        self.keep(&mut state, |state| {
            state.manifests.retain(|known| known.manifest != manifest);
            state.manifests.push(Known { manifest, classes });
            while state.manifests.len() > KEPT {
                let in_force = state.in_force.clone();
                let oldest = state.manifests.iter().position(|known| Some(&known.manifest) != in_force.as_ref());
                let Some(oldest) = oldest else { break };
                state.manifests.remove(oldest);
            }
        })
    }

    /// First on the disk, then in memory: what is forgotten at the next start was never so.
    fn keep(&self, state: &mut State, change: impl FnOnce(&mut State)) -> Result<(), LauncherError> {
        let mut changed = state.clone();
        change(&mut changed);
        let path = self.path();
        file::write(&path, &changed).map_err(|source| LauncherError::Record { path, source })?;
        *state = changed;
        Ok(())
    }

    fn path(&self) -> PathBuf {
        self.directory.join(file::NAME)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A change is made to a copy, so what a panic leaves is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
