//! What one tool may do, as the runner received it with its ticket. The default is nothing.

use crate::link::Imports;
use manifest::{Access, Clock, Limits};
use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// Everything a component is linked with. There is no other way for it to reach anything.
#[derive(Debug, Clone)]
pub struct Grant {
    /// Directories.
    pub dirs: Vec<GrantedDir>,
    /// Environment: exactly this, never the runner's own.
    pub env: BTreeMap<String, String>,
    /// Clocks that run. The others stand still at zero.
    pub clocks: BTreeSet<Clock>,
    /// Imports (instance names such as `wasi:sockets/tcp@0.2.6`, the version may be left out) that link
    /// to a trap.
    pub trap_imports: BTreeSet<String>,
    /// Whether `wasi:http` links. Where its requests go, and whether they go anywhere, each call says for itself.
    pub http: bool,
    /// Bounds of each call.
    pub limits: Limits,
}

impl Grant {
    pub(crate) fn imports(&self) -> Imports<'_> {
        Imports { traps: &self.trap_imports, http: self.http }
    }
}

/// One directory, already open: a path that is swapped later changes nothing.
#[derive(Debug, Clone)]
pub struct GrantedDir {
    /// The directory; `O_PATH` is enough.
    pub dir: Arc<OwnedFd>,
    /// Where the guest sees it, absolute.
    pub guest: String,
    /// What may be done there.
    pub access: Access,
}
