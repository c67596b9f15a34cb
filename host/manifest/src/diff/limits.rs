//! Bounds of one call, each with its unit.

use super::story::Story;
use crate::model::Limits;
use crate::units::{show_bytes, show_millis};

/// A bound: its field in the manifest, its value, and how that is shown.
type Bound = (&'static str, u64, fn(u64) -> String);

fn bounds(limits: &Limits) -> [Bound; 7] {
    let Limits { memory_bytes, cpu_ms, deadline_ms, arguments_bytes, result_bytes, log_bytes, handles } = limits;
    [
        ("memory", *memory_bytes, show_bytes),
        ("cpu", u64::from(*cpu_ms), show_millis),
        ("deadline", u64::from(*deadline_ms), show_millis),
        ("arguments", u64::from(*arguments_bytes), show_bytes),
        ("result", u64::from(*result_bytes), show_bytes),
        ("log", u64::from(*log_bytes), show_bytes),
        ("handles", u64::from(*handles), |count| count.to_string()),
    ]
}

/// Tells each bound that changed; `of` is what has it, such as `one call`.
pub(super) fn compare(story: &mut Story<'_>, old: &Limits, new: &Limits, of: &str) {
    for ((name, old, show), (_, new, _)) in bounds(old).into_iter().zip(bounds(new)) {
        story.bound(&old, &new, &format!("now has the limit `{name}` of {of} at"), |value| show(*value));
    }
}

/// All of them.
pub(super) fn list(limits: &Limits) -> String {
    bounds(limits).map(|(name, value, show)| format!("{name} {}", show(value))).join(", ")
}
