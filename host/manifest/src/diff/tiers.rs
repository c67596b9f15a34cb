//! Tiers: rates, runtime and ceilings. A ceiling that is raised gives no tool anything by itself; it counts as
//! widening because it is what holds the next change back.

use super::directories::Whose;
use super::story::{Effect, Story, before, names};
use super::{Change, Side, Subject, directories, http, limits, pairs, uses};
use crate::model::{Ceiling, Gate, RunnerScope, Runtime, TierRules};
use crate::names::ApproverName;
use crate::units::show_millis;
use std::collections::BTreeSet;
use std::fmt::Display;

pub(super) fn compare(old: &Side<'_>, new: &Side<'_>, changes: &mut Vec<Change>) {
    for (tier, old, new) in pairs(&old.manifest.tiers, &new.manifest.tiers) {
        let mut story = Story::new(changes, Subject::Tier(*tier));
        match (old, new) {
            (Some(old), Some(new)) => changed(&mut story, old, new),
            (None, Some(new)) => added(&mut story, new),
            (Some(_), None) => story.tell(Effect::Not, "is gone: no tool can be in it"),
            (None, None) => {}
        }
    }
}

fn changed(story: &mut Story<'_>, old: &TierRules, new: &TierRules) {
    let TierRules {
        tier: _,
        after_outside,
        ceiling,
        calls_per_hour: _,
        principal_calls_per_hour: _,
        budget: _,
        loop_after: _,
        concurrent_calls,
        idle_s,
        runtime,
        approvers,
    } = old;
    uses::compare(story, old, new);
    story.bound(concurrent_calls, &new.concurrent_calls, CALLS_AT_ONCE, ToString::to_string);
    // What follows from the deadline is told by what it follows from.
    if !(follows(new) && (follows(old) || ceiling.runner != new.ceiling.runner)) {
        story.bound(idle_s, &new.idle_s, IDLE, seconds);
    }
    told_after_outside(story, *after_outside, new.after_outside);
    told_runtime(story, *runtime, new.runtime);
    told_approvers(story, approvers.as_ref(), new.approvers.as_ref());
    told_ceiling(story, ceiling, &new.ceiling);
}

/// How a bound on calls at once and an idle time are told, here and for a tool that moves to another tier.
pub(super) const CALLS_AT_ONCE: &str = "now has calls at once of one session up to";
pub(super) const IDLE: &str = "now keeps a runner that nobody calls for";

pub(super) fn seconds(seconds: &u32) -> String {
    show_millis(u64::from(*seconds).saturating_mul(1_000))
}

/// Whether the idle time only follows from the deadline, as in every tier with one runner a call: it is then
/// nothing that anybody wrote, and no runner waits so long.
fn follows(rules: &TierRules) -> bool {
    let deadline_s = rules.ceiling.limits.deadline_ms / 1_000;
    rules.ceiling.runner == RunnerScope::Call && rules.idle_s == deadline_s.saturating_add(1)
}

/// Less friction for a session that may be speaking with another's words widens.
pub(super) fn told_after_outside(story: &mut Story<'_>, old: Gate, new: Gate) {
    if old != new {
        let text = before(outside(new), outside(old));
        story.tell(Effect::grown(&new, &old), format!("now is called by a session that has read from outside {text}"));
    }
}

fn outside(gate: Gate) -> &'static str {
    match gate {
        Gate::Profile => "as by any other",
        Gate::Approval => "each time a person has approved it",
    }
}

/// A weaker runtime widens: an escape from the component is then nearer to the host.
pub(super) fn told_runtime(story: &mut Story<'_>, old: Runtime, new: Runtime) {
    if old != new {
        story.tell(Effect::grown(&new, &old), format!("now runs in containers under {}", before(new, old)));
    }
}

/// Whoever may answer now and might not before widens.
pub(super) fn told_approvers(
    story: &mut Story<'_>,
    old: Option<&BTreeSet<ApproverName>>,
    new: Option<&BTreeSet<ApproverName>>,
) {
    if old == new {
        return;
    }
    let fewer = match (old, new) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(old), Some(new)) => new.is_subset(old),
    };
    story.tell(Effect::unless(fewer), format!("now has its calls approved by {}", before(people(new), people(old))));
}

pub(super) fn people(approvers: Option<&BTreeSet<ApproverName>>) -> String {
    approvers.map_or_else(|| "whoever is enrolled".to_owned(), names)
}

fn told_ceiling(story: &mut Story<'_>, old: &Ceiling, new: &Ceiling) {
    let Ceiling { fs, env, clocks, http: asked, size, runner, limits } = old;
    directories::compare(story, fs, &new.fs, Whose::Ceiling);
    told_set(story, env, &new.env, "tools have the variable");
    told_set(story, clocks, &new.clocks, "tools read the clock");
    http::compare(story, asked, &new.http, Whose::Ceiling);
    story.bound(size, &new.size, "now lets tools have containers of at most size", |size| size.to_string());
    if *runner != new.runner {
        let effect = Effect::unless(new.runner == RunnerScope::Call);
        story.tell(effect, format!("now lets tools have a runner for each {}", before(new.runner, runner)));
    }
    limits::compare(story, limits, &new.limits, "its tools");
}

fn told_set<T: Ord + Display>(story: &mut Story<'_>, old: &BTreeSet<T>, new: &BTreeSet<T>, what: &str) {
    for one in new.difference(old) {
        story.tell(Effect::Widens, format!("now lets {what} `{one}`"));
    }
    for one in old.difference(new) {
        story.tell(Effect::Not, format!("no longer lets {what} `{one}`"));
    }
}

fn added(story: &mut Story<'_>, rules: &TierRules) {
    let TierRules {
        tier,
        after_outside,
        ceiling,
        calls_per_hour: _,
        principal_calls_per_hour: _,
        budget: _,
        loop_after: _,
        concurrent_calls,
        idle_s,
        runtime,
        approvers,
    } = rules;
    let idle = if follows(rules) { String::new() } else { format!(", runners idle for at most {}", seconds(idle_s)) };
    let text = format!(
        "is new: {}, {concurrent_calls} calls of one session at once{idle}, containers under {runtime}",
        uses::list(rules)
    );
    story.tell(Effect::Widens, text);
    if *after_outside == Gate::Approval {
        let text = format!("is called by a session that has read from outside {}", outside(*after_outside));
        story.tell(Effect::Widens, text);
    }
    if tier.needs_approval() {
        story.tell(Effect::Widens, format!("has its calls approved by {}", people(approvers.as_ref())));
    }
    let Ceiling { fs, env, clocks, http: asked, size, runner, limits } = ceiling;
    let mut most = directories::list(fs);
    if !env.is_empty() {
        most.push(format!("variables {}", names(env)));
    }
    if !clocks.is_empty() {
        most.push(format!("clocks {}", names(clocks)));
    }
    most.extend(http::list(asked));
    most.push(format!("containers of size {size}, a runner for each {runner}"));
    most.push(limits::list(limits));
    story.tell(Effect::Widens, format!("lets tools have at most: {}", most.join("; ")));
}
