//! A class's container as it will be asked for, before there is a hub: what only a hub knows is named.

use anyhow::Context;
use container::{CheckedMount, ClassSpec, HubId, ImageId, MountSpec, PostureInputs, Program, render};
use manifest::{ClassId, Digest, Manifest, MountName, Placement};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Stands for what a hub will fill in.
const LATER: &str = "(the hub's)";

/// The class of containers that a placement needs.
pub(crate) fn class(placement: &Placement, manifest: &Manifest, sources: &BTreeMap<MountName, PathBuf>) -> ClassSpec {
    let mounts = placement.mounts.iter().map(|(name, access)| {
        let declared = manifest.mounts.get(name).and_then(|mount| mount.source.as_ref()).map(PathBuf::from);
        let source = sources.get(name).cloned().or(declared);
        let source = source.unwrap_or_else(|| PathBuf::from(format!("(--mount {name}=DIR)")));
        MountSpec { name: name.clone(), source, access: *access }
    });
    ClassSpec {
        program: Program::Runner,
        size: placement.size.into(),
        runtime: placement.runtime,
        mounts: mounts.collect(),
        artefacts: Some(PathBuf::from(LATER)),
        frames: Some(PathBuf::from(LATER)),
    }
}

/// The posture of a class.
pub(crate) fn posture(
    manifest: &Manifest,
    id: &ClassId,
    sources: &BTreeMap<MountName, PathBuf>,
) -> anyhow::Result<Value> {
    let placements = manifest.placements();
    let placement = placements.get(id).with_context(|| format!("there is no class {id}"))?;
    let class = class(placement, manifest, sources);
    let mounts: Vec<CheckedMount> = class.mounts.iter().map(unchecked).collect();
    let image = ImageId::of(Digest::try_from("0".repeat(64))?);
    let inputs =
        PostureInputs { hub_id: &HubId(LATER.to_owned()), hub_key: LATER, image: &image, class: id, mounts: &mounts };
    let mut posture = serde_json::to_value(render(&class, &inputs)).context("the posture is not JSON")?;
    if let Some(field) = posture.get_mut("image") {
        *field = Value::from(LATER);
    }
    Ok(posture)
}

/// Protected paths are found when a container is made; those that exist now are shown.
fn unchecked(mount: &MountSpec) -> CheckedMount {
    let there = |path: &String| mount.source.join(path).symlink_metadata().is_ok();
    let protected = match mount.access {
        manifest::Access::Read => Vec::new(),
        manifest::Access::Write => {
            manifest::protected_paths().into_iter().map(|protected| protected.path).filter(there).collect()
        }
    };
    CheckedMount {
        name: mount.name.clone(),
        source: mount.source.clone(),
        access: mount.access,
        pinned: Vec::new(),
        protected,
    }
}

/// A posture as lines, one setting each.
pub(crate) fn lines(posture: &Value) -> String {
    let mut lines = Vec::new();
    flatten(Path::new(""), posture, &mut lines);
    lines.join("\n")
}

fn flatten(at: &Path, value: &Value, lines: &mut Vec<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| flatten(&at.join(name), value, lines)),
        Value::Array(items) if items.iter().any(Value::is_object) => {
            items.iter().enumerate().for_each(|(index, item)| flatten(&at.join(index.to_string()), item, lines));
        }
        Value::String(text) => lines.push(format!("    {:<34}{text}", at.display())),
        other => lines.push(format!("    {:<34}{other}", at.display())),
    }
}
