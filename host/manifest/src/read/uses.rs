//! What a session and a principal may use of a tier besides the rate, each with what holds when nothing is written.

use crate::bounds;
use crate::diagnostics::quote;
use crate::model::{Budget, Gate, LoopAfter, Tier};
use crate::origin::Origin;
use crate::raw::{self, Bytes, Count, Field, Located, Millis, RawBudget, Reading};
use crate::source::Spot;
use crate::units;

/// Identical calls in a row that no tool which changes something needs: the eleventh would say what ten have said.
const DEFAULT_LOOP_AFTER: u32 = 10;

/// The rate of a principal. Without one it is a session's: whoever makes more tokens then makes no more calls.
pub(super) fn principal(
    reading: &mut Reading<'_>,
    field: Field<Count>,
    session: Option<&Located<u32>>,
    at: &str,
) -> Option<(u32, Origin)> {
    let given = match field {
        Field::Broken => return None,
        Field::Absent => {
            let rule = "all sessions of a principal together have what one of them has";
            return Some((session?.value, Origin::Rule(rule.to_owned())));
        }
        Field::Given(given) => given,
    };
    let (value, path) = (given.value.0, quote(&format!("{at}.principal_calls_per_hour")));
    if !(1..=bounds::MAX_PRINCIPAL_CALLS_PER_HOUR).contains(&value) {
        let how = if value == 0 { "small" } else { "large" };
        let help = format!("from 1 to {}", bounds::MAX_PRINCIPAL_CALLS_PER_HOUR);
        reading.report(given.spot, format!("{path} is too {how}: {value}"), help);
        return None;
    }
    let session = session?;
    if value < u64::from(session.value) {
        let place = reading.line(session.spot);
        let message = format!("{path} is {value}, and one session alone has {}, at {place}", session.value);
        let help = "write at least calls_per_hour: a limit that is never reached says nothing";
        reading.report(given.spot, message, help);
        return None;
    }
    Some((u32::try_from(value).unwrap_or(u32::MAX), Origin::Written(reading.sources.line(given.spot))))
}

/// When a session that repeats itself is paused. Reading the same again and again is how agents wait for something,
/// so in `user` nobody is paused who does not want it.
pub(super) fn loop_after(
    reading: &mut Reading<'_>,
    field: Field<raw::LoopAfter>,
    tier: Tier,
    at: &str,
) -> Option<(LoopAfter, Origin)> {
    let given = match field {
        Field::Broken => return None,
        Field::Absent if tier == Tier::User => {
            let rule = "in tier user a session may repeat itself unless the tier says otherwise";
            return Some((LoopAfter::Never, Origin::Rule(rule.to_owned())));
        }
        Field::Absent => {
            let rule = format!("in tier {tier} a session is paused unless the tier says otherwise");
            return Some((LoopAfter::Calls(DEFAULT_LOOP_AFTER), Origin::Rule(rule)));
        }
        Field::Given(given) => given,
    };
    let origin = Origin::Written(reading.sources.line(given.spot));
    match given.value {
        raw::LoopAfter::Never => Some((LoopAfter::Never, origin)),
        raw::LoopAfter::Calls(calls) if (bounds::MIN_LOOP_AFTER..=bounds::MAX_LOOP_AFTER).contains(&calls) => {
            Some((LoopAfter::Calls(u32::try_from(calls).unwrap_or(u32::MAX)), origin))
        }
        raw::LoopAfter::Calls(calls) => {
            let how = if calls < bounds::MIN_LOOP_AFTER { "small" } else { "large" };
            let message = format!("{} is too {how}: {calls}", quote(&format!("{at}.loop_after")));
            let (least, most) = (bounds::MIN_LOOP_AFTER, bounds::MAX_LOOP_AFTER);
            reading.report(given.spot, message, format!("from {least} to {most}, or \"never\""));
            None
        }
    }
}

/// A budget and where its parts came from.
pub(super) struct BudgetRead {
    pub(super) budget: Budget,
    pub(super) calls_origin: Origin,
    pub(super) wall_origin: Origin,
    pub(super) egress_origin: Origin,
    /// Where the bound of what leaves and comes is written.
    pub(super) egress_spot: Option<Spot>,
}

/// A table that bounds nothing is refused: its author meant something.
pub(super) fn budget(reading: &mut Reading<'_>, field: Field<RawBudget>, at: &str) -> Option<BudgetRead> {
    let none = || Origin::Rule("the tier has no budget of it".to_owned());
    let mut read = BudgetRead {
        budget: Budget::default(),
        calls_origin: none(),
        wall_origin: none(),
        egress_origin: none(),
        egress_spot: None,
    };
    let Located { value: RawBudget { calls, wall, egress }, spot } = match field {
        Field::Broken => return None,
        Field::Absent => return Some(read),
        Field::Given(given) => given,
    };
    let at = format!("{at}.budget");
    if matches!((&calls, &wall, &egress), (Field::Absent, Field::Absent, Field::Absent)) {
        let help =
            "write how much one session has for its whole life: calls = 1000, wall = \"1h\", egress = \"100MiB\"";
        reading.report(spot, format!("{} bounds nothing", quote(&at)), help);
        return None;
    }
    let before = reading.errors();
    if let Some(Located { value: Count(calls), spot }) = calls.given() {
        if (1..=bounds::MAX_BUDGET_CALLS).contains(&calls) {
            read.budget.calls = u32::try_from(calls).ok();
            read.calls_origin = Origin::Written(reading.sources.line(spot));
        } else {
            let how = if calls == 0 { "small" } else { "large" };
            let message = format!("{} is too {how}: {calls}", quote(&format!("{at}.calls")));
            reading.report(spot, message, format!("from 1 to {}", bounds::MAX_BUDGET_CALLS));
        }
    }
    if let Some(Located { value: Millis(wall), spot }) = wall.given() {
        if (1_000..=bounds::MAX_BUDGET_WALL_MS).contains(&wall) && wall.is_multiple_of(1_000) {
            read.budget.wall_s = u32::try_from(wall / 1_000).ok();
            read.wall_origin = Origin::Written(reading.sources.line(spot));
        } else {
            let message = format!("{} cannot be {}", quote(&format!("{at}.wall")), units::show_millis(wall));
            let most = units::show_millis(bounds::MAX_BUDGET_WALL_MS);
            reading.report(spot, message, format!("whole seconds, from 1s to {most}"));
        }
    }
    if let Some(Located { value: Bytes(egress), spot }) = egress.given() {
        if (1..=bounds::MAX_BUDGET_EGRESS_BYTES).contains(&egress) {
            read.budget.egress_bytes = Some(egress);
            read.egress_origin = Origin::Written(reading.sources.line(spot));
            read.egress_spot = Some(spot);
        } else {
            let message = format!("{} cannot be {}", quote(&format!("{at}.egress")), units::show_bytes(egress));
            reading.report(spot, message, format!("from 1B to {}", units::show_bytes(bounds::MAX_BUDGET_EGRESS_BYTES)));
        }
    }
    (reading.errors() == before).then_some(read)
}

/// What stands before a tier's calls once the session has read something from outside. Where a person is asked
/// anyway the field would say nothing, and is refused.
pub(super) fn after_outside(reading: &mut Reading<'_>, field: Field<Gate>, tier: Tier, at: &str) -> (Gate, Origin) {
    let Some(given) = field.given() else {
        let rule = if tier.needs_approval() {
            format!("each call of tier {tier} needs an approval anyway")
        } else {
            "what is read from outside changes nothing unless the tier says otherwise".to_owned()
        };
        return (Gate::Profile, Origin::Rule(rule));
    };
    if tier.needs_approval() {
        let message = format!("{} has `after_outside`, and each of its calls needs an approval anyway", quote(at));
        reading.report(given.spot, message, "leave it out, or write it in tier `user` or `write`");
        return (Gate::Profile, Origin::Written(reading.sources.line(given.spot)));
    }
    (given.value, Origin::Written(reading.sources.line(given.spot)))
}
