//! What changes between two manifests, in words for the operator who is asked whether to apply the second.
//!
//! Every field of the model is compared: the structs are taken apart without `..`, so that a new field does not
//! compile until somebody has decided what its change means. A change counts as one that widens unless it is certain
//! that it does not: what an operator is asked about too often costs a keypress, and what he is not asked about may
//! cost the host.

mod components;
mod containers;
mod directories;
mod http;
mod limits;
mod mounts;
mod profiles;
mod story;
mod tiers;
mod tools;
mod uses;

use crate::model::{Manifest, Tier};
use crate::names::{ComponentName, Digest, MountName, ProfileName, ToolName};
use crate::placement::ClassId;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use story::{Effect, Story};

/// A manifest, and what it does not say itself: which directories and which files its names stand for.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// What was written.
    pub manifest: &'a Manifest,
    /// The host directory of each mount that has one, from the manifest or from the command line. Mounts that
    /// the manifest does not declare are left out of account.
    pub mounts: &'a BTreeMap<MountName, PathBuf>,
    /// The lock: the digest of the file that each component is. Components that the manifest does not declare are
    /// left out of account.
    pub components: &'a BTreeMap<ComponentName, Digest>,
}

/// What a change is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", content = "name", rename_all = "lowercase")]
pub enum Subject {
    /// The manifest itself.
    Manifest,
    /// A tier: its rates, its runtime, its ceiling.
    Tier(Tier),
    /// A mount.
    Mount(MountName),
    /// A component.
    Component(ComponentName),
    /// A tool.
    Tool(ToolName),
    /// The containers that several tools share.
    Container(ClassId),
    /// A profile.
    Profile(ProfileName),
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Change {
    /// What it is about.
    pub subject: Subject,
    /// One sentence, without a full stop. Names variables of the environment and never their values; what the
    /// operator wrote freely is escaped.
    pub text: String,
    /// More may be done afterwards than before, or it is not certain that it may not.
    pub widens: bool,
}

/// What changes from `old` to `new`: tiers first, then what tools are given, then who sees them. Empty if and only if
/// nothing changes.
#[must_use]
pub fn diff(old: &Side<'_>, new: &Side<'_>) -> Vec<Change> {
    let mut changes = Vec::new();
    let Manifest { name, tiers: _, mounts: _, components: _, tools: _, profiles: _ } = old.manifest;
    if *name != new.manifest.name {
        let mut story = Story::new(&mut changes, Subject::Manifest);
        let names = story::before(story::quoted(&new.manifest.name), story::quoted(name));
        story.tell(Effect::Not, format!("is now called {names}"));
    }
    tiers::compare(old, new, &mut changes);
    mounts::compare(old, new, &mut changes);
    components::compare(old, new, &mut changes);
    tools::compare(old, new, &mut changes);
    containers::compare(old, new, &mut changes);
    profiles::compare(old, new, &mut changes);
    changes
}

/// All of `new`, as changes from a manifest that grants nothing: for the first one that is ever applied.
#[must_use]
pub fn first(new: &Side<'_>) -> Vec<Change> {
    let nothing = Manifest {
        name: new.manifest.name.clone(),
        tiers: BTreeMap::new(),
        mounts: BTreeMap::new(),
        components: BTreeMap::new(),
        tools: BTreeMap::new(),
        profiles: BTreeMap::new(),
    };
    let (mounts, components) = (BTreeMap::new(), BTreeMap::new());
    diff(&Side { manifest: &nothing, mounts: &mounts, components: &components }, new)
}

/// A name and what it stands for on either side.
type Pair<'a, K, V> = (&'a K, Option<&'a V>, Option<&'a V>);

/// Every name of both sides, once and in order.
fn pairs<'a, K: Ord, V>(old: &'a BTreeMap<K, V>, new: &'a BTreeMap<K, V>) -> Vec<Pair<'a, K, V>> {
    let names: BTreeSet<&K> = old.keys().chain(new.keys()).collect();
    names.into_iter().map(|name| (name, old.get(name), new.get(name))).collect()
}
