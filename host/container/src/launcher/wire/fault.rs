//! A launcher's refusal on its way to the hub. What the hub decides by keeps its type; the rest is text, with its
//! causes, as the operator reads it.

use crate::launcher::LauncherError;
use crate::message::ContainerName;
use manifest::{ClassId, Digest};
use serde::{Deserialize, Serialize};
use std::error::Error;

/// The longest text of one.
const MOST_CHARS: usize = 4096;

/// Why not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(in crate::launcher) enum Fault {
    UnknownManifest(Digest),
    NotAdmitted(Digest),
    UnknownClass(ClassId),
    UnknownContainer(ContainerName),
    Attached(ContainerName),
    Lingers(ContainerName),
    Runtime { class: ClassId, why: String },
    Said(String),
}

impl From<LauncherError> for Fault {
    fn from(error: LauncherError) -> Self {
        match error {
            LauncherError::UnknownManifest(manifest) => Self::UnknownManifest(manifest),
            LauncherError::NotAdmitted(manifest) => Self::NotAdmitted(manifest),
            LauncherError::UnknownClass(class) => Self::UnknownClass(class),
            LauncherError::UnknownContainer(name) => Self::UnknownContainer(name),
            LauncherError::Attached(name) => Self::Attached(name),
            LauncherError::Lingers(name) => Self::Lingers(name),
            LauncherError::Runtime { class, why } => Self::Runtime { class, why },
            other => Self::Said(chain(&other)),
        }
    }
}

impl From<Fault> for LauncherError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::UnknownManifest(manifest) => Self::UnknownManifest(manifest),
            Fault::NotAdmitted(manifest) => Self::NotAdmitted(manifest),
            Fault::UnknownClass(class) => Self::UnknownClass(class),
            Fault::UnknownContainer(name) => Self::UnknownContainer(name),
            Fault::Attached(name) => Self::Attached(name),
            Fault::Lingers(name) => Self::Lingers(name),
            Fault::Runtime { class, why } => Self::Runtime { class, why },
            Fault::Said(text) => Self::Said(text.chars().take(MOST_CHARS).collect()),
        }
    }
}

fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    let text = causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"));
    text.chars().take(MOST_CHARS).collect()
}
