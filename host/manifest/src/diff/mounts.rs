//! Mounts: which directory of the host a name stands for. A new mount is in no container before a tool is granted it,
//! and that is told of the tool.

use super::story::{Effect, Story, before, quoted};
use super::{Change, Side, Subject, pairs};
use crate::model::Mount;
use std::path::PathBuf;

pub(super) fn compare(old: &Side<'_>, new: &Side<'_>, changes: &mut Vec<Change>) {
    for (name, was, is) in pairs(&old.manifest.mounts, &new.manifest.mounts) {
        let mut story = Story::new(changes, Subject::Mount(name.clone()));
        let directories = (old.mounts.get(name), new.mounts.get(name));
        match (was, is) {
            (Some(was), Some(is)) => changed(&mut story, was, is, directories),
            (None, Some(is)) => {
                let Mount { name: _, source: _, path, reason } = is;
                let directory = shown(directories.1);
                let text =
                    format!("is new: {directory}, seen by tools at {}, because: {}", quoted(path), quoted(reason));
                story.tell(Effect::Not, text);
            }
            (Some(_), None) => story.tell(Effect::Not, "is gone"),
            (None, None) => {}
        }
    }
}

fn changed(story: &mut Story<'_>, was: &Mount, is: &Mount, directories: (Option<&PathBuf>, Option<&PathBuf>)) {
    let Mount { name: _, source, path, reason } = was;
    let (old, new) = directories;
    if old != new {
        // Also where the new one lies in the old one: what a path leads to is for the disk to say, not for its text.
        story.tell(Effect::unless(new.is_none()), format!("now is {}", before(shown(new), shown(old))));
    }
    let followed = old != new && new.is_some() && written(was, old) && written(is, new);
    if *source != is.source && !followed {
        let said = |source: &Option<String>| {
            source.as_ref().map_or_else(|| "to be named when the hub starts".to_owned(), |dir| quoted(dir))
        };
        // Where the directory in force is known to be the same one, only the place where it is written differs.
        let effect = Effect::unless(old.is_some() && old == new);
        story.tell(
            effect,
            format!("now has its directory in the manifest as {}", before(said(&is.source), said(source))),
        );
    }
    if *path != is.path {
        story.tell(Effect::Not, format!("is now seen by tools at {}", before(quoted(&is.path), quoted(path))));
    }
    story.reason(reason, &is.reason);
}

/// Whether the directory in force is the one that the manifest writes: its change is then told already.
fn written(mount: &Mount, directory: Option<&PathBuf>) -> bool {
    mount.source.as_deref().map(PathBuf::from).as_ref() == directory
}

fn shown(directory: Option<&PathBuf>) -> String {
    directory.map_or_else(
        || "no directory of the host".to_owned(),
        |directory| format!("the directory {}", quoted(&directory.display().to_string())),
    )
}
