//! What an operator sees of a credential: everything but its value, and nothing that is made from it.

use super::rule::{Add, Rule};
use crate::leaks::OnLeak;
use jiff::Timestamp;
use manifest::http::{HostPattern, Method, PathPattern};
use manifest::{CredentialName, Tier};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Who reads a source when a credential is to be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReadBy {
    /// The hub that serves: it may open the directory still.
    Hub,
    /// The operator's own command. The hub has given up starting programs, and keyrings.
    Operator,
    /// Nobody: what stood in an environment is not there any more.
    Nobody,
}

/// One credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialView {
    /// Its name.
    pub name: CredentialName,
    /// `env`, `file`, `systemd`, `keyring` or `command`.
    pub source: String,
    /// Who reads that again.
    pub read_by: ReadBy,
    /// Where it may go.
    pub hosts: Vec<HostPattern>,
    /// At which ports, if not the scheme's own.
    pub ports: BTreeSet<u16>,
    /// With which methods.
    pub methods: BTreeSet<Method>,
    /// To which paths.
    pub paths: Vec<PathPattern>,
    /// For which tiers.
    pub tiers: BTreeSet<Tier>,
    /// The header that it is added in.
    pub header: String,
    /// What happens where it comes back.
    pub leaks: OnLeak,
    /// It goes over connections without TLS as well.
    pub plain: bool,
    /// Since when this value is in force.
    pub loaded: Timestamp,
    /// To how many requests it was granted since the hub started.
    pub uses: u64,
}

impl CredentialView {
    pub(super) fn of(name: &CredentialName, rule: &Rule, loaded: Timestamp, uses: u64) -> Self {
        let header = match &rule.add {
            Add::Bearer | Add::Basic { .. } => "authorization".to_owned(),
            Add::Header { header, .. } => header.as_str().to_owned(),
        };
        Self {
            name: name.clone(),
            source: rule.source.kind().to_owned(),
            read_by: rule.source.read_by(),
            hosts: rule.hosts.clone(),
            ports: rule.ports.clone(),
            methods: rule.methods.clone(),
            paths: rule.paths.clone(),
            tiers: rule.tiers.clone(),
            header,
            leaks: rule.on_leak,
            plain: rule.plain,
            loaded,
            uses,
        }
    }
}
