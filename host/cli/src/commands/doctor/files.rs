//! The operator's files: the manifest with its mounts, and the data directory.

use super::finding::Finding;
use crate::manifests;
use crate::rendered;
use crate::started::HubIs;
use ::hub::store::Location;
use ::hub::tokens::Ledger;
use container::Forbidden;
use container::mounts::{self, MountWarning};
use std::collections::BTreeSet;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

const MANIFEST: &str = "manifest";
const DATA: &str = "data";

pub(super) fn manifest(hub: &HubIs) -> Finding {
    match look_at_manifest(hub) {
        Ok(finding) => finding,
        Err(error) => Finding::failed(
            MANIFEST,
            format!("{error:#}"),
            "name a manifest and a directory for each of its mounts: --manifest manifests/default --mount workspace=DIR",
        ),
    }
}

fn look_at_manifest(hub: &HubIs) -> anyhow::Result<Finding> {
    let directory = hub.manifest.directory()?;
    let manifest = manifests::read(&directory)?.manifest;
    let sources = hub.manifest.mount_sources()?;
    for (name, mount) in &manifest.mounts {
        if mount.source.is_none() && !sources.contains_key(name) {
            anyhow::bail!("mount `{name}` has no directory yet: say --mount {name}=DIR");
        }
    }
    let forbidden = Forbidden::with([directory, hub.data.directory()?, hub.engine.socket()?]);
    let protected: Vec<String> = manifest::protected_paths().into_iter().map(|protected| protected.path).collect();
    let mut warnings = BTreeSet::new();
    let mut unusable = false;
    let placements = manifest.placements();
    for placement in placements.values() {
        let class = rendered::class(placement, &manifest, &sources);
        let (_, found) = mounts::check(&class.mounts, &forbidden, &protected)?;
        unusable |= found.iter().any(|warning| !matches!(warning, MountWarning::Executable { .. }));
        warnings.extend(found.iter().map(ToString::to_string));
    }
    let found =
        format!("{}: {} tools in {} classes of containers", manifest.name, manifest.tools.len(), placements.len());
    let mut finding = match (warnings.is_empty(), unusable) {
        (true, _) => Finding::well(MANIFEST, found),
        (false, false) => Finding::warning(
            MANIFEST,
            found,
            "it works; what tools write there could be run by others, unless its file system is mounted noexec",
        ),
        (false, true) => Finding::failed(
            MANIFEST,
            found,
            "tools run as user 1000: let that user into the directory, or grant read access only",
        ),
    };
    finding.notes = warnings.into_iter().collect();
    Ok(finding)
}

pub(super) fn data(hub: &HubIs) -> Finding {
    let directory = match hub.data.directory() {
        Ok(directory) => directory,
        Err(error) => return Finding::failed(DATA, format!("{error:#}"), "say --data DIR"),
    };
    let store = match hub.store.location() {
        Ok(said) => said.unwrap_or_else(|| Location::within(&directory)),
        Err(error) => {
            return Finding::failed(DATA, format!("{error:#}"), "mend MANIFEST_DATABASE_URL, or leave it out");
        }
    };
    look_at_data(&directory, &store).unwrap_or_else(|(found, remedy)| Finding::failed(DATA, found, remedy))
}

/// An error is what was found, and what to do about just that.
fn look_at_data(directory: &Path, store: &Location) -> Result<Finding, (String, String)> {
    let shown = directory.display();
    let meta = match directory.metadata() {
        Ok(meta) => meta,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Finding::warning(DATA, format!("{shown} is not there yet"), "`safeclaw hub` makes it"));
        }
        Err(error) => {
            let remedy = "run this as the user who runs the hub, or say another --data DIR";
            return Err((format!("{shown} cannot be looked at: {error}"), remedy.to_owned()));
        }
    };
    if meta.uid() != rustix::process::geteuid().as_raw() {
        let remedy = "run this as that user, or say another --data DIR";
        return Err((format!("{shown} belongs to user {}", meta.uid()), remedy.to_owned()));
    }
    let ours = [".", "hub.key", "components"].map(|name| directory.join(name));
    for path in ours.iter().map(PathBuf::as_path).chain([store.path()]) {
        let mode = path.metadata().map(|meta| meta.permissions().mode() & 0o777).unwrap_or(0);
        // The key signs tickets and tokens, and the store says which tokens are good: whoever can write either is the hub.
        let directory_itself = ours.first().is_some_and(|first| path == first);
        if mode & 0o022 != 0 || (!directory_itself && mode & 0o077 != 0) {
            let shown = path.display();
            let found = format!("{shown} can be used by others (mode {mode:03o}): whoever reads it can be the hub");
            return Err((
                found,
                format!("chmod go= {shown}; if others had access, remove it, and the hub makes another"),
            ));
        }
    }
    let tokens = Ledger::at(directory, store.clone())
        .list_in_force()
        .map_err(|error| {
            (
                format!("{:#}", anyhow::Error::from(error)),
                format!(
                    "mend {}, or remove it: tokens are made anew in a moment, versions of manifests are not",
                    store.path().display()
                ),
            )
        })?
        .len();
    if tokens == 0 {
        return Ok(Finding::warning(
            DATA,
            format!("{shown}; no token yet, so no agent can come in"),
            "run: safeclaw token create --principal WHO --profile read_only (a profile of your manifest)",
        ));
    }
    Ok(Finding::well(DATA, format!("{shown}, {tokens} tokens")))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::super::finding::State;
    use super::*;

    fn within(data: &Path) -> Location {
        Location::within(data)
    }

    #[test]
    fn a_key_that_others_can_read_fails_the_check() {
        let dir = tempfile::tempdir().unwrap();
        let key = dir.path().join("hub.key");
        std::fs::write(&key, "seed").unwrap();
        std::fs::set_permissions(&key, PermissionsExt::from_mode(0o644)).unwrap();
        assert!(look_at_data(dir.path(), &within(dir.path())).is_err());
        std::fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).unwrap();
        assert_eq!(look_at_data(dir.path(), &within(dir.path())).unwrap().state, State::Warning);
    }

    #[test]
    fn a_directory_that_others_can_write_fails_the_check() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o777)).unwrap();
        assert!(look_at_data(dir.path(), &within(dir.path())).is_err());
    }

    /// What lies in the data directory is then not the hub's store, and says nothing.
    #[test]
    fn a_store_elsewhere_is_the_one_that_is_looked_at() {
        let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let elsewhere = Location::parse(&format!("sqlite://{}/other.db", other.path().display())).unwrap();
        std::fs::write(dir.path().join("hub.db"), "no database").unwrap();
        std::fs::set_permissions(dir.path().join("hub.db"), PermissionsExt::from_mode(0o644)).unwrap();
        assert!(look_at_data(dir.path(), &within(dir.path())).is_err());
        std::fs::write(elsewhere.path(), "").unwrap();
        std::fs::set_permissions(elsewhere.path(), PermissionsExt::from_mode(0o600)).unwrap();
        assert_eq!(look_at_data(dir.path(), &elsewhere).unwrap().state, State::Warning);
        std::fs::set_permissions(elsewhere.path(), PermissionsExt::from_mode(0o640)).unwrap();
        let (found, remedy) = look_at_data(dir.path(), &elsewhere).unwrap_err();
        assert!(found.contains("other.db can be used by others") && remedy.contains("other.db"), "{found} {remedy}");
    }
}
