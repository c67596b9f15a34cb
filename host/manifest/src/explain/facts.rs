//! The values of one tool as words, each with its origin.

mod http;

use super::Fact;
use crate::model::{Access, Clock, Component, Mount, RunnerScope, TierRules, Tool};
use crate::names::{ComponentName, MountName};
use crate::origin::{TierOrigins, ToolOrigins};
use crate::read::limits::RULES;
use crate::source::Line;
use std::collections::{BTreeMap, BTreeSet};

fn fact(what: impl Into<String>, value: impl ToString, origin: impl ToString) -> Fact {
    Fact { what: what.into(), value: value.to_string(), origin: origin.to_string() }
}

/// The origin of a value whose line was not kept; a test finds none in what ships.
fn or_unknown(origin: Option<&impl ToString>) -> String {
    origin.map_or_else(|| "unknown".to_owned(), ToString::to_string)
}

pub(super) fn is(
    tool: &Tool,
    from: &ToolOrigins,
    rules: &TierRules,
    tier_from: &TierOrigins,
    components: &BTreeMap<ComponentName, Component>,
    lines: &BTreeMap<ComponentName, Line>,
) -> Vec<Fact> {
    let mut facts = vec![
        fact("component", &tool.component, &from.component),
        fact("tier", tool.tier, &from.tier),
        fact("reason", &tool.reason, &from.reason),
        fact("runner", format!("one per {}", tool.runner), &from.runner),
        fact("size", tool.size, &from.size),
        fact("gate", tool.gate, &from.gate),
        fact("record", tool.record, &from.record),
        fact("runtime", rules.runtime, &tier_from.runtime),
    ];
    if tool.is_escalated() {
        let names =
            rules.approvers.as_ref().map(|names| names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
        facts.push(fact("approvers", names.unwrap_or_else(|| "whoever is enrolled".to_owned()), &tier_from.approvers));
    }
    if let Some(digest) = components.get(&tool.component).and_then(|component| component.digest.as_ref()) {
        facts.push(fact("digest", digest, or_unknown(lines.get(&tool.component))));
    }
    facts
}

pub(super) fn granted(tool: &Tool, from: &ToolOrigins, mounts: &BTreeMap<MountName, Mount>) -> Vec<Fact> {
    let grants = &tool.grants;
    let mut facts = Vec::new();
    for (grant, line) in grants.fs.iter().zip(&from.fs) {
        let guest = mounts.get(&grant.mount).map_or("", |mount| mount.path.as_str());
        let path = if grant.path == "." { guest.to_owned() } else { format!("{guest}/{}", grant.path) };
        facts.push(fact("fs", format!("{} {path} (mount {})", grant.access, grant.mount), line));
    }
    for (name, value) in &grants.env {
        facts.push(fact("env", format!("{name}={value}"), or_unknown(from.env.get(name))));
    }
    for clock in &grants.clocks {
        facts.push(fact("clock", clock, or_unknown(from.clocks.get(clock))));
    }
    for (grant, from) in grants.http.iter().zip(&from.http) {
        http::granted(&mut facts, grant, from);
    }
    for import in &grants.trap_imports {
        facts.push(fact("trapping import", import, or_unknown(from.trap_imports.get(import))));
    }
    facts
}

pub(super) fn mounts(tool: &Tool, mounts: &BTreeMap<MountName, Mount>, lines: &BTreeMap<MountName, Line>) -> Vec<Fact> {
    let names: BTreeSet<&MountName> = tool.grants.fs.iter().map(|grant| &grant.mount).collect();
    let known = names.into_iter().filter_map(|name| mounts.get(name));
    known.map(|mount| fact(mount.name.as_str(), &mount.reason, or_unknown(lines.get(&mount.name)))).collect()
}

pub(super) fn not_granted(tool: &Tool) -> Vec<String> {
    let grants = &tool.grants;
    let mut absent = vec!["network: the container has none, and no socket links".to_owned()];
    absent.push(if grants.http.is_empty() {
        "http: no request at all".to_owned()
    } else {
        "http: no request but those above, each made by the hub, which looks at it anew".to_owned()
    });
    if grants.fs.is_empty() {
        absent.push("files: no directory at all".to_owned());
    } else if grants.fs.iter().all(|grant| grant.access == Access::Read) {
        absent.push("files: no directory can be written".to_owned());
    } else {
        absent.push("files: nothing outside the directories above".to_owned());
    }
    if grants.env.is_empty() {
        absent.push("environment: no variable".to_owned());
    }
    for clock in [Clock::Monotonic, Clock::Wall] {
        if !grants.clocks.contains(&clock) {
            absent.push(format!("{clock} clock: it stands still at zero"));
        }
    }
    if grants.trap_imports.is_empty() {
        absent.push("trapping imports: an import that is not granted does not link".to_owned());
    }
    if tool.is_escalated() {
        absent.push("a call as such: it needs an approval".to_owned());
    }
    absent
}

pub(super) fn limits(tool: &Tool, from: &ToolOrigins) -> Vec<Fact> {
    let show = |rule: &crate::read::limits::Rule| {
        let value = (rule.show)((rule.value)(&tool.grants.limits));
        fact(rule.name, value, or_unknown(from.limits.get(rule.name)))
    };
    RULES.iter().map(show).collect()
}

pub(super) fn session(tool: &Tool, rules: &TierRules, from: &TierOrigins) -> Vec<Fact> {
    let mut facts = vec![
        fact("calls_per_hour", rules.calls_per_hour, &from.calls_per_hour),
        fact(
            "principal's calls",
            format!("{} an hour", rules.principal_calls_per_hour),
            &from.principal_calls_per_hour,
        ),
        fact("concurrent_calls", rules.concurrent_calls, &from.concurrent_calls),
        fact("budget.calls", or_none(rules.budget.calls.map(|calls| calls.to_string())), &from.budget_calls),
        fact("budget.wall", or_none(rules.budget.wall_s.map(seconds)), &from.budget_wall),
        fact("budget.egress", or_none(rules.budget.egress_bytes.map(crate::units::show_bytes)), &from.budget_egress),
        fact("loop_after", rules.loop_after, &from.loop_after),
        fact("after_outside", rules.after_outside, &from.after_outside),
    ];
    if tool.runner == RunnerScope::Session {
        facts.push(fact("idle", seconds(rules.idle_s), &from.idle));
    }
    facts
}

fn seconds(seconds: u32) -> String {
    crate::units::show_millis(u64::from(seconds).saturating_mul(1_000))
}

fn or_none(bound: Option<String>) -> String {
    bound.unwrap_or_else(|| "none".to_owned())
}
