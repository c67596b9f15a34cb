//! The author's bench: a hub without wall 2 in a temporary directory, for one component.

use crate::manifests;
use crate::programs::Programs;
use crate::started::{self, HubIs};
use ::hub::{Governed, Hub, HubConfig, PoolConfig, Wall2};
use anyhow::Context;
use manifest::{Manifest, MountName, ProfileName, SourceFile, ToolName};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A started bench. Its directory ends with it.
pub(super) struct Bench {
    pub(super) hub: Hub,
    pub(super) profile: ProfileName,
    _data: TempDir,
}

impl Bench {
    /// Starts it and registers the component.
    pub(super) async fn start(
        component: &Path,
        tool: &ToolName,
        programs: &Programs,
        hub_is: &HubIs,
    ) -> anyhow::Result<Self> {
        let wasm = std::fs::read(component).with_context(|| format!("{} cannot be read", component.display()))?;
        let mount_sources = hub_is.manifest.mount_sources()?;
        let (manifest, private) = match hub_is.manifest.directory() {
            Ok(directory) => (manifests::read(&directory)?.manifest, vec![directory]),
            Err(_) => (of_mounts(tool, &mount_sources)?, Vec::new()),
        };
        let granted = manifest.tools.get(tool).with_context(|| format!("the manifest has no tool `{tool}`"))?;
        let name = granted.component.clone();
        let profile = profile_for(None, &manifest, tool)?;
        let data = tempfile::Builder::new().prefix("safeclaw-author-").tempdir().context("no temporary directory")?;
        let config = HubConfig {
            data: data.path().to_owned(),
            store: None,
            governed: Governed::Fixed { manifest: Box::new(manifest), mounts: mount_sources },
            private,
            wall2: Wall2::Off { runner: programs.runner()?, compile: programs.compile()? },
            denied_tiers: BTreeSet::new(),
            pool: PoolConfig { per_class: 0, ..PoolConfig::default() },
            identity: hub::identity::Config::default(),
            audit_heads: None,
            egress: hub::EgressDeclared::default(),
        };
        let hub = Hub::start(config).await.context("the hub did not start")?;
        match hub.add_component(&name, wasm).await {
            Ok(registration) => {
                let imports = registration.imports.join(", ");
                eprintln!("imports   {}", if imports.is_empty() { "nothing" } else { &imports });
                Ok(Self { hub, profile, _data: data })
            }
            Err(error) => {
                started::stop(&hub).await;
                Err(error).with_context(|| format!("{} was not registered", component.display()))
            }
        }
    }
}

/// The profile that calls a tool: as said, else the first that has it.
pub(super) fn profile_for(
    said: Option<ProfileName>,
    manifest: &Manifest,
    tool: &ToolName,
) -> anyhow::Result<ProfileName> {
    if let Some(profile) = said {
        return Ok(profile);
    }
    let granted = manifest.tools.get(tool).with_context(|| format!("the manifest has no tool `{tool}`"))?;
    let has = |profile: &&manifest::Profile| {
        profile.tiers.contains(&granted.tier) && profile.tools.as_ref().is_none_or(|tools| tools.contains(tool))
    };
    let first = manifest.profiles.values().find(has);
    first.map(|profile| profile.name.clone()).with_context(|| format!("no profile of the manifest has `{tool}`"))
}

/// The manifest of an author who gave none: these mounts, read-only, and nothing else.
fn of_mounts(tool: &ToolName, mounts: &BTreeMap<MountName, PathBuf>) -> anyhow::Result<Manifest> {
    let text = manifest_text(tool, mounts.keys());
    let files = [SourceFile { name: "author.toml".to_owned(), text }];
    let read = manifest::read(&files).map_err(|diagnostics| anyhow::anyhow!("the author's manifest: {diagnostics}"))?;
    let granted: Vec<String> = mounts.keys().map(|name| format!("/{name} (read)")).collect();
    let granted = if granted.is_empty() { "nothing".to_owned() } else { granted.join(", ") };
    eprintln!("granted   {granted}; for more, write a manifest and say --manifest DIR");
    Ok(read.manifest)
}

fn manifest_text<'m>(tool: &ToolName, mounts: impl Iterator<Item = &'m MountName>) -> String {
    let names: Vec<&MountName> = mounts.collect();
    let fs: Vec<String> = names.iter().map(|name| format!("{{ mount = \"{name}\", access = \"read\" }}")).collect();
    let fs = fs.join(", ");
    let mut text = format!(
        "name = \"author\"\n\
        [tiers.user]\nconcurrent_calls = 1\ncalls_per_hour = 6000\nidle = \"15min\"\n\
        [tiers.user.ceiling]\nfs = [{fs}]\nsize = \"small\"\nrunner = \"session\"\n\
        [tiers.user.ceiling.limits]\nmemory = \"64MiB\"\ncpu = \"2s\"\ndeadline = \"10s\"\narguments = \"1MiB\"\n\
        result = \"1MiB\"\nlog = \"64KiB\"\nhandles = 1000\n\
        [components.author]\n\
        [tools.\"{tool}\"]\ncomponent = \"author\"\ntier = \"user\"\nreason = \"its author tries it\"\nfs = [{fs}]\n\
        [profiles.author]\ntiers = [\"user\"]\n"
    );
    for name in names {
        let _ = write!(text, "[mounts.{name}]\npath = \"/{name}\"\nreason = \"its author tries it\"\n");
    }
    text
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use manifest::{Access, ComponentName};

    fn tool() -> ToolName {
        ToolName::try_from("a.tool").unwrap()
    }

    #[test]
    fn an_author_without_a_manifest_is_granted_the_mounts_and_nothing_else() {
        let mounts = BTreeMap::from([(MountName::try_from("workspace").unwrap(), PathBuf::from("/x"))]);
        let manifest = of_mounts(&tool(), &mounts).unwrap();
        let granted = &manifest.tools.get(&tool()).unwrap().grants;
        assert_eq!(granted.fs.len(), 1);
        assert!(granted.fs.iter().all(|fs| fs.access == Access::Read));
        assert!(granted.env.is_empty() && granted.clocks.is_empty() && granted.trap_imports.is_empty());
        assert_eq!(manifest.tools.get(&tool()).unwrap().component, ComponentName::try_from("author").unwrap());
    }

    #[test]
    fn without_mounts_it_is_the_empty_grant() {
        let manifest = of_mounts(&tool(), &BTreeMap::new()).unwrap();
        assert!(manifest.tools.get(&tool()).unwrap().grants.fs.is_empty());
        assert_eq!(profile_for(None, &manifest, &tool()).unwrap().as_str(), "author");
    }
}
