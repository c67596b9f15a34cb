//! Reading a moment: with an offset, with a zone, or as a local time in a zone that is given apart.

use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{Timestamp, Zoned, civil::DateTime};
use safeclaw_sdk::prelude::*;

/// A moment, and what should be said about how it was read.
pub(crate) struct Parsed {
    pub(crate) at: Zoned,
    pub(crate) note: Option<String>,
}

/// The longest text that can be a moment; longer ones are not even looked at.
const MAX_TEXT_BYTES: usize = 128;

/// An IANA zone or a fixed offset.
pub(crate) fn zone(name: &str) -> Result<TimeZone> {
    ensure!(name.len() <= MAX_TEXT_BYTES, "a zone's name has at most {MAX_TEXT_BYTES} bytes");
    if let Ok(zone) = TimeZone::get(name) {
        return Ok(zone);
    }
    if let Some(offset) = fixed_offset(name) {
        return Ok(TimeZone::fixed(offset));
    }
    bail!("no time zone {name:?}; use an IANA name such as Europe/Berlin, or an offset such as +02:00")
}

fn fixed_offset(text: &str) -> Option<Offset> {
    let sign = match text.chars().next()? {
        '+' => 1,
        '-' => -1,
        _ => return None,
    };
    let (hours, minutes) = text.get(1..)?.split_once(':')?;
    let number = |digits: &str, max: i32| {
        let two = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
        digits.parse().ok().filter(|n: &i32| two && *n <= max)
    };
    Offset::from_seconds(sign * (number(hours, 25)? * 3600 + number(minutes, 59)? * 60)).ok()
}

/// A moment. A local time needs `zone_name`; one that says its own offset must not have it, since the two
/// could contradict each other. `argument` is what the agent calls the zone.
pub(crate) fn parse(text: &str, zone_name: Option<&str>, argument: &str) -> Result<Parsed> {
    if let Some(at) = absolute(text)? {
        ensure!(zone_name.is_none(), "{text} has its own offset; leave `{argument}` out");
        return Ok(Parsed { at, note: None });
    }
    let Some(zone_name) = zone_name else { bail!("{text} has no offset; say its zone in `{argument}`") };
    local(text, zone(zone_name)?)
}

/// As [`parse`], where a zone may be given for other reasons too, and UTC is assumed without one.
pub(crate) fn parse_lenient(text: &str, zone_name: Option<&str>) -> Result<Parsed> {
    match absolute(text)? {
        Some(at) => Ok(Parsed { at, note: None }),
        None => local(text, zone_name.map_or(Ok(TimeZone::UTC), zone)?),
    }
}

fn absolute(text: &str) -> Result<Option<Zoned>> {
    ensure!(text.len() <= MAX_TEXT_BYTES, "a time has at most {MAX_TEXT_BYTES} bytes");
    if text.contains('[') {
        return Ok(Some(text.parse().with_context(|| format!("{text:?} is not a time"))?));
    }
    Ok(text.parse::<Timestamp>().ok().map(|at| at.to_zoned(TimeZone::UTC)))
}

fn local(text: &str, zone: TimeZone) -> Result<Parsed> {
    let local: DateTime = text.parse().with_context(|| {
        format!("{text:?} is not a time; write it like 2026-03-29T14:30:00+02:00 or 2026-03-29T14:30")
    })?;
    let ambiguous = zone.to_ambiguous_zoned(local);
    let what = match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { .. } => None,
        AmbiguousOffset::Gap { .. } => {
            Some("does not exist there, since clocks are set forward; the moment after was taken")
        }
        AmbiguousOffset::Fold { .. } => Some("exists twice there, since clocks are set back; the earlier was taken"),
    };
    let note = what.map(|what| format!("{text} {what}"));
    Ok(Parsed { at: ambiguous.compatible()?, note })
}
