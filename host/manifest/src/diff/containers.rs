//! What wall 2 holds: a container has the directories of all the tools that share it, so that an escape from one of
//! them reaches those of the others. A tool that moves, to another tier or size, takes its directories along and
//! meets others, although no grant has changed.

use super::story::{Effect, Story};
use super::{Change, Side, Subject};
use crate::model::{Access, Tool};
use crate::names::{MountName, ToolName};
use crate::placement::{ClassId, Placement, class_of};
use std::collections::BTreeMap;

pub(super) fn compare(old: &Side<'_>, new: &Side<'_>, changes: &mut Vec<Change>) {
    let (was, is) = (old.manifest.placements(), new.manifest.placements());
    for (class, now) in &is {
        if let Some(before) = was.get(class) {
            brought(old, new, before, now, changes);
        }
    }
    for (name, now) in &new.manifest.tools {
        if let Some(before) = old.manifest.tools.get(name) {
            met(before, now, &was, &is, changes);
        }
    }
}

/// Directories that a tool brings into containers that others were in already.
fn brought(old: &Side<'_>, new: &Side<'_>, was: &Placement, is: &Placement, changes: &mut Vec<Change>) {
    for (mount, access) in beyond(&was.mounts, &is.mounts) {
        let has = |name: &&ToolName| {
            new.manifest.tools.get(*name).is_some_and(|tool| widest(tool, mount).is_some_and(|has| has >= access))
        };
        let bringers: Vec<&ToolName> = is.tools.iter().filter(has).collect();
        // A grant that is new is told of the tool that has it.
        let told = bringers.iter().any(|name| gained(old.manifest.tools.get(*name), mount, access));
        if !told {
            let mut story = Story::new(changes, Subject::Container(is.class.clone()));
            let tools = super::story::names(bringers);
            story.tell(Effect::Widens, format!("now hold mount `{mount}` ({access}), which {tools} brings along"));
        }
    }
}

/// Directories that a tool finds in the containers that it has come to.
fn met(
    was: &Tool,
    is: &Tool,
    old: &BTreeMap<ClassId, Placement>,
    new: &BTreeMap<ClassId, Placement>,
    changes: &mut Vec<Change>,
) {
    let (before, now) = (class_of(was), class_of(is));
    if before == now {
        return;
    }
    let (Some(before), Some(now)) = (old.get(&before), new.get(&now)) else { return };
    for (mount, access) in beyond(&before.mounts, &now.mounts) {
        if widest(is, mount).is_some_and(|has| has >= access) && gained(Some(was), mount, access) {
            continue;
        }
        let mut story = Story::new(changes, Subject::Tool(is.name.clone()));
        story.tell(
            Effect::Widens,
            format!("now shares containers of class `{}`, which hold mount `{mount}` ({access})", now.class),
        );
    }
}

/// What `new` has and `old` has not, or has only to read.
fn beyond<'a>(old: &BTreeMap<MountName, Access>, new: &'a BTreeMap<MountName, Access>) -> Vec<(&'a MountName, Access)> {
    let more = new.iter().filter(|(mount, access)| old.get(*mount).is_none_or(|had| had < *access));
    more.map(|(mount, access)| (mount, *access)).collect()
}

/// The widest access that a tool has anywhere in a mount: a container has the whole mount with that.
fn widest(tool: &Tool, mount: &MountName) -> Option<Access> {
    tool.grants.fs.iter().filter(|grant| grant.mount == *mount).map(|grant| grant.access).max()
}

/// Whether a tool had less of a mount before, or was not there.
fn gained(before: Option<&Tool>, mount: &MountName, access: Access) -> bool {
    before.is_none_or(|tool| widest(tool, mount).is_none_or(|had| had < access))
}
