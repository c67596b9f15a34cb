//! From a proposal to what it would change. Nothing here is written down.

use super::{Content, Proposal, Unverified};
use crate::api::StartError;
use crate::approvers::Disagreed;
use crate::force::InForce;
use crate::store::StoreError;
use jiff::Timestamp;
use manifest::diff::{Change, Side, diff, first};
use manifest::{Diagnostics, Digest, Manifest, MountName};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What a proposal would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The version that it was compared with; 0 if nothing is in force.
    pub base: u64,
    /// Names all that would have an effect.
    pub digest: Digest,
    /// Where mounts would lie that the manifest itself does not place.
    pub mounts: BTreeMap<MountName, PathBuf>,
    /// Everything, in words.
    pub changes: Vec<Change>,
    /// Whether one of them grants something.
    pub widens: bool,
    /// Whether it is in force already, to the letter.
    pub same: bool,
    /// What is no mistake and probably not meant.
    pub warnings: Vec<String>,
}

/// Why a manifest was not put in force. What was in force still is.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// It is none.
    #[error("the manifest is not accepted\n{0}")]
    Manifest(Diagnostics),
    /// It is too long to be one.
    #[error("the manifest has {bytes} bytes; the most is {most}")]
    TooLarge {
        /// Of all files together.
        bytes: usize,
        /// The bound.
        most: usize,
    },
    /// Its mounts have no directories, or not these.
    #[error("the manifest cannot be put in force here")]
    Place(#[from] StartError),
    /// No container can be made as it says.
    #[error("the launcher does not take it")]
    Launcher(#[from] container::LauncherError),
    /// Somebody else was faster.
    #[error("version {last} is in force by now, and this was compared with version {base}: look at it and apply again")]
    Outpaced {
        /// What it was compared with.
        base: u64,
        /// What is in force.
        last: u64,
    },
    /// Nobody has agreed to what it grants.
    #[error("it grants more than version {0}, and nobody has agreed to that: `--yes` does")]
    Widens(u64),
    /// No approver has agreed to what it grants.
    #[error(transparent)]
    Disagreed(#[from] Disagreed),
    /// Whether one has to agree cannot be told.
    #[error("the approvers cannot be read")]
    Approvers(#[from] StoreError),
    /// It is in force already.
    #[error("version {0} is just this: nothing to do")]
    Nothing(u64),
    /// The store.
    #[error("the versions of the manifest cannot be used")]
    Unverified(#[from] Unverified),
    /// This hub has one manifest for its life.
    #[error("this hub was started with one manifest for its life: stop it, and start `safeclaw hub`")]
    Fixed,
    /// It takes nothing any more.
    #[error("the hub is stopping")]
    Draining,
}

/// More than this is a wrong directory.
const MAX_BYTES: usize = 4 << 20;

/// A proposal that could be put in force.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) manifest: Manifest,
    pub(crate) content: Content,
    pub(crate) warnings: Vec<String>,
}

/// Reads a proposal. Mounts that it does not name stay where they are, and so does the lock of its components.
pub(crate) fn check(proposal: Proposal, before: &InForce) -> Result<Checked, ApplyError> {
    let Proposal { files, directory, mounts, commit, by } = proposal;
    let bytes = files.iter().map(|file| file.name.len() + file.text.len()).sum();
    if bytes > MAX_BYTES {
        return Err(ApplyError::TooLarge { bytes, most: MAX_BYTES });
    }
    let read = manifest::read(&files).map_err(ApplyError::Manifest)?;
    let manifest = read.manifest;
    if let Some(unknown) = mounts.keys().find(|name| !manifest.mounts.contains_key(*name)) {
        return Err(StartError::UnknownMount(unknown.clone()).into());
    }
    let content = Content {
        files,
        directory,
        mounts: placed(&manifest, mounts, before),
        components: lock(&manifest, before),
        commit,
        of: None,
        by: crate::clean::line(&by, 64),
        at: Timestamp::now(),
    };
    let warnings = read.warnings.iter().map(ToString::to_string).collect();
    Ok(Checked { manifest, content, warnings })
}

/// As said now, else where it is by now, unless the manifest says it itself.
fn placed(manifest: &Manifest, said: BTreeMap<MountName, PathBuf>, before: &InForce) -> BTreeMap<MountName, PathBuf> {
    let kept = |(name, mount): (&MountName, &manifest::Mount)| {
        let place = before.mounts.get(name).filter(|_| mount.source.is_none())?;
        Some((name.clone(), place.clone()))
    };
    let mut mounts: BTreeMap<_, _> = manifest.mounts.iter().filter_map(kept).collect();
    mounts.extend(said);
    mounts
}

/// The file that each component is: as pinned, else as locked, else as registered.
fn lock(manifest: &Manifest, before: &InForce) -> BTreeMap<manifest::ComponentName, Digest> {
    let digest = |component: &manifest::Component| {
        let pinned = || component.digest.clone();
        let locked = || before.lock.as_ref()?.get(&component.name).cloned();
        let registered = || Some(before.catalogue.components.get(&component.name)?.component.clone());
        Some((component.name.clone(), pinned().or_else(locked).or_else(registered)?))
    };
    manifest.components.values().filter_map(digest).collect()
}

impl Checked {
    /// What it would change.
    pub(crate) fn plan(&self, before: &InForce) -> Plan {
        let mounts = crate::force::directories(&self.manifest, &self.content.mounts);
        let new = Side { manifest: &self.manifest, mounts: &mounts, components: &self.content.components };
        let changes = match before.version {
            Some(_) => before.compare(|old| diff(old, &new)),
            None => first(&new),
        };
        let digest = self.content.digest();
        Plan {
            base: before.version.unwrap_or(0),
            same: before.version.is_some() && digest == before.digest,
            digest,
            mounts: self.content.mounts.clone(),
            widens: changes.iter().any(|change| change.widens),
            changes,
            warnings: self.warnings.clone(),
        }
    }
}
