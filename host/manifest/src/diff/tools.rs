//! Tools: what each may do, in which tier, and by which runner.

use super::directories::Whose;
use super::story::{Effect, Story, before, names, quoted};
use super::tiers::{CALLS_AT_ONCE, IDLE, seconds, told_after_outside, told_approvers, told_runtime};
use super::{Change, Side, Subject, directories, http, limits, pairs, profiles, uses};
use crate::model::{ArgumentsRecord, Gate, Grants, RunnerScope, Tool};

pub(super) fn compare(old: &Side<'_>, new: &Side<'_>, changes: &mut Vec<Change>) {
    for (name, was, is) in pairs(&old.manifest.tools, &new.manifest.tools) {
        let mut story = Story::new(changes, Subject::Tool(name.clone()));
        match (was, is) {
            (Some(was), Some(is)) => changed(&mut story, old, new, (was, is)),
            (None, Some(is)) => added(&mut story, new, is),
            (Some(_), None) => story.tell(Effect::Not, "is gone: nobody can call it"),
            (None, None) => {}
        }
    }
}

fn changed(story: &mut Story<'_>, old: &Side<'_>, new: &Side<'_>, (was, is): (&Tool, &Tool)) {
    let Tool { name: _, component, tier, runner, size, gate, grants, record, reason } = was;
    if *component != is.component {
        let what = before(format!("`{}`", is.component), format!("`{component}`"));
        story.tell(Effect::Widens, format!("is now of component {what}"));
    }
    if *tier != is.tier {
        moved(story, old, new, (was, is));
    }
    if *gate != is.gate {
        let effect = Effect::unless(is.gate > *gate);
        story.tell(effect, format!("is now called by {}", before(opened(is.gate), opened(*gate))));
    }
    if *runner != is.runner {
        let effect = Effect::unless(is.runner == RunnerScope::Call);
        story.tell(effect, format!("now has a runner for each {}", before(is.runner, runner)));
    }
    story.bound(size, &is.size, "now has containers of size", |size| size.to_string());
    granted(story, grants, &is.grants);
    if *record != is.record {
        // Whoever reads the log then reads what the agent said.
        let effect = Effect::unless(is.record == ArgumentsRecord::Digest);
        story.tell(effect, format!("now has in the audit log {}", before(kept(is.record), kept(*record))));
    }
    limits::compare(story, &grants.limits, &is.grants.limits, "one call");
    story.reason(reason, &is.reason);
}

/// A tool in another tier: less friction widens, and so does whatever that tier allows more of.
fn moved(story: &mut Story<'_>, old: &Side<'_>, new: &Side<'_>, (was, is): (&Tool, &Tool)) {
    let tiers = old.manifest.tiers.get(&was.tier).zip(new.manifest.tiers.get(&is.tier));
    let effect = Effect::unless(is.tier > was.tier && tiers.is_some());
    story.tell(effect, format!("is now in tier {}", before(format!("`{}`", is.tier), format!("`{}`", was.tier))));
    let Some((old, new)) = tiers else { return };
    uses::compare(story, old, new);
    story.bound(&old.concurrent_calls, &new.concurrent_calls, CALLS_AT_ONCE, ToString::to_string);
    if was.runner == RunnerScope::Session && is.runner == RunnerScope::Session {
        story.bound(&old.idle_s, &new.idle_s, IDLE, seconds);
    }
    told_after_outside(story, old.after_outside, new.after_outside);
    told_runtime(story, old.runtime, new.runtime);
    if was.tier.needs_approval() && is.tier.needs_approval() {
        told_approvers(story, old.approvers.as_ref(), new.approvers.as_ref());
    }
}

fn granted(story: &mut Story<'_>, old: &Grants, new: &Grants) {
    // Limits have a file of their own.
    let Grants { fs, env, clocks, trap_imports, http: asked, limits: _ } = old;
    directories::compare(story, fs, &new.fs, Whose::Tool);
    http::compare(story, asked, &new.http, Whose::Tool);
    for (name, was, is) in pairs(env, &new.env) {
        match (was, is) {
            // Never the values: this is shown, stored and logged, and a value may be what nobody else should know.
            (Some(was), Some(is)) if was != is => {
                story.tell(Effect::Widens, format!("has another value of the variable `{name}`"));
            }
            (None, Some(_)) => story.tell(Effect::Widens, format!("now has the variable `{name}`")),
            (Some(_), None) => story.tell(Effect::Not, format!("no longer has the variable `{name}`")),
            _ => {}
        }
    }
    for clock in new.clocks.difference(clocks) {
        story.tell(Effect::Widens, format!("may now read the {clock} clock"));
    }
    for clock in clocks.difference(&new.clocks) {
        story.tell(Effect::Not, format!("may no longer read the {clock} clock"));
    }
    for import in new.trap_imports.difference(trap_imports) {
        let what = quoted(import);
        story.tell(Effect::Widens, format!("may now import {what}, which ends a call that uses it"));
    }
    for import in trap_imports.difference(&new.trap_imports) {
        story.tell(Effect::Not, format!("may no longer import {}", quoted(import)));
    }
}

fn kept(record: ArgumentsRecord) -> &'static str {
    match record {
        ArgumentsRecord::Digest => "a digest of its arguments",
        ArgumentsRecord::Arguments => "its arguments in clear",
    }
}

fn opened(gate: Gate) -> &'static str {
    match gate {
        Gate::Profile => "whoever has it in a profile",
        Gate::Approval => "whoever has it in a profile, each time a person has approved it",
    }
}

/// A new tool, with all that it may do.
fn added(story: &mut Story<'_>, new: &Side<'_>, tool: &Tool) {
    let Tool { name, component, tier, runner, size, gate, grants, record, reason } = tool;
    let Grants { fs, env, clocks, trap_imports, http: asked, limits } = grants;
    // What no profile shows cannot be called; its directories are in the containers of its neighbours all the same.
    let shown = new.manifest.profiles.values().any(|profile| profiles::shows(profile, name, *tier));
    let certain = !shown && (*runner == RunnerScope::Call || fs.is_empty());
    let effect = Effect::unless(certain);
    let (because, whom) = (quoted(reason), format!("a runner for each {runner}, containers of size {size}"));
    story.tell(effect, format!("is new: of component `{component}`, in tier `{tier}`, {whom}, because: {because}"));
    let mut may = directories::list(fs);
    may.extend(http::list(asked));
    if !clocks.is_empty() {
        may.push(format!("read the clocks {}", names(clocks)));
    }
    if !env.is_empty() {
        may.push(format!("see the variables {}", names(env.keys())));
    }
    if !trap_imports.is_empty() {
        let imports: Vec<String> = trap_imports.iter().map(|import| quoted(import)).collect();
        may.push(format!("import {}, which ends a call that uses it", imports.join(", ")));
    }
    if *record == ArgumentsRecord::Arguments {
        may.push(format!("have in the audit log {}", kept(*record)));
    }
    let may = if may.is_empty() { "do nothing outside of itself".to_owned() } else { may.join("; ") };
    story.tell(effect, format!("is called by {}", opened(*gate)));
    story.tell(effect, format!("may {may}"));
    story.tell(effect, format!("has the limits of one call: {}", limits::list(limits)));
}
