//! Directories: which are given, which are taken, and which lie within one that was there.

use super::story::{Effect, Story, before, quoted};
use crate::model::{Access, FsGrant};
use crate::names::MountName;
use crate::read::fs::covers;
use std::collections::{BTreeMap, BTreeSet};

/// Whose directories they are: a tool has them, a tier's ceiling lets tools be granted them.
#[derive(Debug, Clone, Copy)]
pub(super) enum Whose {
    Tool,
    Ceiling,
}

impl Whose {
    fn may(self, access: Access) -> String {
        match self {
            Self::Tool => format!("may now {access}"),
            Self::Ceiling => format!("now lets tools {access}"),
        }
    }

    fn may_not(self, access: Access) -> String {
        match self {
            Self::Tool => format!("may no longer {access}"),
            Self::Ceiling => format!("no longer lets tools {access}"),
        }
    }
}

/// Directories of one mount, each with its access.
type Paths<'a> = BTreeMap<&'a str, Access>;

fn by_mount(grants: &[FsGrant]) -> BTreeMap<&MountName, Paths<'_>> {
    let mut mounts: BTreeMap<&MountName, Paths<'_>> = BTreeMap::new();
    for grant in grants {
        let FsGrant { mount, path, access } = grant;
        // The same directory twice is refused when a manifest is read; the wider access would hold.
        let known = mounts.entry(mount).or_default().entry(path).or_insert(*access);
        *known = (*known).max(*access);
    }
    mounts
}

/// Tells each directory that changed, once: where one directory takes another's place, in one sentence.
pub(super) fn compare(story: &mut Story<'_>, old: &[FsGrant], new: &[FsGrant], whose: Whose) {
    let (old_mounts, new_mounts) = (by_mount(old), by_mount(new));
    let mounts: BTreeSet<&MountName> = old_mounts.keys().chain(new_mounts.keys()).copied().collect();
    let none = Paths::new();
    for mount in mounts {
        let was = old_mounts.get(mount).unwrap_or(&none);
        let is = new_mounts.get(mount).unwrap_or(&none);
        let effect = |path: &str, access: Access| {
            let grant = FsGrant { mount: mount.clone(), path: path.to_owned(), access };
            Effect::unless(old.iter().any(|allowed| covers(allowed, &grant)))
        };
        for (path, access) in is {
            match was.get(path) {
                Some(other) if other != access => {
                    let what = format!("{} in {}", whose.may(*access), place(mount, path));
                    story.tell(effect(path, *access), before(what, other));
                }
                _ => {}
            }
        }
        let gone: Vec<_> = was.iter().filter(|(path, _)| !is.contains_key(*path)).collect();
        let come: Vec<_> = is.iter().filter(|(path, _)| !was.contains_key(*path)).collect();
        if let ([(left, had)], [(path, access)]) = (gone.as_slice(), come.as_slice()) {
            let what = format!("{} in {}", whose.may(**access), place(mount, path));
            story.tell(effect(path, **access), before(what, format!("{had} in {}", place(mount, left))));
            continue;
        }
        for (path, access) in come {
            story.tell(effect(path, *access), format!("{} in {}", whose.may(*access), place(mount, path)));
        }
        for (path, access) in gone {
            story.tell(Effect::Not, format!("{} in {}", whose.may_not(*access), place(mount, path)));
        }
    }
}

/// All of them.
pub(super) fn list(grants: &[FsGrant]) -> Vec<String> {
    grants.iter().map(|grant| format!("{} in {}", grant.access, place(&grant.mount, &grant.path))).collect()
}

fn place(mount: &MountName, path: &str) -> String {
    if path == "." { format!("mount `{mount}`") } else { format!("{} of mount `{mount}`", quoted(path)) }
}
