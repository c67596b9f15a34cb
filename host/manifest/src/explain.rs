//! What one tool may do and why: every effective value with the line it came from, and what it is not
//! granted said aloud. The container's rendered posture is added by whoever has the renderer.

mod facts;

use crate::model::{Access, ContainerSize, RunnerScope, Tier};
use crate::names::{ComponentName, MountName, ProfileName, ToolName};
use crate::placement::{ClassId, class_of};
use crate::read::Read;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A value and where it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// What is granted or bounded, such as `fs` or `limits.memory`.
    pub what: String,
    /// The effective value.
    pub value: String,
    /// The line, the tier's line, or the rule.
    pub origin: String,
}

/// Everything that holds for one tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The tool.
    pub tool: ToolName,
    /// The component that has it.
    pub component: ComponentName,
    /// Its tier.
    pub tier: Tier,
    /// Whom its runner serves.
    pub runner: RunnerScope,
    /// The size of its container.
    pub size: ContainerSize,
    /// The class of its container.
    pub class: ClassId,
    /// What that container has mounted: also for the other tools of the class.
    pub container_mounts: BTreeMap<MountName, Access>,
    /// The other tools that run in the same container.
    pub shares_runner_with: BTreeSet<ToolName>,
    /// Profiles that see it.
    pub profiles: BTreeSet<ProfileName>,
    /// What it is, with origins: component, tier, reason, runner, size, record, runtime.
    pub is: Vec<Fact>,
    /// What it is granted, with origins.
    pub granted: Vec<Fact>,
    /// The mounts that its directories lie in, each with the operator's reason for it.
    pub mounts: Vec<Fact>,
    /// What it is not granted, in words; the empty grant is all of it.
    pub not_granted: Vec<String>,
    /// What bounds one call, with origins.
    pub limits: Vec<Fact>,
    /// What bounds the session's calls to this tier, with origins.
    pub session: Vec<Fact>,
}

/// There is no such tool.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no tool `{tool}` in this manifest{}", .meant.as_ref().map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default())]
pub struct UnknownTool {
    /// The name that was asked for.
    pub tool: ToolName,
    /// The tool whose name comes nearest.
    pub meant: Option<ToolName>,
}

/// Explains one tool.
///
/// # Errors
///
/// The manifest has no such tool.
pub fn explain(read: &Read, name: &ToolName) -> Result<Explanation, UnknownTool> {
    let Read { manifest, origins, .. } = read;
    let known = manifest.tools.get(name).and_then(|tool| Some((tool, manifest.tiers.get(&tool.tier)?)));
    let known =
        known.and_then(|(tool, rules)| Some((tool, rules, origins.tools.get(name)?, origins.tiers.get(&tool.tier)?)));
    let Some((tool, rules, from, tier_from)) = known else {
        let meant = crate::diagnostics::nearest(name.as_str(), manifest.tools.keys().map(ToolName::as_str));
        let meant = meant.and_then(|meant| ToolName::try_from(meant).ok());
        return Err(UnknownTool { tool: name.clone(), meant });
    };
    let class = class_of(tool);
    let placement = manifest.placements().remove(&class);
    let (container_mounts, mut shares_runner_with) =
        placement.map(|placement| (placement.mounts, placement.tools)).unwrap_or_default();
    shares_runner_with.remove(name);
    let sees = |profile: &&crate::model::Profile| {
        profile.tiers.contains(&tool.tier) && profile.tools.as_ref().is_none_or(|tools| tools.contains(name))
    };
    Ok(Explanation {
        tool: name.clone(),
        component: tool.component.clone(),
        tier: tool.tier,
        runner: tool.runner,
        size: tool.size,
        class,
        container_mounts,
        shares_runner_with,
        profiles: manifest.profiles.values().filter(sees).map(|profile| profile.name.clone()).collect(),
        is: facts::is(tool, from, rules, tier_from, &manifest.components, &origins.components),
        granted: facts::granted(tool, from, &manifest.mounts),
        mounts: facts::mounts(tool, &manifest.mounts, &origins.mounts),
        not_granted: facts::not_granted(tool),
        limits: facts::limits(tool, from),
        session: facts::session(tool, rules, tier_from),
    })
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} of component {}", self.tool, self.component)?;
        section(f, "is", &self.is)?;
        section(f, "granted", &self.granted)?;
        if self.granted.is_empty() {
            writeln!(f, "    nothing")?;
        }
        if !self.mounts.is_empty() {
            section(f, "mounts, and why they exist", &self.mounts)?;
        }
        writeln!(f, "  not granted")?;
        for line in &self.not_granted {
            writeln!(f, "    {line}")?;
        }
        section(f, "limits of one call", &self.limits)?;
        section(f, "limits of one session", &self.session)?;
        writeln!(f, "  container")?;
        writeln!(f, "    class             {}", self.class)?;
        let mounts: Vec<String> =
            self.container_mounts.iter().map(|(mount, access)| format!("{mount} ({access})")).collect();
        writeln!(f, "    mounts            {}", list(&mounts))?;
        let others: Vec<&str> = self.shares_runner_with.iter().map(ToolName::as_str).collect();
        writeln!(f, "    shared with       {}", list(&others))?;
        let profiles: Vec<&str> = self.profiles.iter().map(ProfileName::as_str).collect();
        writeln!(f, "  seen by profiles    {}", list(&profiles))
    }
}

fn section(f: &mut fmt::Formatter<'_>, title: &str, facts: &[Fact]) -> fmt::Result {
    writeln!(f, "  {title}")?;
    for fact in facts {
        writeln!(f, "    {:<17} {:<40} {}", fact.what, fact.value, fact.origin)?;
    }
    Ok(())
}

fn list<T: AsRef<str>>(items: &[T]) -> String {
    if items.is_empty() {
        return "none".to_owned();
    }
    items.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ")
}
