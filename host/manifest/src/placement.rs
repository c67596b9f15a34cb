//! Which tools share a runner, and what that runner's container is given.

use crate::model::{Access, ContainerSize, Manifest, RunnerScope, Runtime, Tier};
use crate::names::{MountName, ToolName};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The name of a class of containers: one posture, one set of mounts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClassId(pub String);

impl fmt::Display for ClassId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A class of containers and the tools that run in it.
///
/// Session-scoped tools of one tier and size share a class; a call-scoped tool has one of its own, so that an escape
/// from it owns its own mounts and no others. So has one that may ask for something outside: what an answer brings in
/// meets no other tool's call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// Its name, such as `user`, `write-large`, `call-files_delete` or `alone-list_issues`.
    pub class: ClassId,
    /// The tier of all its tools.
    pub tier: Tier,
    /// Whom one container of it serves.
    pub runner: RunnerScope,
    /// The size of the container.
    pub size: ContainerSize,
    /// What runs it: its tier's.
    pub runtime: Runtime,
    /// The union of its tools' mounts, each with the widest access among them.
    pub mounts: BTreeMap<MountName, Access>,
    /// Its tools.
    pub tools: BTreeSet<ToolName>,
}

impl Manifest {
    /// Every class of containers that this manifest needs.
    #[must_use]
    pub fn placements(&self) -> BTreeMap<ClassId, Placement> {
        let mut placements = BTreeMap::new();
        for tool in self.tools.values() {
            let class = class_of(tool);
            let placement = placements.entry(class.clone()).or_insert_with(|| Placement {
                class,
                tier: tool.tier,
                runner: tool.runner,
                size: tool.size,
                runtime: self.runtime(tool.tier),
                mounts: BTreeMap::new(),
                tools: BTreeSet::new(),
            });
            placement.tools.insert(tool.name.clone());
            for grant in &tool.grants.fs {
                let access = placement.mounts.entry(grant.mount.clone()).or_insert(grant.access);
                *access = (*access).max(grant.access);
            }
        }
        placements
    }

    /// What runs the containers of a tier.
    #[must_use]
    pub fn runtime(&self, tier: Tier) -> Runtime {
        self.tiers.get(&tier).map_or(Runtime::Runc, |rules| rules.runtime)
    }

    /// The strongest runtime that a tier asks for: a component is asked for its tools behind this one, since
    /// whoever distrusts `runc` for its calls distrusts it for its first words too.
    #[must_use]
    pub fn strongest_runtime(&self) -> Runtime {
        self.tiers.values().map(|rules| rules.runtime).max().unwrap_or(Runtime::Runc)
    }
}

/// The class that a tool runs in.
#[must_use]
pub fn class_of(tool: &crate::model::Tool) -> ClassId {
    let tier = match tool.tier {
        Tier::User => "user",
        Tier::Write => "write",
        Tier::Admin => "admin",
        Tier::Critical => "critical",
    };
    ClassId(match (tool.runner, tool.size) {
        (RunnerScope::Call, _) => format!("call-{}", tool.name),
        (RunnerScope::Session, _) if !tool.grants.http.is_empty() => format!("alone-{}", tool.name),
        (RunnerScope::Session, ContainerSize::Small) => tier.to_owned(),
        (RunnerScope::Session, ContainerSize::Large) => format!("{tier}-large"),
    })
}
