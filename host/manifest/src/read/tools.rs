//! Tools: effective grants, each held against the ceiling of the tool's tier.

use super::tiers::{self, TierRead};
use super::{Sections, fs, http, limits, mounts};
use crate::diagnostics::{nearest, quote};
use crate::linked;
use crate::model::{ArgumentsRecord, ContainerSize, Gate, Grants, RunnerScope, Tier, Tool};
use crate::names::{ComponentName, EnvName, MountName, ToolName};
use crate::origin::{Origin, ToolOrigins};
use crate::raw::{Entries, Field, List, Located, RawTool, Reading, Text};
use crate::room;
use crate::source::Spot;
use std::collections::{BTreeMap, BTreeSet};

/// The tier of each tool, as far as it is written; what profiles are held against.
pub(super) fn tiers(sections: &Sections<ToolName, RawTool>) -> BTreeMap<ToolName, (Option<Tier>, Spot)> {
    let tier = |raw: &RawTool| match &raw.tier {
        Field::Given(tier) => Some(tier.value),
        Field::Absent | Field::Broken => None,
    };
    sections.iter().map(|(name, section)| (name.clone(), (tier(&section.raw), section.spot))).collect()
}

pub(super) fn read(
    reading: &mut Reading<'_>,
    sections: Sections<ToolName, RawTool>,
    tiers: &BTreeMap<Tier, Option<TierRead>>,
    mounts: &BTreeSet<MountName>,
    components: &BTreeMap<ComponentName, Spot>,
) -> (BTreeMap<ToolName, Tool>, BTreeMap<ToolName, ToolOrigins>) {
    let mut tools = BTreeMap::new();
    let mut origins = BTreeMap::new();
    for (name, section) in sections {
        if let Some((tool, tool_origins)) = one(reading, &name, section.raw, section.spot, tiers, mounts, components) {
            tools.insert(name.clone(), tool);
            origins.insert(name, tool_origins);
        }
    }
    (tools, origins)
}

fn one(
    reading: &mut Reading<'_>,
    name: &ToolName,
    raw: RawTool,
    spot: Spot,
    tiers: &BTreeMap<Tier, Option<TierRead>>,
    mounts: &BTreeSet<MountName>,
    components: &BTreeMap<ComponentName, Spot>,
) -> Option<(Tool, ToolOrigins)> {
    let at = format!("tools.{name}");
    let memory_spot = raw.memory_spot().unwrap_or(spot);
    let reason_spot = if let Field::Given(reason) = &raw.reason { reason.spot } else { spot };
    let reason = mounts::reason(reading, raw.reason, spot, &at);
    let component = component(reading, raw.component, spot, &at, components);
    let fs = fs::read(reading, raw.fs.given(), &at, mounts);
    let env = raw.env.given().map(|env| env.value).unwrap_or_default();
    let clocks = set(reading, raw.clocks.given(), &format!("{at}.clocks"));
    let trap_imports = trap_imports(reading, raw.trap_imports.given(), &at);
    let asked = http::written(reading, raw.http.given(), &format!("{at}.http"));
    if !asked.is_empty() {
        for (import, spot) in trap_imports.iter().filter(|(import, _)| import.starts_with("wasi:http/")) {
            let message = format!("{} is listed to trap, and {} may ask by it", quote(import), quote(&at));
            reading.report(*spot, message, "leave it out, or take `http` away");
        }
    }
    warn_of_secrets(reading, &env);

    let help = "write tier = \"user\", \"write\", \"admin\" or \"critical\": a tool without a tier is denied";
    let tier = raw.tier.required(reading, spot, &at, "tier", help)?;
    let Some(read) = tiers.get(&tier.value) else {
        let message = format!("{} is in tier `{}`, which this manifest does not define", quote(&at), tier.value);
        reading.report(
            tier.spot,
            message,
            format!("define [tiers.{}], or choose one of the tiers that are defined", tier.value),
        );
        return None;
    };
    // A tier with a mistake of its own is no measure for its tools.
    let read = read.as_ref().filter(|read| read.sound)?;
    let (tier, tier_spot) = (tier.value, tier.spot);
    let ceiling = &read.rules.ceiling;
    let fs_line = reading.line(read.spots.fs);
    for grant in &fs {
        fs::narrow(reading, grant, &at, tier, &read.fs, &fs_line);
    }
    for entry in env.iter().filter(|entry| !ceiling.env.contains(&entry.key.value)) {
        let allowed: Vec<&str> = ceiling.env.iter().map(EnvName::as_str).collect();
        let what = format!("is given the variable `{}`", entry.key.value);
        beyond(reading, entry.key.spot, &at, &what, tier, &allowed, read.spots.env);
    }
    for (clock, spot) in clocks.iter().filter(|(clock, _)| !ceiling.clocks.contains(*clock)) {
        let allowed: Vec<&str> = ceiling.clocks.iter().map(|clock| clock.as_str()).collect();
        beyond(reading, *spot, &at, &format!("is granted the {clock} clock"), tier, &allowed, read.spots.clocks);
    }
    let (size, size_origin) = match raw.size.given() {
        None => (ContainerSize::Small, Origin::Rule("a container is small unless the tool says otherwise".to_owned())),
        Some(given) => {
            if given.value > ceiling.size {
                beyond(
                    reading,
                    given.spot,
                    &at,
                    &format!("has size {}", given.value),
                    tier,
                    &[ceiling.size.as_str()],
                    read.spots.size,
                );
            }
            (given.value, Origin::Written(reading.sources.line(given.spot)))
        }
    };
    let (gate, gate_origin) = gate(reading, raw.gate.given(), &at, tier);
    let (runner, runner_origin) = runner(reading, raw.runner.given(), &at, read, gate);
    let (record, record_origin) = match raw.record.given() {
        None => {
            let rule = "of arguments the audit log has a digest unless the tool says otherwise";
            (ArgumentsRecord::Digest, Origin::Rule(rule.to_owned()))
        }
        Some(given) => (given.value, Origin::Written(reading.sources.line(given.spot))),
    };
    let (limits, limit_origins) =
        limits::tool(reading, raw.limits.given(), &at, tier, &ceiling.limits, &read.spots.limits);
    let http_line = reading.line(read.spots.http);
    let ceiling_http = http::CeilingOf { tier, grants: &read.http, line: &http_line };
    let http = http::tool(reading, asked, &format!("{at}.http"), &ceiling_http, limits.deadline_ms);
    let calls = room::calls_at_once(runner, read.rules.concurrent_calls);
    tiers::fits(reading, memory_spot, &format!("{at}.limits.memory"), limits.memory_bytes, calls, size);

    let line = |spot: Spot| reading.sources.line(spot);
    let (component, reason) = component.zip(reason)?;
    let origins = ToolOrigins {
        tool: line(spot),
        component: line(component.spot),
        tier: line(tier_spot),
        reason: line(reason_spot),
        runner: runner_origin,
        size: size_origin,
        gate: gate_origin,
        record: record_origin,
        fs: fs.iter().map(|grant| line(grant.spot)).collect(),
        env: env.iter().map(|entry| (entry.key.value.clone(), line(entry.key.spot))).collect(),
        clocks: clocks.iter().map(|(clock, spot)| (*clock, line(*spot))).collect(),
        trap_imports: trap_imports.iter().map(|(import, spot)| (import.clone(), line(*spot))).collect(),
        http: http.iter().map(|(_, origins)| origins.clone()).collect(),
        limits: limit_origins,
    };
    let grants = Grants {
        fs: fs.into_iter().map(|grant| grant.value).collect(),
        env: env.into_iter().map(|entry| (entry.key.value, entry.value.value.0)).collect(),
        clocks: clocks.into_keys().collect(),
        trap_imports: trap_imports.into_keys().collect(),
        http: http.into_iter().map(|(grant, _)| grant).collect(),
        limits,
    };
    let (name, component) = (name.clone(), component.value);
    Some((Tool { name, component, tier, runner, size, gate, record, grants, reason }, origins))
}

fn component(
    reading: &mut Reading<'_>,
    field: Field<ComponentName>,
    owner: Spot,
    at: &str,
    components: &BTreeMap<ComponentName, Spot>,
) -> Option<Located<ComponentName>> {
    let component =
        field.required(reading, owner, at, "component", "name the component that has it: component = \"files\"")?;
    if components.contains_key(&component.value) {
        return Some(component);
    }
    let mut help = format!("declare it as [components.{}]", component.value);
    if let Some(meant) = nearest(component.value.as_str(), components.keys().map(ComponentName::as_str)) {
        help = format!("did you mean `{meant}`? Otherwise {help}");
    }
    reading.report(component.spot, format!("there is no component `{}`", component.value), help);
    None
}

fn runner(
    reading: &mut Reading<'_>,
    given: Option<Located<RunnerScope>>,
    at: &str,
    read: &TierRead,
    gate: Gate,
) -> (RunnerScope, Origin) {
    let tier = read.rules.tier;
    let widest = read.rules.ceiling.runner;
    let Some(given) = given else {
        let origin = if tier.always_per_call() {
            Origin::Rule(format!("tier {tier} has one runner per call"))
        } else if gate == Gate::Approval {
            return (
                RunnerScope::Call,
                Origin::Rule("what is approved call by call has one runner per call".to_owned()),
            );
        } else {
            Origin::Tier(tier, reading.sources.line(read.spots.runner))
        };
        return (widest, origin);
    };
    if tier.always_per_call() && given.value == RunnerScope::Session {
        let message = format!("{} has runner `session` in tier `{tier}`", quote(at));
        reading.report(
            given.spot,
            message,
            format!("tier `{tier}` has one runner per call: write \"call\", or leave it out"),
        );
    } else if gate == Gate::Approval && given.value == RunnerScope::Session {
        let message = format!("{} has runner `session` and gate `approval`", quote(at));
        let help = "what is approved call by call has one runner per call: write \"call\", or leave it out";
        reading.report(given.spot, message, help);
    } else if widest == RunnerScope::Call && given.value == RunnerScope::Session {
        beyond(reading, given.spot, at, "has runner `session`", tier, &[widest.as_str()], read.spots.runner);
    }
    (given.value, Origin::Written(reading.sources.line(given.spot)))
}

/// A tool can be put behind an approval, and none of the tiers that need one can be taken out from behind it.
fn gate(reading: &mut Reading<'_>, given: Option<Located<Gate>>, at: &str, tier: Tier) -> (Gate, Origin) {
    let Some(given) = given else {
        return if tier.needs_approval() {
            (Gate::Approval, Origin::Rule(format!("each call of tier {tier} needs an approval")))
        } else {
            (Gate::Profile, Origin::Rule("the profile is the gate unless the tool says otherwise".to_owned()))
        };
    };
    if tier.needs_approval() && given.value == Gate::Profile {
        let message = format!("{} has gate `profile` in tier `{tier}`", quote(at));
        let help = format!("each call of tier `{tier}` needs an approval: write \"approval\", or leave it out");
        reading.report(given.spot, message, help);
    }
    (given.value, Origin::Written(reading.sources.line(given.spot)))
}

/// Reports what goes beyond a ceiling, naming both.
fn beyond(reading: &mut Reading<'_>, spot: Spot, at: &str, what: &str, tier: Tier, allowed: &[&str], ceiling: Spot) {
    let allowed = if allowed.is_empty() { "nothing".to_owned() } else { allowed.join(", ") };
    let place = reading.line(ceiling);
    let message = format!("{} {what}, and the ceiling of tier `{tier}` allows {allowed}, at {place}", quote(at));
    reading.report(spot, message, "narrow the grant, move the tool to another tier, or widen the ceiling");
}

/// A list as a set with places; an element that is there twice is reported.
pub(crate) fn set<T: Ord + std::fmt::Display>(
    reading: &mut Reading<'_>,
    list: Option<Located<List<T>>>,
    at: &str,
) -> BTreeMap<T, Spot> {
    let mut set = BTreeMap::new();
    for element in list.into_iter().flat_map(|list| list.value) {
        if set.contains_key(&element.value) {
            let message = format!("{} names {} twice", quote(at), quote(&element.value.to_string()));
            reading.report(element.spot, message, "name each once");
            continue;
        }
        set.insert(element.value, element.spot);
    }
    set
}

fn trap_imports(reading: &mut Reading<'_>, list: Option<Located<List<Text>>>, at: &str) -> BTreeMap<String, Spot> {
    let at = format!("{at}.trap_imports");
    let names = list.map(|list| Located {
        value: list
            .value
            .into_iter()
            .map(|text| Located { value: text.value.0, spot: text.spot })
            .collect::<List<String>>(),
        spot: list.spot,
    });
    let imports = set(reading, names, &at);
    for (import, spot) in &imports {
        let shaped = import.len() <= 256
            && import.split_once(':').is_some_and(|(namespace, rest)| !namespace.is_empty() && rest.contains('/'))
            && import.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, ':' | '/' | '@' | '.' | '-' | '+'));
        if !shaped {
            let help = "write the interface as the component names it: \"wasi:http/outgoing-handler@0.2.0\"";
            reading.report(*spot, format!("{} is not an import", quote(import)), help);
        } else if linked::covers(import) {
            let message = format!("{} is linked for every tool, and never to a trap", quote(import));
            let help = "leave it out: what a tool reaches through it is said by `fs`, `env` and `clocks`";
            reading.report(*spot, message, help);
        }
    }
    imports
}

/// A container gets no secret, by any way; a value cannot be told to be one, a name often can.
fn warn_of_secrets(reading: &mut Reading<'_>, env: &Entries<EnvName, Located<Text>>) {
    const WORDS: [&str; 7] = ["TOKEN", "SECRET", "PASSWORD", "PASSWD", "KEY", "CREDENTIAL", "CREDENTIALS"];
    for entry in env {
        let name = &entry.key.value;
        if name.as_str().split('_').any(|part| WORDS.contains(&part)) {
            let help = "a guest can read its environment and show it to the agent: keep secrets out of manifests";
            reading.warn(entry.key.spot, format!("the variable `{name}` sounds like a secret"), help);
        }
    }
}

impl RawTool {
    /// Where the tool's own memory limit is written.
    fn memory_spot(&self) -> Option<Spot> {
        let Field::Given(limits) = &self.limits else { return None };
        let Field::Given(memory) = &limits.value.memory else { return None };
        Some(memory.spot)
    }
}
