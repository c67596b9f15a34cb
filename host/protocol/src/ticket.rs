//! The ticket: what the hub signs and a runner enforces.

mod check;
pub mod jose;
mod key;

pub use check::TicketCheck;
pub use key::{BadHubKey, HubKey, HubPublicKey, TicketError};

use manifest::{Access, Clock, Digest, EnvName, Limits, ToolName};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Everything a runner may do, until a ticket with a higher serial replaces it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ticket {
    /// The hub that signs.
    pub hub: String,
    /// The container this is for: the name it was born with.
    pub container: String,
    /// The nonce of this runner's hello, hexadecimal.
    pub nonce: String,
    /// The session it serves; registration has its own.
    pub session: String,
    /// Digest of the manifest in force.
    pub manifest: Digest,
    /// The red button's counter.
    pub epoch: u64,
    /// Unix seconds; after this no call is started.
    pub expires: u64,
    /// Higher than any ticket before it on this connection.
    pub serial: u64,
    /// Digest of the container's posture: the one it was born with.
    pub posture: Digest,
    /// Calls at once.
    pub concurrent_calls: u32,
    /// Components to map.
    pub components: Vec<TicketComponent>,
    /// Tools that may be called.
    pub tools: Vec<TicketTool>,
}

/// A component and the artefact to map for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TicketComponent {
    /// Digest of the Wasm.
    pub component: Digest,
    /// Digest of the artefact, `/artefacts/DIGEST.cwasm`; checked on the descriptor that is mapped.
    pub artefact: Digest,
    /// Imports that link to a trap.
    pub trap_imports: BTreeSet<String>,
    /// Whether `wasi:http` links: some tool of it is granted HTTP.
    pub http: bool,
}

/// A tool and what it may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TicketTool {
    /// Its name.
    pub name: ToolName,
    /// Its component, one of [`Ticket::components`].
    pub component: Digest,
    /// Bounds.
    pub limits: Limits,
    /// Directories.
    pub preopens: Vec<Preopen>,
    /// Environment.
    pub env: BTreeMap<EnvName, String>,
    /// Clocks.
    pub clocks: BTreeSet<Clock>,
    /// Whether it may ask the hub for HTTP; what is answered, and what is not, the hub decides.
    pub http: bool,
    /// JSON Schema of the arguments.
    pub input_schema: String,
    /// JSON Schema of the structured result.
    pub output_schema: Option<String>,
}

/// One granted directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preopen {
    /// The mount as the runner sees it: `/mnt/NAME` in a container.
    pub root: String,
    /// A directory below `root`, relative, `.` for all of it; opened beneath it, without symlinks.
    pub path: String,
    /// Where the guest sees it.
    pub guest: String,
    /// What may be done there.
    pub access: Access,
}
