//! What is in force at a moment: a manifest, and all that follows from it. One value, exchanged as a whole, so that
//! no call is decided by one manifest and served by another.

use crate::api::Registration;
use crate::catalogue::Catalogue;
use crate::identity::Scopes;
use crate::manifests::Content;
use container::ClassSpec;
use manifest::diff::Side;
use manifest::{ClassId, ComponentName, Digest, Manifest, MountName, Placement, ProfileName, RunnerScope, Tool};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

/// A manifest in force.
#[derive(Debug, Clone)]
pub(crate) struct InForce {
    /// Its number; none where no version can be applied.
    pub(crate) version: Option<u64>,
    /// Names it in tickets and in the audit log.
    pub(crate) digest: Digest,
    /// Names the classes of containers that the launcher has admitted for it. Manifests that differ in nothing that a
    /// container is made from share one, and their parked runners.
    pub(crate) admission: Digest,
    pub(crate) manifest: Arc<Manifest>,
    /// Directories of mounts that the manifest itself does not name.
    pub(crate) mounts: BTreeMap<MountName, PathBuf>,
    /// The file that each component has to be; none where no version can be applied.
    pub(crate) lock: Option<BTreeMap<ComponentName, Digest>>,
    pub(crate) placements: BTreeMap<ClassId, Placement>,
    pub(crate) catalogue: Catalogue,
    /// What the operator should know about it.
    pub(crate) problem: Option<String>,
}

impl InForce {
    /// A manifest for the life of this process.
    pub(crate) fn fixed(manifest: Manifest, mounts: BTreeMap<MountName, PathBuf>) -> Self {
        Self::of(None, manifest.digest(), manifest, mounts, None)
    }

    /// What a version is, or would be, and what its files mean.
    pub(crate) fn version(number: Option<u64>, content: &Content, manifest: Manifest) -> Self {
        let lock = Some(content.components.clone());
        Self::of(number, content.digest(), manifest, content.mounts.clone(), lock)
    }

    /// No manifest: everything is denied. `why` ends with what to do.
    pub(crate) fn nothing(why: String) -> Self {
        let nothing = Manifest {
            name: "none".to_owned(),
            tiers: BTreeMap::new(),
            mounts: BTreeMap::new(),
            components: BTreeMap::new(),
            tools: BTreeMap::new(),
            profiles: BTreeMap::new(),
        };
        let lock = Some(BTreeMap::new());
        let nothing = Self::of(None, nothing.digest(), nothing, BTreeMap::new(), lock);
        Self { problem: Some(why), ..nothing }
    }

    fn of(
        version: Option<u64>,
        digest: Digest,
        manifest: Manifest,
        mounts: BTreeMap<MountName, PathBuf>,
        lock: Option<BTreeMap<ComponentName, Digest>>,
    ) -> Self {
        let placements = manifest.placements();
        let (manifest, catalogue) = (Arc::new(manifest), Catalogue::default());
        let admission = digest.clone();
        Self { version, digest, admission, manifest, mounts, lock, placements, catalogue, problem: None }
    }

    /// The same, for which these classes of containers are to be admitted.
    pub(crate) fn admitted(self, classes: &BTreeMap<ClassId, ClassSpec>) -> Self {
        Self { admission: admission(classes), ..self }
    }

    /// The same, with what is registered.
    pub(crate) fn with(
        &self,
        components: BTreeMap<ComponentName, Arc<Registration>>,
        faults: BTreeMap<ComponentName, String>,
    ) -> Self {
        let catalogue = Catalogue::new(&self.manifest, self.lock.as_ref(), components, faults);
        Self { catalogue, ..self.clone() }
    }

    /// The same, with one registration more, which is then what its name stands for.
    pub(crate) fn including(&self, registration: &Registration) -> Self {
        let mut components = self.catalogue.components.clone();
        components.insert(registration.name.clone(), Arc::new(registration.clone()));
        let mut faults = self.catalogue.faults.clone();
        faults.remove(&registration.name);
        self.with(components, faults)
    }

    /// Where every mount lies, as far as anybody said.
    pub(crate) fn directories(&self) -> BTreeMap<MountName, PathBuf> {
        directories(&self.manifest, &self.mounts)
    }

    /// One side of a comparison.
    pub(crate) fn compare<R>(&self, with: impl FnOnce(&Side<'_>) -> R) -> R {
        let (mounts, none) = (self.directories(), BTreeMap::new());
        with(&Side { manifest: &self.manifest, mounts: &mounts, components: self.lock.as_ref().unwrap_or(&none) })
    }

    /// Whether a caller of this profile, in the middle of a call of a tool, has under `next` what it has here. What
    /// it gains does not matter; what it loses ends the call.
    pub(crate) fn keeps(
        &self,
        next: &Self,
        denied: &BTreeSet<manifest::Tier>,
        profile: &ProfileName,
        tool: &str,
    ) -> bool {
        // Its scopes let it begin, and below no tier may rise.
        let all = Scopes::all();
        let allowed = |force: &Self| match crate::policy::decide(&force.manifest, profile, all, denied, tool) {
            crate::policy::Decision::Allow(tool) => Some(tool.clone()),
            crate::policy::Decision::Deny(_) => None,
        };
        let (Some(was), Some(is)) = (allowed(self), allowed(next)) else { return false };
        let (here, there) = (self.directories(), next.directories());
        let same_place = was.grants.fs.iter().all(|grant| {
            let path = |force: &Self| force.manifest.mounts.get(&grant.mount).map(|mount| mount.path.clone());
            here.get(&grant.mount) == there.get(&grant.mount) && path(self) == path(next)
        });
        let file = |force: &Self| force.catalogue.offers.get(&was.name).map(|o| o.registration.component.clone());
        same_place
            && file(self) == file(next)
            && self.manifest.runtime(was.tier) <= next.manifest.runtime(is.tier)
            && within(&was, &is)
    }
}

/// What names these classes of containers to the launcher.
#[must_use]
pub fn admission(classes: &BTreeMap<ClassId, ClassSpec>) -> Digest {
    // A map of names to plain data: there is no way to write it that fails.
    Digest::of(&serde_json::to_vec(classes).unwrap_or_default())
}

/// The operator's word before the manifest's.
pub(crate) fn directories(manifest: &Manifest, said: &BTreeMap<MountName, PathBuf>) -> BTreeMap<MountName, PathBuf> {
    let place = |(name, mount): (&MountName, &manifest::Mount)| {
        let written = || mount.source.as_ref().map(PathBuf::from);
        Some((name.clone(), said.get(name).cloned().or_else(written)?))
    };
    manifest.mounts.iter().filter_map(place).collect()
}

/// Whether a tool that is granted `is` may do all that one which was granted `was` may.
fn within(was: &Tool, is: &Tool) -> bool {
    let (a, b) = (&was.grants, &is.grants);
    let covered = |grant: &manifest::FsGrant| {
        let below = |path: &str| path == "." || grant.path == path || grant.path.starts_with(&format!("{path}/"));
        b.fs.iter().any(|by| by.mount == grant.mount && by.access >= grant.access && below(&by.path))
    };
    let (l, m) = (&a.limits, &b.limits);
    was.component == is.component
        && is.tier <= was.tier
        && is.gate <= was.gate
        && (was.runner == is.runner || is.runner == RunnerScope::Session)
        && was.size <= is.size
        && a.fs.iter().all(covered)
        && a.env == b.env
        && a.clocks.is_subset(&b.clocks)
        && a.trap_imports == b.trap_imports
        // A request that is under way is not asked again: with what it was made under its call ends.
        && a.http.iter().all(|grant| b.http.contains(grant))
        && l.memory_bytes <= m.memory_bytes
        && l.cpu_ms <= m.cpu_ms
        && l.deadline_ms <= m.deadline_ms
        && l.arguments_bytes <= m.arguments_bytes
        && l.result_bytes <= m.result_bytes
        && l.log_bytes <= m.log_bytes
        && l.handles <= m.handles
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;
    use crate::testing::{manifest, profile, registration, tool};
    use manifest::{Access, Tier};

    fn force(change: impl FnOnce(&mut Manifest)) -> InForce {
        let mut manifest = manifest([tool("read", Tier::User), tool("edit", Tier::Write)]);
        let reader = profile("reader", &[Tier::User], None);
        manifest.profiles.insert(reader.name.clone(), reader);
        change(&mut manifest);
        let registration = registration(&["read", "edit"]);
        let mounts = [(MountName::try_from("work").unwrap(), PathBuf::from("/srv/work"))].into();
        InForce::fixed(manifest, mounts).with([(registration.name.clone(), Arc::new(registration))].into(), [].into())
    }

    fn keeps(change: impl FnOnce(&mut Manifest)) -> bool {
        let profile = ProfileName::try_from("reader").unwrap();
        force(|_| {}).keeps(&force(change), &BTreeSet::new(), &profile, "read")
    }

    fn name(name: &str) -> manifest::ToolName {
        manifest::ToolName::try_from(name).unwrap()
    }

    fn read(m: &mut Manifest) -> &mut Tool {
        m.tools.get_mut(&name("read")).unwrap()
    }

    #[test]
    fn a_call_goes_on_under_a_manifest_that_takes_nothing_from_it() {
        assert!(keeps(|_| {}));
        assert!(keeps(|m| read(m).grants.fs[0].access = Access::Write));
        assert!(keeps(|m| read(m).grants.limits.cpu_ms += 1));
        assert!(keeps(|m| drop(m.tools.remove(&name("edit")))));
        assert!(keeps(|m| read(m).reason = "another".into()));
    }

    #[test]
    fn and_ends_when_it_loses_anything() {
        assert!(!keeps(|m| drop(m.tools.remove(&name("read")))));
        assert!(!keeps(|m| m.profiles.clear()));
        assert!(!keeps(|m| m.profiles.values_mut().for_each(|p| p.tiers = [Tier::Write].into())));
        assert!(!keeps(|m| read(m).tier = Tier::Admin));
        assert!(!keeps(|m| read(m).grants.fs.clear()));
        assert!(!keeps(|m| read(m).grants.fs[0].path = "docs".into()));
        assert!(!keeps(|m| read(m).grants.limits.deadline_ms -= 1));
        assert!(!keeps(|m| read(m).grants.limits.memory_bytes -= 1));
        assert!(!keeps(|m| m.mounts.values_mut().for_each(|mount| mount.path = "/other".into())));
    }

    #[test]
    fn and_when_a_name_stands_for_something_else() {
        let profile = ProfileName::try_from("reader").unwrap();
        let (before, mut moved) = (force(|_| {}), force(|_| {}));
        moved.mounts.values_mut().for_each(|place| *place = "/srv/other".into());
        assert!(!before.keeps(&moved, &BTreeSet::new(), &profile, "read"));
        let mut other = registration(&["read", "edit"]);
        other.component = Digest::of(b"another file");
        let exchanged = before.with([(other.name.clone(), Arc::new(other))].into(), [].into());
        assert!(!before.keeps(&exchanged, &BTreeSet::new(), &profile, "read"));
    }
}
