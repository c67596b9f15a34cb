//! Limits of a ceiling and of a tool: the same seven, each with the least and the most it can be.

use crate::bounds as b;
use crate::diagnostics::quote;
use crate::model::{Limits, Tier};
use crate::origin::Origin;
use crate::raw::{Field, Located, RawLimits, Reading};
use crate::source::Spot;
use crate::units;
use std::collections::BTreeMap;

/// What is known of one limit.
pub(crate) struct Rule {
    /// Its field.
    pub(crate) name: &'static str,
    example: &'static str,
    least: u64,
    most: u64,
    why: &'static str,
    pub(crate) show: fn(u64) -> String,
    pub(crate) value: fn(&Limits) -> u64,
    set: fn(&mut Limits, u64),
}

/// All of them, in the order in which they are shown.
pub(crate) const RULES: [Rule; 7] = [
    Rule {
        name: "memory",
        example: "\"64MiB\"",
        least: b::MIN_MEMORY_BYTES,
        most: b::MAX_MEMORY_BYTES,
        why: "less than one page starts no guest, more leaves no room in a container",
        show: units::show_bytes,
        value: |limits| limits.memory_bytes,
        set: |limits, value| limits.memory_bytes = value,
    },
    Rule {
        name: "cpu",
        example: "\"2s\"",
        least: b::MIN_TIME_MS,
        most: b::MAX_DEADLINE_MS,
        why: "time is kept in ticks of at most 10 ms, and no call lasts longer than the longest deadline",
        show: units::show_millis,
        value: |limits| u64::from(limits.cpu_ms),
        set: |limits, value| limits.cpu_ms = narrow(value),
    },
    Rule {
        name: "deadline",
        example: "\"10s\"",
        least: b::MIN_TIME_MS,
        most: b::MAX_DEADLINE_MS,
        why: "a call holds its slot until then, and an agent that waits longer has given up",
        show: units::show_millis,
        value: |limits| u64::from(limits.deadline_ms),
        set: |limits, value| limits.deadline_ms = narrow(value),
    },
    Rule {
        name: "arguments",
        example: "\"256KiB\"",
        least: b::MIN_TEXT_BYTES,
        most: b::MAX_PAYLOAD_BYTES,
        why: "a frame has at most 8 MiB",
        show: units::show_bytes,
        value: |limits| u64::from(limits.arguments_bytes),
        set: |limits, value| limits.arguments_bytes = narrow(value),
    },
    Rule {
        name: "result",
        example: "\"1MiB\"",
        least: b::MIN_TEXT_BYTES,
        most: b::MAX_PAYLOAD_BYTES,
        why: "a frame has at most 8 MiB",
        show: units::show_bytes,
        value: |limits| u64::from(limits.result_bytes),
        set: |limits, value| limits.result_bytes = narrow(value),
    },
    Rule {
        name: "log",
        example: "\"64KiB\"",
        least: b::MIN_TEXT_BYTES,
        most: b::MAX_LOG_BYTES,
        why: "the hub keeps it, and a person reads it",
        show: units::show_bytes,
        value: |limits| u64::from(limits.log_bytes),
        set: |limits, value| limits.log_bytes = narrow(value),
    },
    Rule {
        name: "handles",
        example: "1000",
        least: b::MIN_HANDLES,
        most: b::MAX_HANDLES,
        why: "a guest needs a few to start, and must not exhaust the runner's descriptors",
        show: |value| value.to_string(),
        value: |limits| u64::from(limits.handles),
        set: |limits, value| limits.handles = narrow(value),
    },
];

/// The widest limits there are: what a broken ceiling is taken for, so that it causes no second message.
const WIDEST: Limits = Limits {
    memory_bytes: b::MAX_MEMORY_BYTES,
    cpu_ms: b::MAX_DEADLINE_MS as u32,
    deadline_ms: b::MAX_DEADLINE_MS as u32,
    arguments_bytes: b::MAX_PAYLOAD_BYTES as u32,
    result_bytes: b::MAX_PAYLOAD_BYTES as u32,
    log_bytes: b::MAX_LOG_BYTES as u32,
    handles: b::MAX_HANDLES as u32,
};

/// Values are within `most` before they come here.
fn narrow(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// The fields of `raw`, in the order of `RULES`.
fn values(raw: RawLimits) -> [Field<u64>; 7] {
    [
        map(raw.memory, |size| size.0),
        map(raw.cpu, |time| time.0),
        map(raw.deadline, |time| time.0),
        map(raw.arguments, |size| size.0),
        map(raw.result, |size| size.0),
        map(raw.log, |size| size.0),
        map(raw.handles, |count| count.0),
    ]
}

fn map<T>(field: Field<T>, value: fn(T) -> u64) -> Field<u64> {
    match field {
        Field::Absent => Field::Absent,
        Field::Broken => Field::Broken,
        Field::Given(given) => Field::Given(Located { value: value(given.value), spot: given.spot }),
    }
}

/// Reports a value that no manifest can have.
fn possible(reading: &mut Reading<'_>, rule: &Rule, given: &Located<u64>, at: &str) -> bool {
    if (rule.least..=rule.most).contains(&given.value) {
        return true;
    }
    let how = if given.value < rule.least { "small" } else { "large" };
    let path = quote(&format!("{at}.{}", rule.name));
    let help = format!("from {} to {}: {}", (rule.show)(rule.least), (rule.show)(rule.most), rule.why);
    reading.report(given.spot, format!("{path} is too {how}: {}", (rule.show)(given.value)), help);
    false
}

/// Limits of a ceiling: all are written, since they are also the tools' defaults.
pub(super) fn ceiling(
    reading: &mut Reading<'_>,
    raw: Field<RawLimits>,
    owner: Spot,
    at: &str,
) -> (Limits, BTreeMap<&'static str, Spot>) {
    let mut limits = WIDEST;
    let mut spots = BTreeMap::new();
    let help = format!("write [{at}.limits] with all of {}", RawLimits::FIELDS.join(", "));
    let Some(raw) = raw.required(reading, owner, at, "limits", &help) else { return (limits, spots) };
    let at = format!("{at}.limits");
    for (rule, field) in RULES.iter().zip(values(raw.value)) {
        let help =
            format!("write one, such as {} = {}: it is the default of the tier's tools", rule.name, rule.example);
        let Some(given) = field.required(reading, owner, &at, rule.name, &help) else { continue };
        spots.insert(rule.name, given.spot);
        if possible(reading, rule, &given, &at) {
            (rule.set)(&mut limits, given.value);
        }
    }
    if let Some(spot) = spots.get("cpu") {
        cpu_within_deadline(reading, &limits, *spot, &at);
    }
    (limits, spots)
}

/// Limits of a tool: what it does not write is its tier's ceiling, and what it writes is within it.
pub(super) fn tool(
    reading: &mut Reading<'_>,
    raw: Option<Located<RawLimits>>,
    at: &str,
    tier: Tier,
    ceiling: &Limits,
    ceiling_spots: &BTreeMap<&'static str, Spot>,
) -> (Limits, BTreeMap<String, Origin>) {
    let at = format!("{at}.limits");
    let mut limits = ceiling.clone();
    let mut origins = BTreeMap::new();
    for rule in &RULES {
        if let Some(spot) = ceiling_spots.get(rule.name) {
            origins.insert(rule.name.to_owned(), Origin::Tier(tier, reading.sources.line(*spot)));
        }
    }
    let Some(raw) = raw else { return (limits, origins) };
    let mut order = None;
    for (rule, field) in RULES.iter().zip(values(raw.value)) {
        let Some(given) = field.given() else { continue };
        if !possible(reading, rule, &given, &at) {
            continue;
        }
        let most = (rule.value)(ceiling);
        if given.value > most {
            let place = ceiling_spots.get(rule.name).map(|spot| reading.line(*spot)).unwrap_or_default();
            let path = quote(&format!("{at}.{}", rule.name));
            let (given_text, most) = ((rule.show)(given.value), (rule.show)(most));
            let message = format!("{path} is {given_text}, and the ceiling of tier `{tier}` is {most}, at {place}");
            reading.report(given.spot, message, format!("write at most {most}, or widen the ceiling"));
            continue;
        }
        if matches!(rule.name, "cpu" | "deadline") {
            order = Some(given.spot);
        }
        (rule.set)(&mut limits, given.value);
        origins.insert(rule.name.to_owned(), Origin::Written(reading.sources.line(given.spot)));
    }
    if let Some(spot) = order {
        cpu_within_deadline(reading, &limits, spot, &at);
    }
    (limits, origins)
}

fn cpu_within_deadline(reading: &mut Reading<'_>, limits: &Limits, spot: Spot, at: &str) {
    if limits.cpu_ms <= limits.deadline_ms {
        return;
    }
    let (cpu, deadline) = (units::show_millis(limits.cpu_ms.into()), units::show_millis(limits.deadline_ms.into()));
    let message = format!("{} has cpu {cpu} and deadline {deadline}: the deadline comes first", quote(at));
    reading.report(spot, message, "write a cpu of at most the deadline: a limit that is never reached says nothing");
}
