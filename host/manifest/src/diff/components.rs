//! Components: which file a name stands for, and whether the manifest pins it.

use super::story::{Effect, Story, before};
use super::{Change, Side, Subject, pairs};
use crate::model::Component;
use crate::names::Digest;

pub(super) fn compare(old: &Side<'_>, new: &Side<'_>, changes: &mut Vec<Change>) {
    for (name, was, is) in pairs(&old.manifest.components, &new.manifest.components) {
        let mut story = Story::new(changes, Subject::Component(name.clone()));
        let (old_file, new_file) = (old.components.get(name), new.components.get(name));
        match (was, is) {
            (Some(was), Some(is)) => changed(&mut story, was, is, (old_file, new_file)),
            (None, Some(is)) => {
                let Component { name: _, digest } = is;
                let pin = match digest {
                    None => "not pinned".to_owned(),
                    Some(digest) if new_file == Some(digest) => "pinned to it".to_owned(),
                    Some(digest) => format!("pinned to {digest}"),
                };
                // New code: it is compiled, and asked for its tools, before any profile shows one.
                story.tell(Effect::Widens, format!("is new: {}, {pin}", file(new_file)));
            }
            (Some(_), None) => story.tell(Effect::Not, "is gone"),
            (None, None) => {}
        }
    }
}

fn changed(story: &mut Story<'_>, was: &Component, is: &Component, files: (Option<&Digest>, Option<&Digest>)) {
    let Component { name: _, digest: old_pin } = was;
    let new_pin = &is.digest;
    let (old, new) = files;
    if old != new {
        story.tell(Effect::unless(new.is_none()), format!("now is {}", before(file(new), file(old))));
    }
    // A pin that went along with its file is told already; one that went for good lets any file come later.
    let along = old != new && old.is_some() && new.is_some() && old_pin.as_ref() == old && new_pin.as_ref() == new;
    if old_pin != new_pin && !along {
        let pin = |pin: &Option<Digest>| pin.as_ref().map_or_else(|| "no digest".to_owned(), ToString::to_string);
        let effect = Effect::unless(old_pin.is_none());
        story.tell(effect, format!("now is pinned to {}", before(pin(new_pin), pin(old_pin))));
    }
}

fn file(digest: Option<&Digest>) -> String {
    digest.map_or_else(|| "no file".to_owned(), |digest| format!("the file with digest {digest}"))
}
