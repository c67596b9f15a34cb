//! Conversions at the edges: gaps, folds, half-hour zones, years far away, and texts that are no time.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

fn convert(time: &str, from: Option<&str>, to: &str) -> Result<Moment> {
    time_convert(Convert { time: time.into(), from: from.map(Into::into), to: to.into() })
}

fn difference(from: &str, to: &str, zone: Option<&str>) -> Result<Distance> {
    time_difference(Difference { from: from.into(), to: to.into(), zone: zone.map(Into::into) })
}

#[test]
fn converts() {
    let case = |time, from, to, expected: &str| assert_eq!(convert(time, from, to).unwrap().time, expected);
    case("2026-11-21T10:00:00Z", None, "Asia/Kolkata", "2026-11-21T15:30:00+05:30[Asia/Kolkata]");
    case("2026-07-01T10:00", Some("Europe/Berlin"), "America/New_York", "2026-07-01T04:00:00-04:00[America/New_York]");
    case("2026-07-01T10:00[Asia/Tokyo]", None, "UTC", "2026-07-01T01:00:00+00:00[UTC]");
    case("2026-07-01", Some("UTC"), "-03:30", "2026-06-30T20:30:00-03:30[-03:30]");
    assert!(convert("2026-07-01T10:00Z", None, "Europe/Berlin").unwrap().daylight_saving);
    assert_eq!(convert("2026-07-01T10:00Z", None, "Europe/Berlin").unwrap().weekday, "Wednesday");
}

#[test]
fn says_when_a_local_time_is_ambiguous() {
    let gap = convert("2026-03-29T02:30", Some("Europe/Berlin"), "Europe/Berlin").unwrap();
    assert!(gap.time.starts_with("2026-03-29T03:30:00+02:00"), "{}", gap.time);
    assert!(gap.note.unwrap().contains("does not exist"));
    let fold = convert("2026-10-25T02:30", Some("Europe/Berlin"), "UTC").unwrap();
    assert!(fold.time.starts_with("2026-10-25T00:30:00"), "{}", fold.time);
    assert!(fold.note.unwrap().contains("twice"));
}

#[test]
fn refuses_what_is_no_time() {
    let case = |time: &str, from: Option<&str>, to: &str, expected: &str| {
        let error = format!("{:#}", convert(time, from, to).unwrap_err());
        assert!(error.contains(expected), "{error}");
    };
    case("2026-07-01T10:00", None, "UTC", "say its zone in `from`");
    case("2026-07-01T10:00Z", Some("UTC"), "UTC", "leave `from` out");
    case("2026-02-30T10:00", Some("UTC"), "UTC", "is not a time");
    case("", Some("UTC"), "UTC", "is not a time");
    case("2026-07-01T10:00[Mars/Base]", None, "UTC", "is not a time");
    case("2026-07-01T10:00Z", None, "Mars/Base", "no time zone");
    case("2026-07-01T10:00Z", None, "+99:00", "no time zone");
    case("2026-07-01T10:00Z", None, "+é:00", "no time zone");
    case("2026-07-01T10:00Z", None, "../../etc/passwd", "no time zone");
    case(&"9".repeat(1000), Some("UTC"), "UTC", "at most");
    case("99999-01-01T00:00Z", None, "UTC", "say its zone");
}

#[test]
fn measures_distances() {
    let day = difference("2026-03-28T12:00", "2026-03-29T12:00", Some("Europe/Berlin")).unwrap();
    assert_eq!((day.calendar.as_str(), day.elapsed.as_str()), ("P1D", "PT23H"));
    let back = difference("2026-03-01T00:00:00.5Z", "2026-03-01T00:00:00Z", None).unwrap();
    assert!((back.seconds + 0.5).abs() < 1e-9);
    assert_eq!(difference("2024-02-29", "2025-03-01", None).unwrap().calendar, "P1Y1D");
    assert_eq!(difference("-009999-01-03T00:00Z", "9999-01-01T00:00Z", None).unwrap().seconds.signum(), 1.0);
}

#[test]
fn a_clock_at_zero_was_not_granted() {
    let error = read_clock(Timestamp::UNIX_EPOCH).unwrap_err().to_string();
    assert!(error.contains("was not granted the wall clock"), "{error}");
    assert!(time_now(Now { zone: Some("Europe/Berlin".into()) }).unwrap().unix_seconds > 1_700_000_000);
}
