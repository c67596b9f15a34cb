//! The launcher's six messages: create, attach, kill, list, inspect, events. No mount, image or flag is
//! in them: those come from the classes that were admitted for a manifest, so that the launcher can live in a
//! process of its own, and whoever speaks to it can start nothing that a manifest does not describe.

use manifest::{ClassId, Digest};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Names one hub; containers carry it as a label.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HubId(pub String);

/// The name a container is born with: `safeclaw-HUB-RANDOM`, chosen by the launcher.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ContainerName(pub String);

impl fmt::Display for ContainerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `create`: make a container of a class, not started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Create {
    /// The manifest under which it is made.
    pub manifest: Digest,
    /// One of the classes that were admitted for that manifest.
    pub class: ClassId,
}

/// Answer to `create`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Created {
    /// Its name.
    pub container: ContainerName,
    /// Digest of its posture.
    pub posture: Digest,
}

/// One entry of the answer to `list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// Its name.
    pub container: ContainerName,
    /// Its class.
    pub class: ClassId,
    /// When it was created, Unix seconds.
    pub created: u64,
    /// Whether it runs.
    pub running: bool,
}

/// Answer to `inspect`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inspected {
    /// Its name.
    pub container: ContainerName,
    /// Process id on the launcher's machine, while it runs.
    pub pid: Option<u32>,
    /// The exit code, when it has ended and the engine still knows it.
    pub exit_code: Option<i64>,
}

/// One of `events`, subscribed to before anything is started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// Which container.
    pub container: ContainerName,
    /// What happened.
    pub what: EventKind,
}

/// What happened to a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EventKind {
    /// It was started.
    Started,
    /// The kernel killed something in it for want of memory.
    OutOfMemory,
    /// It ended with this exit code.
    Died(i64),
    /// The engine has removed it.
    Removed,
}
