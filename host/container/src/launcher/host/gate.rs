//! What a hub may have admitted.

use crate::class::ClassSpec;
use crate::launcher::{Launcher, LauncherError, Record};
use crate::mounts::MountWarning;
use manifest::{ClassId, Digest};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// The two directories of the hub's that containers see, besides mounts. They are not the hub's to choose: it would
/// have any directory of this machine read-only at `/artefacts`.
#[derive(Debug, Clone)]
pub struct Places {
    /// Where artefacts lie.
    pub artefacts: PathBuf,
    /// Where FIFOs are made.
    pub frames: PathBuf,
}

impl Places {
    /// Whether these classes see nothing else.
    ///
    /// # Errors
    /// The first that does.
    pub(in crate::launcher) fn hold(&self, classes: &BTreeMap<ClassId, ClassSpec>) -> Result<(), LauncherError> {
        let odd = |spec: &ClassSpec| {
            spec.artefacts.as_ref().is_some_and(|path| *path != self.artefacts)
                || spec.frames.as_ref().is_some_and(|path| *path != self.frames)
        };
        match classes.iter().find(|(_, spec)| odd(spec)) {
            Some((class, _)) => Err(LauncherError::Said(format!(
                "class `{class}` has its artefacts or FIFOs elsewhere than in {} and {}: start the hub and the \
                 launcher with the same --data",
                self.artefacts.display(),
                self.frames.display()
            ))),
            None => Ok(()),
        }
    }
}

/// The gate of one connection.
pub(super) struct Gate {
    record: Arc<Record>,
    places: Places,
    sealed: bool,
}

impl Gate {
    pub(super) fn new(record: Arc<Record>, places: Places) -> Self {
        Self { record, places, sealed: false }
    }

    /// There is no way back.
    pub(super) fn seal(&mut self) {
        self.sealed = true;
    }

    /// Permitted, then sound, then written down.
    pub(super) async fn admit(
        &self,
        launcher: &Launcher,
        manifest: Digest,
        classes: BTreeMap<ClassId, ClassSpec>,
    ) -> Result<Vec<MountWarning>, LauncherError> {
        self.places.hold(&classes)?;
        self.record.permits(&manifest, &classes, self.sealed)?;
        let warnings = launcher.admit(manifest.clone(), classes.clone()).await?;
        self.record.in_force(&manifest, &classes)?;
        Ok(warnings)
    }
}
