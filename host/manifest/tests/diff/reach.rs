//! What a principal can reach under a manifest, tool by tool, and what wall 2 holds when wall 1 does not: as sets and
//! numbers that can only be compared.

use super::World;
use super::pairs::{APPROVERS, METHODS, TYPES};
use manifest::http::{HttpGrant, PathRecord, Target};
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
    for (request, grant) in requests(&tool.grants.http) {
        let open = |name: String| format!("{name} by {request}");
        things.insert(open("asked".to_owned()));
        let key = grant.credential.as_ref().map(|name| format!("key {name}"));
        things.extend(key.map(open));
        let typed = |kind: &&&str| {
            grant.content_types.as_ref().is_none_or(|types| {
                types
                    .iter()
                    .any(|one| one == **kind || one.strip_suffix('*').is_some_and(|start| kind.starts_with(start)))
            })
        };
        things.extend(TYPES.iter().chain(&["image/png"]).filter(typed).map(|kind| open(format!("type {kind}"))));
        let ranges = ["10.0.0.1", "10.1.0.1"].into_iter();
        let ranges = ranges
            .filter(|at| grant.private.iter().any(|range| range.contains(&at.parse::<std::net::IpAddr>().unwrap())));
        things.extend(ranges.map(|at| open(format!("private {at}"))));
        if !request.split(' ').next().is_some_and(|method| grant.approve.iter().any(|one| one.as_str() == method)) {
            things.insert(open("unasked".to_owned()));
        }
        if grant.record == PathRecord::Path {
            things.insert(open("logged".to_owned()));
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
    bounds.push(rules.budget.egress_bytes.unwrap_or(u64::MAX));
    bounds.push(u64::from(rules.after_outside == manifest::Gate::Profile && !tool.is_escalated()));
    bounds.extend(asked(&tool.grants.http));
    bounds.push(memory_bytes);
    bounds.push(u64::from(tool.runner == RunnerScope::Session));
    bounds.push(u64::from(!tool.is_escalated()));
    bounds.push(u64::from(tool.size == manifest::ContainerSize::Large));
    bounds.push(u64::from(rules.runtime == manifest::Runtime::Runc));
    let gates = ["user", "write", "admin", "critical"];
    Reach { things, bounds, gate: gates.iter().position(|gate| *gate == tool.tier.as_str()).unwrap() }
}

/// Requests that tell grants apart: at, beside and below each that `pairs` grants.
fn all_requests() -> Vec<(String, manifest::http::Method, Target)> {
    let mut all = Vec::new();
    for method in METHODS {
        for origin in ["https", "http"].iter().flat_map(|scheme| [443, 444].map(|port| (scheme, port))) {
            for host in ["a.example.com", "b.example.com", "c.example.com", "example.com"] {
                for path in ["/", "/a", "/a/", "/a/b", "/a/b/c", "/b", "/b/c"] {
                    let url = format!("{}://{host}:{}{path}", origin.0, origin.1);
                    all.push((format!("{method} {url}"), method, Target::parse(&url).unwrap()));
                }
            }
        }
    }
    all
}

/// What is allowed, each with the one grant that allows it.
fn requests(grants: &[HttpGrant]) -> Vec<(String, &HttpGrant)> {
    let allowed = |(name, method, target): &(String, _, _)| {
        let grant = grants.iter().find(|grant| grant.allows(method, target))?;
        Some((name.clone(), grant))
    };
    if grants.is_empty() { Vec::new() } else { ALL.with(|all| all.iter().filter_map(allowed).collect()) }
}

thread_local! {
    static ALL: Vec<(String, manifest::http::Method, Target)> = all_requests();
}

/// How much of each request, and how often all of them together: rates are counted for each grant.
fn asked(grants: &[HttpGrant]) -> Vec<u64> {
    let of = |grant: Option<&HttpGrant>| {
        grant.map_or([0; 8], |grant| {
            [
                grant.request_bytes,
                grant.response_bytes,
                grant.first_byte_ms.into(),
                grant.total_ms.into(),
                grant.per_call.into(),
                grant.per_minute.into(),
                grant.concurrent.into(),
                grant.redirects.into(),
            ]
        })
    };
    let sum = |value: fn(&HttpGrant) -> u32| grants.iter().map(|grant| u64::from(value(grant))).sum::<u64>();
    let mut all = vec![sum(|grant| grant.per_call), sum(|grant| grant.per_minute), sum(|grant| grant.concurrent)];
    ALL.with(|requests| {
        for (_, method, target) in requests {
            all.extend(of(grants.iter().find(|grant| grant.allows(method, target))));
        }
    });
    all
}

fn directory<'a>(world: &'a World, mount: &MountName) -> Option<&'a PathBuf> {
    world.mounts.get(mount)
}

/// The mounts that a tool's container has: of every tool that shares it.
fn held<'a>(manifest: &'a Manifest, tool: &Tool) -> BTreeSet<(&'a MountName, bool)> {
    let together = |other: &&Tool| {
        other.name == tool.name
            || (other.runner, tool.runner) == (RunnerScope::Session, RunnerScope::Session)
                && other.tier == tool.tier
                && other.size == tool.size
                // What may ask for something outside has a runner of its own.
                && other.grants.http.is_empty()
                && tool.grants.http.is_empty()
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
