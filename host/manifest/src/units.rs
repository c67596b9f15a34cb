//! Sizes and durations as operators write them. A bare number is refused: `64` of what?

const SIZES: &[(&str, u64)] = &[("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];
const DURATIONS: &[(&str, u64)] = &[("ms", 1), ("s", 1_000), ("min", 60_000), ("h", 3_600_000)];

/// What to do about a size that is not one.
pub(crate) const SIZE_HELP: &str = "write a whole number and a unit, one of B, KiB, MiB, GiB: \"64MiB\"";
/// What to do about a duration that is not one.
pub(crate) const DURATION_HELP: &str = "write a whole number and a unit, one of ms, s, min, h: \"10s\"";

/// Bytes of a text such as `64MiB`.
pub(crate) fn bytes(text: &str) -> Option<u64> {
    parse(text, SIZES)
}

/// Milliseconds of a text such as `10s`.
pub(crate) fn millis(text: &str) -> Option<u64> {
    parse(text, DURATIONS)
}

/// A size in the largest unit that divides it.
#[must_use]
pub fn show_bytes(bytes: u64) -> String {
    show(bytes, SIZES)
}

/// A duration in the largest unit that divides it.
#[must_use]
pub fn show_millis(millis: u64) -> String {
    show(millis, DURATIONS)
}

fn parse(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    // Twelve digits are more than any bound here; none at all, or a leading zero, is a slip.
    if digits == 0 || digits > 12 || (digits > 1 && number.starts_with('0')) {
        return None;
    }
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

fn show(amount: u64, units: &[(&str, u64)]) -> String {
    let unit = units.iter().rev().find(|(_, factor)| amount != 0 && amount.is_multiple_of(*factor));
    let (name, factor) = unit.or(units.first()).copied().unwrap_or(("", 1));
    format!("{}{name}", amount / factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_read_and_show() {
        for text in ["1B", "64KiB", "64MiB", "1GiB", "1000B"] {
            assert_eq!(bytes(text).map(show_bytes).as_deref(), Some(text));
        }
        for text in ["1ms", "10s", "15min", "1h", "90s"] {
            assert_eq!(millis(text).map(show_millis).as_deref(), Some(text));
        }
        for text in
            ["", "64", "MiB", "64 MiB", "64MB", "64mib", "-1B", "1.5GiB", "064MiB", "9999999999999B", "999999999999GiB"]
        {
            assert_eq!(bytes(text), None, "{text}");
        }
        for text in ["10", "10m", "s", "10S"] {
            assert_eq!(millis(text), None, "{text}");
        }
    }
}
