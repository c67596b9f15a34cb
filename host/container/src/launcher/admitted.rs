//! The classes that a launcher knows: those of the two manifests that were admitted last. The one before is kept
//! for what still runs under it; nothing older can be started.

use super::LauncherError;
use crate::class::ClassSpec;
use manifest::{ClassId, Digest};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many manifests are known at once.
const KEPT: usize = 2;

/// The classes of one manifest.
pub(super) type Classes = BTreeMap<ClassId, Arc<ClassSpec>>;

/// Manifests and their classes, the one admitted last at the end.
#[derive(Debug, Default)]
pub(super) struct Admitted(Mutex<VecDeque<(Digest, Classes)>>);

impl Admitted {
    /// From now on these are the classes of this manifest. Whoever calls has checked them.
    pub(super) fn admit(&self, manifest: Digest, classes: BTreeMap<ClassId, ClassSpec>) {
        let classes = classes.into_iter().map(|(class, spec)| (class, Arc::new(spec))).collect();
        let mut kept = self.lock();
        kept.retain(|(known, _)| *known != manifest);
        kept.push_back((manifest, classes));
        while kept.len() > KEPT {
            kept.pop_front();
        }
    }

    /// A class of a manifest.
    ///
    /// # Errors
    /// The manifest was not admitted, or not among the last two, or has no such class.
    pub(super) fn class(&self, manifest: &Digest, class: &ClassId) -> Result<Arc<ClassSpec>, LauncherError> {
        let kept = self.lock();
        let (_, classes) = kept
            .iter()
            .find(|(known, _)| known == manifest)
            .ok_or_else(|| LauncherError::UnknownManifest(manifest.clone()))?;
        classes.get(class).cloned().ok_or_else(|| LauncherError::UnknownClass(class.clone()))
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(Digest, Classes)>> {
        // Nothing that can panic runs under this lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class::{Program, Size};

    fn classes(names: &[&str]) -> BTreeMap<ClassId, ClassSpec> {
        let spec = ClassSpec {
            program: Program::Runner,
            size: Size::Small,
            runtime: manifest::Runtime::Runc,
            mounts: Vec::new(),
            artefacts: None,
            frames: None,
        };
        names.iter().map(|name| (ClassId((*name).to_owned()), spec.clone())).collect()
    }

    #[test]
    fn the_last_two_manifests_are_known_and_nothing_older() {
        let admitted = Admitted::default();
        let [first, second, third] = [b"1", b"2", b"3"].map(|text| Digest::of(text));
        let user = ClassId("user".to_owned());
        assert!(matches!(admitted.class(&first, &user), Err(LauncherError::UnknownManifest(_))));
        admitted.admit(first.clone(), classes(&["user"]));
        admitted.admit(second.clone(), classes(&["write"]));
        assert!(admitted.class(&first, &user).is_ok());
        // One manifest's class is not another's.
        assert!(matches!(admitted.class(&second, &user), Err(LauncherError::UnknownClass(_))));
        // Admitted again, it is the newest.
        admitted.admit(first.clone(), classes(&["user"]));
        admitted.admit(third.clone(), classes(&["user"]));
        assert!(admitted.class(&first, &user).is_ok() && admitted.class(&third, &user).is_ok());
        assert!(matches!(admitted.class(&second, &user), Err(LauncherError::UnknownManifest(_))));
    }
}
