//! What the doors ask of the hub besides calls.

use super::Hub;
use crate::audit::Audit;
use crate::tls::ServerTls;
use crate::tokens::Ledger;
use jiff::Timestamp;
use manifest::{ProfileName, Tier};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// The certificates of the doors, for whoever asks how the hub is.
#[derive(Debug, Default)]
pub(crate) struct Certificates(Mutex<Vec<Arc<ServerTls>>>);

impl Certificates {
    pub(super) fn problems(&self, now: Timestamp) -> Vec<String> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        all.iter().flat_map(|tls| tls.problems(now)).collect()
    }
}

impl Hub {
    /// From now on its health says what is wrong with these.
    pub(crate) fn look_after<'a>(&self, certificates: impl Iterator<Item = &'a Arc<ServerTls>>) {
        self.0.certificates.0.lock().unwrap_or_else(PoisonError::into_inner).extend(certificates.cloned());
    }

    /// No tool is sent to this door of the hub's own, whatever a grant says.
    pub(crate) fn keep_tools_out(&self, door: SocketAddr) {
        self.0.broker.forbid(door);
    }

    pub(crate) fn audit(&self) -> &Audit {
        &self.0.audit
    }

    /// Its data directory.
    pub(crate) fn data(&self) -> &Path {
        self.0.data.root()
    }

    /// Its tokens, wherever its store is.
    pub(crate) fn tokens(&self) -> Ledger {
        Ledger::at(self.data(), self.0.store.location().clone())
    }

    /// The tiers that a profile reaches; `None` if the manifest in force has no such profile.
    pub(crate) fn tiers_of(&self, profile: &ProfileName) -> Option<BTreeSet<Tier>> {
        self.manifest().profiles.get(profile).map(|profile| profile.tiers.clone())
    }
}
