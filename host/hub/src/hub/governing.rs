//! Which manifest a hub starts under. One that cannot be verified is no manifest: the hub runs, denies everything and
//! says why, so that an operator finds it where they look first.

use super::start;
use crate::api::{Governed, StartError};
use crate::approvers::{Approvers, Disagreed};
use crate::force::InForce;
use crate::manifests::{Checked, Ledger, Proposal, Version, agreed, check};
use crate::registry::{Shelf, chain};
use container::{Launcher, MountWarning};
use manifest::{Manifest, MountName};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What to do when nothing is in force.
const REMEDY: &str = "nothing is allowed until `safeclaw manifest apply DIR`";

/// What a start has found.
pub(super) struct Governing {
    pub(super) force: InForce,
    /// Why nothing is in force although something should be; for the audit log.
    pub(super) refused: Option<String>,
    /// Where the manifest's files lie: no place for a mount.
    pub(super) directory: Option<PathBuf>,
}

impl Governing {
    fn of(force: InForce, directory: Option<PathBuf>) -> Self {
        Self { force, refused: None, directory }
    }

    fn refused(why: String) -> Self {
        let force = InForce::nothing(format!("{why}; {REMEDY}"));
        Self { force, refused: Some(why), directory: None }
    }
}

/// Finds out what is in force, and applies the first version if there is none.
pub(super) async fn find(
    governed: Governed,
    ledger: Option<&Ledger>,
    shelf: &Shelf,
    approvers: &Approvers,
    data: &Path,
) -> Result<Governing, StartError> {
    match (governed, ledger) {
        (Governed::Fixed { manifest, mounts }, _) => fixed(*manifest, mounts, data),
        (Governed::Versions { .. }, None) => Ok(Governing::refused("there is no store of versions".to_owned())),
        (Governed::Versions { first }, Some(ledger)) => Ok(versions(first, ledger, shelf, approvers, data).await),
    }
}

fn fixed(manifest: Manifest, mounts: BTreeMap<MountName, PathBuf>, data: &Path) -> Result<Governing, StartError> {
    let classes = start::classes(&manifest, &mounts, data)?;
    Ok(Governing::of(InForce::fixed(manifest, mounts).admitted(&classes), None))
}

async fn versions(
    first: Option<Proposal>,
    ledger: &Ledger,
    shelf: &Shelf,
    approvers: &Approvers,
    data: &Path,
) -> Governing {
    let version = match (ledger.last().await, first) {
        (Err(error), _) => return Governing::refused(chain(&error)),
        (Ok(None), None) => {
            let why = format!("no manifest was ever applied: {REMEDY}");
            return Governing::of(InForce::nothing(why), None);
        }
        // Once there are approvers one of them signs for whatever grants more, and nobody has signed for this.
        (Ok(None), Some(_)) if !approvers.is_new() => return Governing::refused(Disagreed::Unsigned.to_string()),
        (Ok(None), Some(first)) => match apply_first(first, ledger, shelf, data).await {
            Ok(version) => version,
            Err(why) => return Governing::refused(why),
        },
        (Ok(Some(version)), None) => version,
        (Ok(Some(version)), Some(said)) => {
            let differs = differing(&version, &said);
            let mut governing = read(&version, data);
            governing.force.problem = governing.force.problem.or(differs);
            return governing;
        }
    };
    read(&version, data)
}

/// What a verified version means. Its files were accepted once, by another version of this program perhaps.
fn read(version: &Version, data: &Path) -> Governing {
    let number = version.number;
    let manifest = match manifest::read(&version.content.files) {
        Ok(read) => read.manifest,
        Err(errors) => {
            return Governing::refused(format!("version {number} of the manifest is not accepted: {errors}"));
        }
    };
    let classes = match start::classes(&manifest, &version.content.mounts, data) {
        Ok(classes) => classes,
        Err(error) => return Governing::refused(format!("version {number} of the manifest: {}", chain(&error))),
    };
    let force = InForce::version(Some(number), &version.content, manifest).admitted(&classes);
    Governing::of(force, version.content.directory.clone())
}

/// The operator who starts a hub on a new data directory with a manifest has applied it.
async fn apply_first(first: Proposal, ledger: &Ledger, shelf: &Shelf, data: &Path) -> Result<Version, String> {
    let registered = shelf.registrations().map_err(|error| format!("what is registered cannot be read: {error}"))?;
    let known = registered.into_iter().filter_map(|(_, record)| Some(record.ok()?));
    let before = known.fold(InForce::nothing(String::new()), |force, registration| force.including(&registration));
    let Checked { manifest, content, .. } = check(first, &before).map_err(|error| chain(&error))?;
    start::classes(&manifest, &content.mounts, data).map_err(|error| chain(&error))?;
    agreed::enter(ledger, content, true, None).await.map_err(|error| chain(&error))
}

/// Files on the disk change nothing until they are applied.
fn differing(version: &Version, said: &Proposal) -> Option<String> {
    let text = |files: &[manifest::SourceFile]| {
        let mut files: Vec<_> = files.iter().map(|file| (file.name.clone(), file.text.clone())).collect();
        files.sort();
        files
    };
    let moved = said.mounts.iter().any(|(name, place)| version.content.mounts.get(name) != Some(place));
    let directory = said.directory.as_ref().map_or_else(|| "the directory".to_owned(), |d| d.display().to_string());
    let differs = text(&version.content.files) != text(&said.files) || moved;
    differs.then(|| {
        format!(
            "the manifest in {directory}, or where its mounts lie, is not version {}, which is in force: `safeclaw manifest apply {directory}`",
            version.number
        )
    })
}

/// Tells the launcher which classes there are. A directory of a mount may have gone since the version was applied:
/// then nothing is in force, and health says which.
pub(super) async fn admit(
    launcher: &Launcher,
    governing: Governing,
    fixed: bool,
    data: &Path,
) -> Result<(Governing, Vec<MountWarning>), StartError> {
    let force = &governing.force;
    let classes = start::classes(&force.manifest, &force.mounts, data)?;
    match launcher.admit(force.admission.clone(), classes).await {
        Ok(warnings) => Ok((governing, warnings)),
        Err(error) if fixed => Err(start::named(error, &force.manifest)),
        // Nothing was in force before the launcher was asked, and that is what the operator has to hear.
        Err(error) if force.version.is_none() => {
            tracing::debug!(error = &error as &dyn std::error::Error, "there are no containers at all");
            Ok((governing, Vec::new()))
        }
        Err(error) => {
            let governing = Governing::refused(format!("the launcher does not take the manifest: {}", chain(&error)));
            let classes = start::classes(&governing.force.manifest, &BTreeMap::new(), data)?;
            let force = governing.force.clone().admitted(&classes);
            // A launcher that remembers other manifests does not take this one either: then there is no container at
            // all until an operator has applied one.
            let warnings = launcher.admit(force.admission.clone(), classes).await.unwrap_or_default();
            Ok((Governing { force, ..governing }, warnings))
        }
    }
}
