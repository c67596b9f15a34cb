//! How much a session and a principal may use of a tier: rates, budgets, and when repetition is stopped.

use super::story::{Effect, Story, before};
use crate::model::{Budget, TierRules};
use crate::units::{show_bytes, show_millis};

/// Tells what changed, for a tier, or for a tool that moves from one to another.
pub(super) fn compare(story: &mut Story<'_>, old: &TierRules, new: &TierRules) {
    let shown = ToString::to_string;
    story.bound(&old.calls_per_hour, &new.calls_per_hour, "now has calls in an hour of one session up to", shown);
    let principal = "now has calls in an hour of one principal up to";
    story.bound(&old.principal_calls_per_hour, &new.principal_calls_per_hour, principal, shown);
    let Budget { calls, wall_s, egress_bytes } = &old.budget;
    told_budget(story, *calls, new.budget.calls, "calls", |calls| calls.to_string());
    told_budget(story, *wall_s, new.budget.wall_s, "wall time", seconds);
    told_budget(story, *egress_bytes, new.budget.egress_bytes, "egress", show_bytes);
    let (was, is) = (old.loop_after, new.loop_after);
    if was != is {
        let effect = Effect::grown(&was, &is);
        story.tell(effect, format!("now pauses a session after identical calls: {}", before(is, was)));
    }
}

/// Without a budget there is no most.
fn told_budget<T: Copy + PartialEq + Into<u64>>(
    story: &mut Story<'_>,
    old: Option<T>,
    new: Option<T>,
    what: &str,
    show: fn(T) -> String,
) {
    if old != new {
        let most = |budget: Option<T>| budget.map_or(u64::MAX, Into::into);
        let shown = |budget: Option<T>| budget.map_or_else(|| "no bound".to_owned(), show);
        let text = format!("now has {what} of one session's life up to {}", before(shown(new), shown(old)));
        story.tell(Effect::grown(&most(old), &most(new)), text);
    }
}

fn seconds(seconds: u32) -> String {
    show_millis(u64::from(seconds).saturating_mul(1_000))
}

/// All of them, of a tier that is new.
pub(super) fn list(rules: &TierRules) -> String {
    let Budget { calls, wall_s, egress_bytes } = &rules.budget;
    let no_bound = || "without bound".to_owned();
    format!(
        "{} calls in an hour of one session and {} of one principal, in a session's life calls {}, wall time {} and \
         egress {}, paused after identical calls: {}",
        rules.calls_per_hour,
        rules.principal_calls_per_hour,
        calls.map_or_else(no_bound, |calls| calls.to_string()),
        wall_s.map_or_else(no_bound, seconds),
        egress_bytes.map_or_else(no_bound, show_bytes),
        rules.loop_after,
    )
}
