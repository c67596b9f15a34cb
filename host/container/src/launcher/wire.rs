//! What a hub and a launcher in a process of its own say to each other: the six messages, and what they need
//! around them. Closed enums in frames of JSON, each behind its length, which is checked before anything is
//! allocated. No mount, image or flag travels after the classes of a manifest were admitted.

mod fault;
mod inbox;
mod outbox;

pub(super) use fault::Fault;
pub(super) use inbox::Inbox;
pub(super) use outbox::{Outbox, Outgoing, write};

use crate::class::ClassSpec;
use crate::message::{ContainerName, Create, Created, Event, HubId, Inspected, Listed};
use crate::mounts::MountWarning;
use crate::posture::Posture;
use manifest::{ClassId, Digest};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;

/// Both sides are of one build; another one is refused before it is misunderstood.
pub(super) const VERSION: u32 = 1;

/// The longest frame. The classes of a manifest with thousands of tools are smaller; without a bound, four bytes
/// could have the other side take 4 GiB.
pub(super) const MOST_BYTES: usize = 4 << 20;

/// Requests that a launcher works on at once. A hub keeps to half of it, so whoever has more open is no hub of ours.
pub(super) const MOST_OPEN: usize = 512;

/// What a hub asks, under a number of its choice.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    pub(super) id: u64,
    pub(super) ask: Ask,
}

/// One question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Ask {
    /// The first, and once only: who the hub is.
    Begin {
        version: u32,
        hub_id: HubId,
        hub_key: String,
    },
    Admit {
        manifest: Digest,
        classes: BTreeMap<ClassId, ClassSpec>,
    },
    /// From here on no manifest is admitted that the launcher does not know already.
    Seal,
    Create(Create),
    Attach(ContainerName),
    Kill(ContainerName),
    List,
    Inspect(ContainerName),
    Stands {
        container: ContainerName,
        manifest: Digest,
    },
    Differences(ContainerName),
    RemoveLeftovers {
        patience_ms: u64,
    },
}

/// What a launcher says: an answer, or what happened.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Told {
    Answer { id: u64, reply: Reply },
    Happened(Event),
}

/// One answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Reply {
    Done,
    Admitted(Vec<MountWarning>),
    Created {
        created: Created,
        posture: Option<Box<Posture>>,
    },
    /// Its descriptors come along: with `frames` both FIFOs and the relay, else the relay alone.
    Attached {
        frames: bool,
    },
    Listed(Vec<Listed>),
    Inspected(Inspected),
    Stands(bool),
    Differences(Vec<String>),
    Leftovers {
        removed: Vec<ContainerName>,
        left: Vec<(ContainerName, Fault)>,
    },
    Refused(Fault),
}

/// What an operator asks over the launcher's own socket.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Order {
    Admit { manifest: Digest, classes: BTreeMap<ClassId, ClassSpec> },
}

/// A frame: the length of its text, four bytes, little-endian; then the text.
pub(super) fn frame(message: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; 4];
    serde_json::to_writer(&mut bytes, message)?;
    let length = bytes.len() - 4;
    if length > MOST_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("a frame of {length} bytes")));
    }
    let prefix = u32::try_from(length).map_err(io::Error::other)?.to_le_bytes();
    for (place, byte) in bytes.iter_mut().zip(prefix) {
        *place = byte;
    }
    Ok(bytes)
}

/// What is in a frame.
pub(super) fn read<T: DeserializeOwned>(text: &[u8]) -> io::Result<T> {
    serde_json::from_slice(text).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

#[cfg(test)]
mod tests;
