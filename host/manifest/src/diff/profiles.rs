//! Profiles: which tools each gains and loses, by their names, whatever the reason.

use super::story::{Effect, Story, names};
use super::{Change, Side, Subject, pairs};
use crate::model::{Manifest, Profile, Tier};
use crate::names::ToolName;
use std::collections::BTreeSet;

/// Whether a profile shows a tool.
pub(super) fn shows(profile: &Profile, tool: &ToolName, tier: Tier) -> bool {
    let Profile { name: _, tiers, tools } = profile;
    tiers.contains(&tier) && tools.as_ref().is_none_or(|tools| tools.contains(tool))
}

fn shown<'a>(profile: &Profile, manifest: &'a Manifest) -> BTreeSet<&'a ToolName> {
    let tools = manifest.tools.iter().filter(|(name, tool)| shows(profile, name, tool.tier));
    tools.map(|(name, _)| name).collect()
}

pub(super) fn compare(old: &Side<'_>, new: &Side<'_>, changes: &mut Vec<Change>) {
    for (name, was, is) in pairs(&old.manifest.profiles, &new.manifest.profiles) {
        let mut story = Story::new(changes, Subject::Profile(name.clone()));
        match (was, is) {
            (Some(was), Some(is)) => {
                changed(&mut story, was, is, &shown(was, old.manifest), &shown(is, new.manifest));
            }
            (None, Some(is)) => {
                let tools = shown(is, new.manifest);
                let what = if tools.is_empty() { "no tool".to_owned() } else { names(&tools) };
                let of = if is.tools.is_some() { "the tools that it names" } else { "all tools" };
                let effect = Effect::unless(tools.is_empty());
                story.tell(effect, format!("is new: for {of} of tier {}, it shows {what}", names(&is.tiers)));
            }
            (Some(_), None) => story.tell(Effect::Not, "is gone: whoever has it sees no tool"),
            (None, None) => {}
        }
    }
}

fn changed(story: &mut Story<'_>, was: &Profile, is: &Profile, old: &BTreeSet<&ToolName>, new: &BTreeSet<&ToolName>) {
    let Profile { name: _, tiers, tools } = was;
    for tier in is.tiers.difference(tiers) {
        story.tell(Effect::Widens, format!("now has the tier `{tier}`"));
    }
    for tier in tiers.difference(&is.tiers) {
        story.tell(Effect::Not, format!("no longer has the tier `{tier}`"));
    }
    match (tools, &is.tools) {
        (Some(_), None) => {
            story.tell(Effect::Widens, "now shows every tool of its tiers, also those to come");
        }
        (None, Some(_)) => story.tell(Effect::Not, "now shows only the tools that it names"),
        (Some(was), Some(is)) => {
            // Names that make no difference, since no such tool is in its tiers; the reader refuses them.
            let idle = |names: BTreeSet<&ToolName>| -> Vec<ToolName> {
                names.into_iter().filter(|name| !old.contains(name) && !new.contains(name)).cloned().collect()
            };
            for name in idle(is.difference(was).collect()) {
                story.tell(Effect::Widens, format!("now names `{name}`, which it does not show"));
            }
            for name in idle(was.difference(is).collect()) {
                story.tell(Effect::Not, format!("no longer names `{name}`, which it did not show"));
            }
        }
        (None, None) => {}
    }
    let gained: Vec<_> = new.difference(old).collect();
    if !gained.is_empty() {
        story.tell(Effect::Widens, format!("now shows {}", names(gained)));
    }
    let lost: Vec<_> = old.difference(new).collect();
    if !lost.is_empty() {
        story.tell(Effect::Not, format!("no longer shows {}", names(lost)));
    }
}
