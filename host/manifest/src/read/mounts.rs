//! Mounts: directories of the host under names, and where guests see them.

use super::{Sections, paths};
use crate::bounds;
use crate::diagnostics::quote;
use crate::model::Mount;
use crate::names::MountName;
use crate::raw::{RawMount, Reading, Text};
use crate::source::Spot;
use std::collections::BTreeMap;

/// The mounts that are sound, and the place of every one that is declared.
pub(super) fn read(
    reading: &mut Reading<'_>,
    sections: Sections<MountName, RawMount>,
) -> (BTreeMap<MountName, Mount>, BTreeMap<MountName, Spot>) {
    let mut mounts: BTreeMap<MountName, Mount> = BTreeMap::new();
    let mut spots = BTreeMap::new();
    let mut guest_paths: Vec<(String, MountName)> = Vec::new();
    for (name, section) in sections {
        let at = format!("mounts.{name}");
        if spots.len() == bounds::MAX_MOUNTS {
            reading.report(
                section.spot,
                "there are too many mounts",
                format!("at most {} of them", bounds::MAX_MOUNTS),
            );
            break;
        }
        spots.insert(name.clone(), section.spot);
        let reason = reason(reading, section.raw.reason, section.spot, &at);
        let source = section.raw.source.given();
        if let Some(source) = &source {
            check(reading, &source.value, source.spot, "the source of a mount");
        }
        let help = "write where guests see it: path = \"/workspace\"";
        let path = section.raw.path.required(reading, section.spot, &at, "path", help);
        let Some((path, reason)) = path.zip(reason) else { continue };
        if check(reading, &path.value, path.spot, "the path of a mount") {
            let path_text = path.value.0.as_str();
            if let Some((other_path, other)) = guest_paths
                .iter()
                .find(|(other, _)| paths::beneath(path_text, other) || paths::beneath(other, path_text))
            {
                let message =
                    format!("mounts `{other}` ({}) and `{name}` ({}) overlap", quote(other_path), quote(path_text));
                reading.report(path.spot, message, "give each mount a path that is not within another's");
            }
            guest_paths.push((path.value.0.clone(), name.clone()));
        }
        let source = source.map(|source| source.value.0);
        mounts.insert(name.clone(), Mount { name, source, path: path.value.0, reason });
    }
    (mounts, spots)
}

fn check(reading: &mut Reading<'_>, path: &Text, spot: Spot, what: &str) -> bool {
    if let Some(help) = paths::not_absolute(&path.0) {
        reading.report(spot, format!("{} cannot be {what}", quote(&path.0)), help);
        return false;
    }
    if let Some(directory) = paths::kernel_directory(&path.0) {
        let help =
            format!("choose a directory outside {directory}: it is the kernel's, and shows or changes the machine");
        reading.report(spot, format!("{} cannot be {what}", quote(&path.0)), help);
        return false;
    }
    true
}

/// A reason that says something.
pub(super) fn reason(
    reading: &mut Reading<'_>,
    field: crate::raw::Field<Text>,
    owner: Spot,
    at: &str,
) -> Option<String> {
    let help = "say why in one sentence: whoever reads the manifest in a year wants to know";
    let reason = field.required(reading, owner, at, "reason", help)?;
    if reason.value.0.trim().is_empty() {
        reading.report(reason.spot, format!("the reason of {} is empty", quote(at)), help);
        return None;
    }
    Some(reason.value.0)
}
