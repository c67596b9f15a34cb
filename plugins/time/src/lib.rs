//! The time: now, in another zone, and between two moments. The zone database is part of the component.
#![forbid(unsafe_code)]

mod moment;

use jiff::{SignedDuration, Timestamp, Unit, Zoned, tz::TimeZone};
use safeclaw_sdk::prelude::*;

/// Where the clock is read for.
#[arguments]
struct Now {
    /// IANA zone such as `Europe/Berlin`, or an offset such as `+02:00`; UTC if left out.
    zone: Option<String>,
}

/// What to convert.
#[arguments]
struct Convert {
    /// RFC 3339 (`2026-03-29T02:30:00+01:00`), RFC 9557 (`…[Europe/Berlin]`), or a local date and time
    /// (`2026-03-29T02:30`, needs `from`).
    time: String,
    /// The zone of a local date and time; must be left out if `time` has an offset.
    from: Option<String>,
    /// The zone that is wanted.
    to: String,
}

/// Two moments.
#[arguments]
struct Difference {
    /// The first moment; the same forms as for time_convert.
    from: String,
    /// The second moment. It may be before the first; the result is then negative.
    to: String,
    /// The zone of local times, and the one whose days, months and daylight saving count. UTC if left out.
    zone: Option<String>,
}

/// A moment in a zone.
#[result]
struct Moment {
    /// RFC 9557: date, time, offset and zone.
    time: String,
    /// The zone.
    zone: String,
    /// Offset from UTC, such as `+01:00`.
    offset: String,
    /// Monday to Sunday.
    weekday: String,
    /// Seconds since 1970-01-01T00:00:00Z.
    unix_seconds: i64,
    /// Whether daylight saving time is in force.
    daylight_saving: bool,
    /// Said when a local time exists twice or not at all, and which one was taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

/// How far two moments are apart.
#[result]
struct Distance {
    /// ISO 8601 duration in calendar units of the zone, such as `P1M2DT3H`.
    calendar: String,
    /// ISO 8601 duration of elapsed time, in hours and smaller units.
    elapsed: String,
    /// Elapsed seconds, with a fraction if there is one.
    seconds: f64,
    /// The elapsed time as a person says it.
    text: String,
    /// Said when a local time exists twice or not at all, and which one was taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

/// Says what time it is, in any zone.
#[tool(title = "Current time", read_only)]
fn time_now(args: Now) -> Result<Moment> {
    let zone = moment::zone(args.zone.as_deref().unwrap_or("UTC"))?;
    Ok(show(&read_clock(Timestamp::now())?.to_zoned(zone), None))
}

/// Converts a time to another zone, daylight saving included.
#[tool(title = "Convert a time", read_only, idempotent)]
fn time_convert(args: Convert) -> Result<Moment> {
    let to = moment::zone(&args.to)?;
    let parsed = moment::parse(&args.time, args.from.as_deref(), "from")?;
    Ok(show(&parsed.at.with_time_zone(to), parsed.note))
}

/// Says how far two moments are apart, as elapsed time and in calendar units.
#[tool(title = "Time between", read_only, idempotent)]
fn time_difference(args: Difference) -> Result<Distance> {
    let zone = args.zone.as_deref();
    let from = moment::parse_lenient(&args.from, zone)?;
    let to = moment::parse_lenient(&args.to, zone)?;
    let count_in = zone.map_or(Ok(TimeZone::UTC), moment::zone)?;
    let first = from.at.with_time_zone(count_in);
    let calendar = first.until((Unit::Year, &to.at.with_time_zone(first.time_zone().clone())))?;
    let elapsed = first.timestamp().until((Unit::Hour, to.at.timestamp()))?;
    let exact: SignedDuration = first.timestamp().duration_until(to.at.timestamp());
    Ok(Distance {
        calendar: calendar.to_string(),
        elapsed: elapsed.to_string(),
        seconds: exact.as_secs_f64(),
        text: format!("{exact:#}"),
        note: from.note.or(to.note),
    })
}

/// A clock that is not granted stands at zero; saying 1970 would be a lie that nobody notices.
fn read_clock(now: Timestamp) -> Result<Timestamp> {
    const GRANTED_AFTER_S: i64 = 365 * 86_400;
    ensure!(
        now.as_second() > GRANTED_AFTER_S,
        "the clock stands still: this tool was not granted the wall clock. Its operator can grant it with clocks = [\"wall\"]"
    );
    Ok(now)
}

fn show(at: &Zoned, note: Option<String>) -> Moment {
    Moment {
        time: at.to_string(),
        zone: at.time_zone().iana_name().map_or_else(|| at.offset().to_string(), ToOwned::to_owned),
        offset: at.strftime("%:z").to_string(),
        weekday: at.strftime("%A").to_string(),
        unix_seconds: at.timestamp().as_second(),
        daylight_saving: at.time_zone().to_offset_info(at.timestamp()).dst().is_dst(),
        note,
    }
}

plugin!(time_now, time_convert, time_difference);

#[cfg(test)]
mod tests;
