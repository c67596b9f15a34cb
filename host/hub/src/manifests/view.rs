//! What an operator is told of versions.

use super::Version;
use jiff::Timestamp;
use manifest::{Digest, SourceFile};
use serde::{Deserialize, Serialize};

/// A version, for the operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionView {
    /// Its number.
    pub version: u64,
    /// Why it cannot be believed; everything below is then empty.
    pub unverified: Option<String>,
    /// Names all that has an effect.
    pub digest: Option<Digest>,
    /// When it was put in force.
    pub at: Option<Timestamp>,
    /// By whom.
    pub by: String,
    /// The Git commit that its files are.
    pub commit: Option<String>,
    /// The version that it was rolled back to.
    pub of: Option<u64>,
    /// Its files, where they were asked for.
    pub files: Vec<SourceFile>,
}

/// What was put in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// Its number.
    pub version: u64,
    /// Its digest.
    pub digest: Digest,
    /// Calls that were broken off, since they had lost something.
    pub broken_off: usize,
    /// What is wrong by now, such as a component that has to be registered.
    pub problems: Vec<String>,
}

impl VersionView {
    /// One that can be believed.
    pub(crate) fn of(version: Version, with_files: bool) -> Self {
        let Version { number, digest, content } = version;
        Self {
            version: number,
            unverified: None,
            digest: Some(digest),
            at: Some(content.at),
            by: content.by,
            commit: content.commit,
            of: content.of,
            files: if with_files { content.files } else { Vec::new() },
        }
    }

    /// One that cannot.
    pub(crate) fn unverified(version: u64, why: String) -> Self {
        Self {
            version,
            unverified: Some(why),
            digest: None,
            at: None,
            by: String::new(),
            commit: None,
            of: None,
            files: Vec::new(),
        }
    }
}
