//! Directories: of a ceiling and of a tool, and whether the one lies within the other.

use super::paths;
use crate::diagnostics::{nearest, quote};
use crate::model::{Access, FsGrant, Tier};
use crate::names::MountName;
use crate::raw::{List, Located, RawFs, Reading};
use std::collections::BTreeSet;

/// Reads the directories of a ceiling or a tool; sorted, so that their order means nothing.
pub(crate) fn read(
    reading: &mut Reading<'_>,
    list: Option<Located<List<RawFs>>>,
    at: &str,
    mounts: &BTreeSet<MountName>,
) -> Vec<Located<FsGrant>> {
    let mut grants: Vec<Located<FsGrant>> = Vec::new();
    for entry in list.into_iter().flat_map(|list| list.value) {
        let Some(grant) = one(reading, entry, at, mounts) else { continue };
        let same =
            |other: &&Located<FsGrant>| other.value.mount == grant.value.mount && other.value.path == grant.value.path;
        if let Some(first) = grants.iter().find(same) {
            let message =
                format!("{} names {} twice, first at {}", quote(at), show(&grant.value), reading.line(first.spot));
            reading.report(grant.spot, message, "name each directory once, with the access that is meant");
            continue;
        }
        grants.push(grant);
    }
    grants.sort_by(|a, b| a.value.cmp(&b.value));
    grants
}

fn one(
    reading: &mut Reading<'_>,
    entry: Located<RawFs>,
    at: &str,
    mounts: &BTreeSet<MountName>,
) -> Option<Located<FsGrant>> {
    let Located { value: raw, spot } = entry;
    let at = format!("{at}.fs");
    let mount = raw.mount.required(reading, spot, &at, "mount", "name a mount: mount = \"workspace\"");
    let access = raw.access.required(reading, spot, &at, "access", "write access = \"read\" or access = \"write\"");
    let path = raw.path.given();
    if let Some(mount) = &mount
        && !mounts.contains(&mount.value)
    {
        let known: Vec<&str> = mounts.iter().map(MountName::as_str).collect();
        let mut help = format!("declare it as [mounts.{}]", mount.value);
        if let Some(meant) = nearest(mount.value.as_str(), known.iter().copied()) {
            help = format!("did you mean `{meant}`? Otherwise {help}");
        }
        reading.report(mount.spot, format!("there is no mount `{}`", mount.value), help);
        return None;
    }
    if let Some(path) = &path
        && let Some(help) = paths::not_relative(&path.value.0)
    {
        reading.report(path.spot, format!("{} is not a directory below a mount", quote(&path.value.0)), help);
        return None;
    }
    let path = path.map_or_else(|| ".".to_owned(), |path| path.value.0);
    Some(Located { value: FsGrant { mount: mount?.value, path, access: access?.value }, spot })
}

/// Reports a grant that is not within the ceiling.
pub(crate) fn narrow(
    reading: &mut Reading<'_>,
    grant: &Located<FsGrant>,
    at: &str,
    tier: Tier,
    ceiling: &[Located<FsGrant>],
    ceiling_line: &str,
) {
    let wanted = &grant.value;
    if ceiling.iter().any(|allowed| covers(&allowed.value, wanted)) {
        return;
    }
    // The line that comes nearest: of the same mount, and best of all covering the directory.
    let nearest = ceiling
        .iter()
        .filter(|allowed| allowed.value.mount == wanted.mount)
        .max_by_key(|allowed| paths::beneath(&wanted.path, &allowed.value.path));
    let allowed = nearest.map_or_else(
        || format!("grants nothing in mount `{}`, at {ceiling_line}", wanted.mount),
        |allowed| format!("grants {}, at {}", show(&allowed.value), reading.line(allowed.spot)),
    );
    let message = format!("{} is granted {}, and the ceiling of tier `{tier}` {allowed}", quote(at), show(wanted));
    let help = match wanted.access {
        Access::Write if tier == Tier::User => {
            "tools of tier `user` only read: move the tool to tier `write`, or grant `read`"
        }
        _ => "narrow the grant, move the tool to another tier, or widen the ceiling",
    };
    reading.report(grant.spot, message, help);
}

/// Whether `allowed` includes `wanted`: the same mount, a directory below it, no wider access.
#[must_use]
pub(crate) fn covers(allowed: &FsGrant, wanted: &FsGrant) -> bool {
    allowed.mount == wanted.mount && allowed.access >= wanted.access && paths::beneath(&wanted.path, &allowed.path)
}

/// A directory as messages show it.
pub(crate) fn show(grant: &FsGrant) -> String {
    let path = if grant.path == "." { String::new() } else { format!("/{}", grant.path) };
    format!("{} in `{}{path}`", grant.access, grant.mount)
}
