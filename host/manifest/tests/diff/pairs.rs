//! Pairs of manifests: one at random, and one that differs from it in a few places, or in all.

use super::World;
use manifest::http::{HttpGrant, Method, PathRecord, Scheme};
use manifest::{
    Access, ApproverName, ArgumentsRecord, Budget, Ceiling, Clock, Component, ComponentName, ContainerSize, Digest,
    EnvName, FsGrant, Gate, Grants, Limits, LoopAfter, Manifest, Mount, MountName, Profile, ProfileName, RunnerScope,
    Runtime, Tier, TierRules, Tool, ToolName,
};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// A part of each variable's value.
pub(super) const VALUE: &str = "never told";

const TIERS: [Tier; 4] = [Tier::User, Tier::Write, Tier::Admin, Tier::Critical];
const TOOLS: [&str; 3] = ["t1", "t2", "t3"];
const MOUNTS: [&str; 2] = ["m1", "m2"];
const COMPONENTS: [&str; 2] = ["c1", "c2"];
const PROFILES: [&str; 2] = ["p1", "p2"];
pub(super) const APPROVERS: [&str; 2] = ["ana", "ben"];
const TEXTS: [&str; 3] = ["one", "two", "\u{202e}\u{1b}[2J"];

/// A new value of each part, of which a pair changes a few.
#[derive(Debug, Clone)]
enum Edit {
    Name(&'static str),
    Tier(Tier, Option<TierRules>),
    Rates(Tier, [u32; 3], Runtime),
    Uses(Tier, Uses),
    Approvers(Tier, Option<BTreeSet<ApproverName>>),
    Mount(&'static str, Option<Mount>),
    Directory(&'static str, Option<PathBuf>),
    Component(&'static str, Option<Component>),
    File(&'static str, Option<Digest>),
    Tool(&'static str, Option<Tool>),
    ToolTier(&'static str, Tier),
    Runner(&'static str, RunnerScope, ContainerSize),
    Fs(&'static str, Vec<FsGrant>),
    Http(&'static str, Vec<HttpGrant>),
    Asked(&'static str, HttpGrant, u8),
    Split(&'static str),
    CeilingHttp(Tier, Vec<HttpGrant>),
    Grants(&'static str, Grants),
    Limits(&'static str, Limits),
    Profile(&'static str, Option<Profile>),
}

fn access() -> impl Strategy<Value = Access> {
    select(vec![Access::Read, Access::Write])
}

fn fs() -> impl Strategy<Value = Vec<FsGrant>> {
    let place = (select(MOUNTS.to_vec()), select(vec![".", "a", "a/b", "ab", "b"]));
    prop::collection::btree_map(place, access(), 0..3).prop_map(|grants| {
        let grant = |((mount, path), access): ((&str, &str), Access)| FsGrant {
            mount: MountName::try_from(mount).unwrap(),
            path: path.to_owned(),
            access,
        };
        grants.into_iter().map(grant).collect()
    })
}

fn limits() -> impl Strategy<Value = Limits> {
    prop::collection::vec(1..3u32, 7).prop_map(|values| Limits {
        memory_bytes: u64::from(values[0]) << 20,
        cpu_ms: values[1] * 10,
        deadline_ms: values[2] * 1_000,
        arguments_bytes: values[3] << 10,
        result_bytes: values[4] << 10,
        log_bytes: values[5] << 10,
        handles: values[6] * 16,
    })
}

fn env() -> impl Strategy<Value = BTreeMap<EnvName, String>> {
    let value = select(vec!["1", "2"]).prop_map(|value| format!("{VALUE} {value}"));
    let name = select(vec!["A", "B"]).prop_map(|name| EnvName::try_from(name).unwrap());
    prop::collection::btree_map(name, value, 0..2)
}

fn clocks() -> impl Strategy<Value = BTreeSet<Clock>> {
    subsequence(vec![Clock::Wall, Clock::Monotonic], 0..=2).prop_map(|clocks| clocks.into_iter().collect())
}

pub(super) const HOSTS: [&str; 3] = ["a.example.com", "*.example.com", "b.example.com"];
pub(super) const PATTERNS: [&str; 5] = ["/", "/a", "/a/*", "/a/**", "/**"];
pub(super) const METHODS: [Method; 2] = [Method::Get, Method::Delete];
pub(super) const RANGES: [&str; 2] = ["10.0.0.0/8", "10.1.0.0/16"];
pub(super) const TYPES: [&str; 3] = ["text/*", "text/html", "application/json"];
pub(super) const CREDENTIALS: [&str; 2] = ["k1", "k2"];

/// Without two that have a request in common, as the reader leaves them.
fn http() -> impl Strategy<Value = Vec<HttpGrant>> {
    prop::collection::vec(asked(), 0..3).prop_map(|grants| {
        let mut kept: Vec<HttpGrant> = Vec::new();
        for grant in grants {
            if !kept.iter().any(|other| other.overlaps(&grant)) {
                kept.push(grant);
            }
        }
        kept
    })
}

fn asked() -> impl Strategy<Value = HttpGrant> {
    let place =
        (select(HOSTS.to_vec()), select(vec![Scheme::Https, Scheme::Https, Scheme::Http]), select(vec![443, 444]));
    let methods = subsequence(METHODS.to_vec(), 1..=2);
    let paths = subsequence(PATTERNS.to_vec(), 1..=2);
    let types = prop::option::of(subsequence(TYPES.to_vec(), 1..=2));
    let more = (prop::option::of(select(CREDENTIALS.to_vec())), 0..3u8, subsequence(RANGES.to_vec(), 0..=1));
    let record = select(vec![PathRecord::Digest, PathRecord::Digest, PathRecord::Path]);
    let amounts = prop::collection::vec(1..3u32, 7);
    let approve = subsequence(METHODS.to_vec(), 0..=2);
    (place, methods, paths, amounts, types, more, approve, record).prop_map(
        |((host, scheme, port), methods, paths, amounts, types, (credential, redirects, private), approve, record)| {
            let methods: BTreeSet<Method> = methods.into_iter().collect();
            HttpGrant {
                scheme,
                host: host.to_owned().try_into().unwrap(),
                port,
                paths: paths.into_iter().map(|path| path.to_owned().try_into().unwrap()).collect(),
                request_bytes: amounts[0].into(),
                response_bytes: amounts[1].into(),
                first_byte_ms: amounts[2],
                total_ms: amounts[3],
                per_call: amounts[4],
                per_minute: amounts[5],
                concurrent: amounts[6],
                content_types: types.map(|types| types.into_iter().map(ToOwned::to_owned).collect()),
                credential: credential.map(|name| name.try_into().unwrap()),
                redirects,
                private: private.into_iter().map(|range| range.parse().unwrap()).collect(),
                approve: approve.into_iter().filter(|method| methods.contains(method)).collect(),
                methods,
                record,
            }
        },
    )
}

fn grants() -> impl Strategy<Value = Grants> {
    let imports = subsequence(vec!["x:y/z", "x:y/w"], 0..=2);
    (fs(), env(), clocks(), imports, http(), limits()).prop_map(|(fs, env, clocks, imports, http, limits)| Grants {
        fs,
        env,
        clocks,
        http,
        trap_imports: imports.into_iter().map(ToOwned::to_owned).collect(),
        limits,
    })
}

fn size() -> impl Strategy<Value = ContainerSize> {
    select(vec![ContainerSize::Small, ContainerSize::Small, ContainerSize::Large])
}

fn scope() -> impl Strategy<Value = RunnerScope> {
    select(vec![RunnerScope::Session, RunnerScope::Session, RunnerScope::Call])
}

fn runtime() -> impl Strategy<Value = Runtime> {
    select(vec![Runtime::Runc, Runtime::Runsc])
}

fn tier() -> impl Strategy<Value = Tier> {
    select(TIERS.to_vec())
}

fn text() -> impl Strategy<Value = String> {
    select(TEXTS.to_vec()).prop_map(ToOwned::to_owned)
}

fn tool(name: &'static str) -> impl Strategy<Value = Tool> {
    let record = select(vec![ArgumentsRecord::Digest, ArgumentsRecord::Digest, ArgumentsRecord::Arguments]);
    let gate = select(vec![Gate::Profile, Gate::Profile, Gate::Approval]);
    (select(COMPONENTS.to_vec()), tier(), scope(), size(), gate, grants(), record, text()).prop_map(
        move |(component, tier, runner, size, gate, grants, record, reason)| Tool {
            name: ToolName::try_from(name).unwrap(),
            component: ComponentName::try_from(component).unwrap(),
            tier,
            runner,
            size,
            gate,
            grants,
            record,
            reason,
        },
    )
}

fn rules(tier: Tier) -> impl Strategy<Value = TierRules> {
    let ceiling = (fs(), env(), clocks(), http(), size(), scope(), limits()).prop_map(
        |(fs, env, clocks, http, size, runner, limits)| Ceiling {
            fs,
            env: env.into_keys().collect(),
            clocks,
            http,
            size,
            runner,
            limits,
        },
    );
    (ceiling, 1..3u32, 1..3u32, 1..3u32, runtime(), uses(), approvers(tier)).prop_map(
        move |(ceiling, calls_per_hour, concurrent_calls, idle_s, runtime, uses, approvers)| {
            let (principal_calls_per_hour, budget, loop_after, after_outside) = uses;
            TierRules {
                tier,
                after_outside: if tier.needs_approval() { Gate::Profile } else { after_outside },
                ceiling,
                calls_per_hour,
                principal_calls_per_hour,
                budget,
                loop_after,
                concurrent_calls,
                idle_s,
                runtime,
                approvers,
            }
        },
    )
}

type Uses = (u32, Budget, LoopAfter, Gate);

fn uses() -> impl Strategy<Value = Uses> {
    let loop_after = select(vec![LoopAfter::Calls(2), LoopAfter::Calls(3), LoopAfter::Never]);
    let after_outside = select(vec![Gate::Profile, Gate::Approval]);
    let budget = (prop::option::of(1..3u32), prop::option::of(1..3u32), prop::option::of(1..3u64))
        .prop_map(|(calls, wall_s, egress_bytes)| Budget { calls, wall_s, egress_bytes });
    (1..3u32, budget, loop_after, after_outside)
}

/// The reader lets nobody name them where nothing has to be approved.
fn approvers(tier: Tier) -> impl Strategy<Value = Option<BTreeSet<ApproverName>>> {
    let names = subsequence(APPROVERS.to_vec(), 1..=2);
    prop::option::of(names).prop_map(move |names| {
        let names = names?.into_iter().map(|name| ApproverName::try_from(name).unwrap()).collect();
        tier.needs_approval().then_some(names)
    })
}

fn mount(name: &'static str) -> impl Strategy<Value = Mount> {
    let source = prop::option::of(select(vec!["/srv/a", "/srv/b"]));
    (source, select(vec!["/x", "/y"]), text()).prop_map(move |(source, path, reason)| Mount {
        name: MountName::try_from(name).unwrap(),
        source: source.map(ToOwned::to_owned),
        path: format!("{path}/{name}"),
        reason,
    })
}

fn directory() -> impl Strategy<Value = Option<PathBuf>> {
    prop::option::weighted(0.9, select(vec!["/srv/a", "/srv/b", "/srv/a/\u{1b}"]).prop_map(PathBuf::from))
}

fn digest() -> impl Strategy<Value = Option<Digest>> {
    prop::option::of(select(vec!["1", "2"]).prop_map(|digit| Digest::try_from(digit.repeat(64)).unwrap()))
}

fn component(name: &'static str) -> impl Strategy<Value = Component> {
    digest().prop_map(move |digest| Component { name: ComponentName::try_from(name).unwrap(), digest })
}

fn profile(name: &'static str) -> impl Strategy<Value = Profile> {
    let tools = subsequence(TOOLS.to_vec(), 0..=3)
        .prop_map(|tools| tools.into_iter().map(|tool| ToolName::try_from(tool).unwrap()).collect());
    (subsequence(TIERS.to_vec(), 1..=4), prop::option::of(tools)).prop_map(move |(tiers, tools)| Profile {
        name: ProfileName::try_from(name).unwrap(),
        tiers: tiers.into_iter().collect(),
        tools,
    })
}

fn often<T: std::fmt::Debug>(strategy: impl Strategy<Value = T>) -> impl Strategy<Value = Option<T>> {
    prop::option::weighted(0.8, strategy)
}

fn edit() -> impl Strategy<Value = Edit> {
    let one = |names: &[&'static str]| select(names.to_vec());
    prop_oneof![
        select(vec!["n1", "n2"]).prop_map(Edit::Name),
        tier().prop_flat_map(|tier| often(rules(tier)).prop_map(move |rules| Edit::Tier(tier, rules))),
        (tier(), [1..3u32, 1..3u32, 1..3u32], runtime()).prop_map(|(tier, rates, run)| Edit::Rates(tier, rates, run)),
        (tier(), uses()).prop_map(|(tier, uses)| Edit::Uses(tier, uses)),
        tier().prop_flat_map(|tier| approvers(tier).prop_map(move |names| Edit::Approvers(tier, names))),
        one(&MOUNTS).prop_flat_map(|name| often(mount(name)).prop_map(move |mount| Edit::Mount(name, mount))),
        (one(&MOUNTS), directory()).prop_map(|(name, directory)| Edit::Directory(name, directory)),
        one(&COMPONENTS).prop_flat_map(|name| often(component(name)).prop_map(move |one| Edit::Component(name, one))),
        (one(&COMPONENTS), digest()).prop_map(|(name, digest)| Edit::File(name, digest)),
        one(&TOOLS).prop_flat_map(|name| often(tool(name)).prop_map(move |tool| Edit::Tool(name, tool))),
        (one(&TOOLS), tier()).prop_map(|(name, tier)| Edit::ToolTier(name, tier)),
        (one(&TOOLS), scope(), size()).prop_map(|(name, runner, size)| Edit::Runner(name, runner, size)),
        (one(&TOOLS), fs()).prop_map(|(name, fs)| Edit::Fs(name, fs)),
        (one(&TOOLS), http()).prop_map(|(name, http)| Edit::Http(name, http)),
        (one(&TOOLS), asked(), 0..8u8).prop_map(|(name, grant, field)| Edit::Asked(name, grant, field)),
        one(&TOOLS).prop_map(Edit::Split),
        (tier(), http()).prop_map(|(tier, http)| Edit::CeilingHttp(tier, http)),
        (one(&TOOLS), grants()).prop_map(|(name, grants)| Edit::Grants(name, grants)),
        (one(&TOOLS), limits()).prop_map(|(name, limits)| Edit::Limits(name, limits)),
        one(&PROFILES).prop_flat_map(|name| often(profile(name)).prop_map(move |one| Edit::Profile(name, one))),
    ]
}

fn put<K: Ord + TryFrom<&'static str, Error: std::fmt::Debug>, V>(
    map: &mut BTreeMap<K, V>,
    name: &'static str,
    value: Option<V>,
) {
    let name = K::try_from(name).unwrap();
    match value {
        Some(value) => map.insert(name, value),
        None => map.remove(&name),
    };
}

/// One part of a grant from another one.
fn one_field(grant: &mut HttpGrant, from: &HttpGrant, field: u8) {
    match field {
        0 => grant.content_types.clone_from(&from.content_types),
        1 => grant.credential.clone_from(&from.credential),
        2 => grant.redirects = from.redirects,
        3 => grant.private.clone_from(&from.private),
        4 => grant.approve = from.approve.intersection(&grant.methods).copied().collect(),
        5 => grant.record = from.record,
        6 => (grant.per_call, grant.total_ms) = (from.per_call, from.total_ms),
        _ => (grant.response_bytes, grant.per_minute) = (from.response_bytes, from.per_minute),
    }
}

fn apply(world: &mut World, edit: Edit) {
    let World { manifest, mounts, components } = world;
    let mut tool = |name: &str, change: &mut dyn FnMut(&mut Tool)| {
        if let Some(tool) = manifest.tools.get_mut(&ToolName::try_from(name).unwrap()) {
            change(tool);
        }
    };
    match edit {
        Edit::ToolTier(name, tier) => tool(name, &mut |tool| tool.tier = tier),
        Edit::Runner(name, runner, size) => tool(name, &mut |tool| (tool.runner, tool.size) = (runner, size)),
        Edit::Fs(name, fs) => tool(name, &mut |tool| tool.grants.fs.clone_from(&fs)),
        Edit::Http(name, http) => tool(name, &mut |tool| tool.grants.http.clone_from(&http)),
        Edit::Asked(name, grant, field) => tool(name, &mut |tool| {
            if let Some(first) = tool.grants.http.first_mut() {
                one_field(first, &grant, field);
            }
        }),
        Edit::Split(name) => tool(name, &mut |tool| {
            let split = |grant: &HttpGrant| {
                let one = |method: &Method| HttpGrant {
                    methods: [*method].into(),
                    approve: grant.approve.iter().copied().filter(|one| one == method).collect(),
                    ..grant.clone()
                };
                grant.methods.iter().map(one).collect::<Vec<_>>()
            };
            tool.grants.http = tool.grants.http.iter().flat_map(split).collect();
        }),
        Edit::CeilingHttp(tier, http) => {
            if let Some(rules) = manifest.tiers.get_mut(&tier) {
                rules.ceiling.http = http;
            }
        }
        Edit::Grants(name, grants) => tool(name, &mut |tool| tool.grants = grants.clone()),
        Edit::Limits(name, limits) => tool(name, &mut |tool| tool.grants.limits = limits.clone()),
        Edit::Name(name) => name.clone_into(&mut manifest.name),
        Edit::Tier(tier, Some(rules)) => drop(manifest.tiers.insert(tier, rules)),
        Edit::Tier(tier, None) => drop(manifest.tiers.remove(&tier)),
        Edit::Rates(tier, [calls_per_hour, concurrent_calls, idle_s], runtime) => {
            if let Some(rules) = manifest.tiers.get_mut(&tier) {
                *rules = TierRules { calls_per_hour, concurrent_calls, idle_s, runtime, ..rules.clone() };
            }
        }
        Edit::Uses(tier, (principal_calls_per_hour, budget, loop_after, after)) => {
            if let Some(rules) = manifest.tiers.get_mut(&tier) {
                let after_outside = if tier.needs_approval() { Gate::Profile } else { after };
                *rules = TierRules { principal_calls_per_hour, budget, loop_after, after_outside, ..rules.clone() };
            }
        }
        Edit::Approvers(tier, names) => {
            if let Some(rules) = manifest.tiers.get_mut(&tier) {
                rules.approvers = names;
            }
        }
        Edit::Mount(name, mount) => put(&mut manifest.mounts, name, mount),
        Edit::Directory(name, directory) => put(mounts, name, directory),
        Edit::Component(name, component) => put(&mut manifest.components, name, component),
        Edit::File(name, digest) => put(components, name, digest),
        Edit::Tool(name, tool) => put(&mut manifest.tools, name, tool),
        Edit::Profile(name, profile) => put(&mut manifest.profiles, name, profile),
    }
}

/// Takes away what stands on nothing, as the reader refuses it: tools without tier or component, directories without
/// a mount, and what is in force for names that are not declared.
fn sound(mut world: World) -> World {
    let World { manifest, mounts, components } = &mut world;
    let Manifest { tiers, mounts: declared, components: known, tools, .. } = manifest;
    tools.retain(|_, tool| tiers.contains_key(&tool.tier) && known.contains_key(&tool.component));
    for tool in tools.values_mut() {
        tool.grants.fs.retain(|grant| declared.contains_key(&grant.mount));
        if tool.tier.needs_approval() {
            tool.gate = Gate::Approval;
        }
        if tool.is_escalated() {
            tool.runner = RunnerScope::Call;
        }
    }
    mounts.retain(|name, _| declared.contains_key(name));
    components.retain(|name, _| known.contains_key(name));
    world
}

pub(super) fn world() -> impl Strategy<Value = World> {
    let tiers = (rules(TIERS[0]), rules(TIERS[1]), rules(TIERS[2]), rules(TIERS[3]));
    let tools = (tool(TOOLS[0]), tool(TOOLS[1]), often(tool(TOOLS[2])));
    let mounts = ((mount(MOUNTS[0]), directory()), (mount(MOUNTS[1]), directory()));
    let components = ((component(COMPONENTS[0]), digest()), (component(COMPONENTS[1]), digest()));
    let profiles = (profile(PROFILES[0]), often(profile(PROFILES[1])));
    (tiers, tools, mounts, components, profiles, prop::collection::vec(edit(), 0..3)).prop_map(
        |(tiers, tools, mounts, components, profiles, edits)| {
            let manifest = Manifest {
                name: "n1".to_owned(),
                tiers: BTreeMap::new(),
                mounts: BTreeMap::new(),
                components: BTreeMap::new(),
                tools: BTreeMap::new(),
                profiles: BTreeMap::new(),
            };
            let mut world = World { manifest, mounts: BTreeMap::new(), components: BTreeMap::new() };
            let parts = [
                Edit::Tier(TIERS[0], Some(tiers.0)),
                Edit::Tier(TIERS[1], Some(tiers.1)),
                Edit::Tier(TIERS[2], Some(tiers.2)),
                Edit::Tier(TIERS[3], Some(tiers.3)),
                Edit::Mount(MOUNTS[0], Some(mounts.0.0)),
                Edit::Mount(MOUNTS[1], Some(mounts.1.0)),
                Edit::Directory(MOUNTS[0], mounts.0.1),
                Edit::Directory(MOUNTS[1], mounts.1.1),
                Edit::Component(COMPONENTS[0], Some(components.0.0)),
                Edit::Component(COMPONENTS[1], Some(components.1.0)),
                Edit::File(COMPONENTS[0], components.0.1),
                Edit::File(COMPONENTS[1], components.1.1),
                Edit::Tool(TOOLS[0], Some(tools.0)),
                Edit::Tool(TOOLS[1], Some(tools.1)),
                Edit::Tool(TOOLS[2], tools.2),
                Edit::Profile(PROFILES[0], Some(profiles.0)),
                Edit::Profile(PROFILES[1], profiles.1),
            ];
            for edit in parts.into_iter().chain(edits) {
                apply(&mut world, edit);
            }
            sound(world)
        },
    )
}

/// Few edits, so that some pairs only narrow; and now and then two that have nothing in common.
pub(super) fn pair() -> impl Strategy<Value = (World, World)> {
    let edited = (world(), prop::collection::vec(edit(), 0..4)).prop_map(|(old, edits)| {
        let mut new = old.clone();
        for edit in edits {
            apply(&mut new, edit);
        }
        (old, sound(new))
    });
    prop_oneof![9 => edited, 1 => (world(), world())]
}
