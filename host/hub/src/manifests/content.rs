//! What an operator hands in, and what a version keeps of it.

use jiff::Timestamp;
use manifest::{ComponentName, Digest, MountName, SourceFile};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A manifest that somebody wants in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proposal {
    /// Its files, by their names in the directory.
    pub files: Vec<SourceFile>,
    /// The directory that they were read from: no mount may contain or lie in it.
    pub directory: Option<PathBuf>,
    /// Directories of mounts; those that are not named stay where they are.
    pub mounts: BTreeMap<MountName, PathBuf>,
    /// The commit of the Git work tree that holds exactly these files.
    pub commit: Option<String>,
    /// Who proposes it.
    pub by: String,
}

/// One version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Content {
    pub(crate) files: Vec<SourceFile>,
    pub(crate) directory: Option<PathBuf>,
    /// Every mount whose directory is not in the manifest itself.
    pub(crate) mounts: BTreeMap<MountName, PathBuf>,
    /// The lock: the file that each component is, whatever is registered under its name later.
    pub(crate) components: BTreeMap<ComponentName, Digest>,
    pub(crate) commit: Option<String>,
    /// The version whose content this is, if it was rolled back to.
    pub(crate) of: Option<u64>,
    pub(crate) by: String,
    pub(crate) at: Timestamp,
}

impl Content {
    /// Names all that has an effect, and nothing of who did it and when: two versions with one digest are in force
    /// alike.
    pub(crate) fn digest(&self) -> Digest {
        let Self { files, directory: _, mounts, components, commit: _, of: _, by: _, at: _ } = self;
        // A list of texts: one place for everything, so that nothing can be moved from one part to another.
        let effective = serde_json::to_vec(&(files, mounts, components)).unwrap_or_default();
        Digest::of(&effective)
    }
}
