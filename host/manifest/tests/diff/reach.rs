//! What a principal can reach under a manifest, tool by tool, and what wall 2 holds when wall 1 does not: as sets and
//! numbers that can only be compared.

use super::World;
use super::pairs::APPROVERS;
use manifest::http::{Method, PathRecord, Target};
use manifest::{Access, FsGrant, Limits, LoopAfter, Manifest, MountName, RunnerScope, Tool};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Places that tell directories apart: in, beside, above and below each that `pairs` grants.
const PLACES: [&str; 7] = [".", "a", "a/b", "a/b/c", "ab", "b", "b/a"];

/// What of one tool can be reached by one profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reach {
    /// Everything that is there or is not.
    things: BTreeSet<String>,
    /// Everything that has a most.
    bounds: Vec<u64>,
    /// The friction before a call: more is less reach.
    gate: usize,
}

pub(super) fn reach(world: &World) -> BTreeMap<(String, String), Reach> {
    let manifest = &world.manifest;
    let mut all = BTreeMap::new();
    for profile in manifest.profiles.values() {
        for tool in manifest.tools.values() {
            let named = profile.tools.as_ref().is_none_or(|tools| tools.contains(&tool.name));
            if profile.tiers.contains(&tool.tier) && named {
                all.insert((profile.name.to_string(), tool.name.to_string()), of(world, tool));
            }
        }
    }
    all
}

fn of(world: &World, tool: &Tool) -> Reach {
    let manifest = &world.manifest;
    let rules = &manifest.tiers[&tool.tier];
    let mut things = BTreeSet::new();
    for grant in &tool.grants.fs {
        for place in PLACES {
            let inside = parts(place).starts_with(&parts(&grant.path));
            if let (true, Some(directory)) = (inside, directory(world, &grant.mount)) {
                things.insert(format!("read {}", directory.join(place).display()));
                if grant.access == Access::Write {
                    things.insert(format!("write {}", directory.join(place).display()));
                }
            }
        }
    }
    for (mount, write) in held(manifest, tool) {
        if let Some(directory) = directory(world, mount) {
            let how = if write { "write" } else { "read" };
            things.insert(format!("container {how} {}", directory.display()));
        }
    }
    // Where no approval is needed, it is as if everybody gave it.
    let answers = |name: &str| {
        let named = rules.approvers.as_ref().filter(|_| tool.tier.needs_approval());
        named.is_none_or(|named| named.iter().any(|one| one.as_str() == name))
    };
    let people = APPROVERS.into_iter().chain(["somebody else"]).filter(|name| answers(name));
    things.extend(people.map(|name| format!("approved by {name}")));
    things.extend(tool.grants.env.iter().map(|(name, value)| format!("env {name}={value}")));
    things.extend(tool.grants.clocks.iter().map(|clock| format!("clock {clock}")));
    things.extend(tool.grants.trap_imports.iter().map(|import| format!("import {import}")));
    things.extend(asked(tool));
    if rules.after_outside == manifest::Gate::Profile {
        things.insert("after outside without a person".to_owned());
    }
    let file = world.components.get(&tool.component).map_or("none", |digest| digest.as_str());
    things.insert(format!("code {} {file}", tool.component));
    // Whoever may put another file in the place of this one.
    match &manifest.components[&tool.component].digest {
        None => things.extend(["any file".to_owned(), "pin".to_owned()]),
        Some(pin) => things.extend([format!("file {pin}")]),
    }
    let idle = if tool.runner == RunnerScope::Session { rules.idle_s } else { 0 };
    let Limits { memory_bytes, cpu_ms, deadline_ms, arguments_bytes, result_bytes, log_bytes, handles } =
        tool.grants.limits.clone();
    let small = [cpu_ms, deadline_ms, arguments_bytes, result_bytes, log_bytes, handles, idle];
    let unbounded = |bound: Option<u32>| bound.unwrap_or(u32::MAX);
    let loop_after = match rules.loop_after {
        LoopAfter::Calls(calls) => calls,
        LoopAfter::Never => u32::MAX,
    };
    let tier = [
        rules.calls_per_hour,
        rules.principal_calls_per_hour,
        unbounded(rules.budget.calls),
        unbounded(rules.budget.wall_s),
        loop_after,
        rules.concurrent_calls,
    ];
    let mut bounds: Vec<u64> = small.into_iter().chain(tier).map(u64::from).collect();
    bounds.push(memory_bytes);
    bounds.push(rules.budget.egress_bytes.unwrap_or(u64::MAX));
    bounds.push(u64::from(tool.runner == RunnerScope::Session));
    bounds.push(u64::from(!tool.is_escalated()));
    bounds.push(u64::from(tool.size == manifest::ContainerSize::Large));
    bounds.push(u64::from(rules.runtime == manifest::Runtime::Runc));
    let gates = ["user", "write", "admin", "critical"];
    Reach { things, bounds, gate: gates.iter().position(|gate| *gate == tool.tier.as_str()).unwrap() }
}

/// Each request that a tool may make, as the first table that covers it lets it through.
fn asked(tool: &Tool) -> Vec<String> {
    let mut asked = Vec::new();
    for host in ["a.test.x", "b.test.x", "c.test.x"] {
        for path in ["/p", "/q", "/r"] {
            for method in [Method::Get, Method::Post] {
                let target = Target::parse(&format!("https://{host}{path}")).unwrap();
                let Some(grant) = tool.grants.http.iter().find(|grant| grant.allows(&method, &target)) else {
                    continue;
                };
                let what = format!("{method} {target}");
                asked.push(what.clone());
                asked.extend(grant.credential.iter().map(|name| format!("{what} with {name}")));
                asked.extend((!grant.needs_approval(&method)).then(|| format!("{what} unasked")));
                asked.extend((grant.record == PathRecord::Path).then(|| format!("{what} in clear")));
                asked.extend(grant.private.iter().map(|range| format!("{what} at {range}")));
                asked.extend(grant.content_types.is_none().then(|| format!("{what} of any type")));
                asked.extend((1..=grant.request_bytes).map(|bytes| format!("{what} bytes {bytes}")));
                asked.extend((1..=grant.per_call).map(|many| format!("{what} times {many}")));
                asked.extend((1..=grant.redirects).map(|many| format!("{what} redirected {many}")));
            }
        }
    }
    asked
}

fn directory<'a>(world: &'a World, mount: &MountName) -> Option<&'a PathBuf> {
    world.mounts.get(mount)
}

/// The mounts that a tool's container has: of every tool that shares it.
fn held<'a>(manifest: &'a Manifest, tool: &Tool) -> BTreeSet<(&'a MountName, bool)> {
    let together = |other: &&Tool| {
        other.name == tool.name
            || other.grants.http.is_empty()
                && tool.grants.http.is_empty()
                && (other.runner, tool.runner) == (RunnerScope::Session, RunnerScope::Session)
                && other.tier == tool.tier
                && other.size == tool.size
    };
    let grants = manifest.tools.values().filter(together).flat_map(|tool| &tool.grants.fs);
    let mut held = BTreeSet::new();
    for FsGrant { mount, access, .. } in grants {
        held.insert((mount, false));
        if *access == Access::Write {
            held.insert((mount, true));
        }
    }
    held
}

fn parts(path: &str) -> Vec<&str> {
    path.split('/').filter(|part| *part != ".").collect()
}

/// What can be reached under `new` and not under `old`, in words.
pub(super) fn beyond(old: &World, new: &World) -> Vec<String> {
    let before = reach(old);
    let mut beyond = Vec::new();
    for (who, now) in reach(new) {
        let Some(was) = before.get(&who) else {
            beyond.push(format!("{who:?} at all"));
            continue;
        };
        for thing in now.things.difference(&was.things) {
            // A pin where any file was allowed is less, and code that is gone is none.
            let pinned = thing.starts_with("file ") && was.things.contains("any file");
            if !pinned && !thing.ends_with(" none") {
                beyond.push(format!("{who:?} {thing}"));
            }
        }
        if now.bounds.iter().zip(&was.bounds).any(|(now, was)| now > was) || now.gate < was.gate {
            beyond.push(format!("{who:?} {now:?} instead of {was:?}"));
        }
    }
    beyond
}
