//! The arguments of an escalated call in their one canonical form (RFC 8785): what the approver sees, what is hashed,
//! and what the runner gets are the same bytes.
//!
//! A number that no IEEE 754 double holds is refused: a canonical form would round it, and the person would allow
//! another number than the agent wrote.

use crate::bounds;
use manifest::Digest;

/// The longest arguments of an escalated call: what a person can be expected to read to the end.
pub(crate) const MOST_BYTES: usize = 8 << 10;
/// The bound's name, for who hits it.
pub(crate) const LIMIT: &str = "escalated_arguments_bytes";

/// Arguments in canonical form, at most [`MOST_BYTES`] long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Arguments {
    text: String,
    digest: Digest,
}

/// Why they cannot be approved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unfit {
    #[error("the arguments of a call that a person approves are at most {MOST_BYTES} bytes long")]
    Long,
    #[error("a key stands twice in one object: two readers would see two calls")]
    TwoKeys,
    #[error(
        "the number {0} is not what an IEEE 754 double holds, and would be another one for whoever approves it: send it as a string, or rounded"
    )]
    Number(String),
    #[error("a string has half of a surrogate pair, which is no character")]
    Text,
}

impl Arguments {
    /// Of a text that is known to be a JSON object of bounded depth.
    pub(crate) fn canonical(text: &str) -> Result<Self, Unfit> {
        if text.len() > MOST_BYTES {
            return Err(Unfit::Long);
        }
        numbers(text).try_for_each(|number| if survives(number) { Ok(()) } else { Err(Unfit::Number(cut(number))) })?;
        let tree = bounds::tree(text).map_err(|_| Unfit::Text)?;
        if !bounds::keys_are_unique(text) {
            return Err(Unfit::TwoKeys);
        }
        let text = serde_json_canonicalizer::to_string(&tree).map_err(|_| Unfit::Text)?;
        // A short exponent becomes many digits.
        if text.len() > MOST_BYTES {
            return Err(Unfit::Long);
        }
        Ok(Self { digest: Digest::of(text.as_bytes()), text })
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn digest(&self) -> &Digest {
        &self.digest
    }
}

/// The numbers of a JSON text, as they stand.
fn numbers(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let at = rest.find(|c: char| c == '"' || c == '-' || c.is_ascii_digit())?;
            let here = rest.get(at..)?;
            if let Some(string) = here.strip_prefix('"') {
                rest = after_string(string);
                continue;
            }
            let end = here.find(|c: char| !matches!(c, '0'..='9' | '+' | '-' | '.' | 'e' | 'E')).unwrap_or(here.len());
            let (number, after) = here.split_at(end);
            rest = after;
            return Some(number);
        }
    })
}

/// What comes after the closing quote.
fn after_string(string: &str) -> &str {
    let mut escaped = false;
    let closing = |c: char| {
        let closes = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        closes
    };
    string.find(closing).and_then(|at| string.get(at + 1..)).unwrap_or_default()
}

/// Whether a number is, digit by digit, what the nearest double is written as. Of some there are two shortest texts,
/// and ECMAScript's is one of them.
fn survives(number: &str) -> bool {
    let Ok(double) = number.parse::<f64>() else { return false };
    if !double.is_finite() {
        return false;
    }
    let written = serde_json_canonicalizer::to_string(&double).unwrap_or_default();
    let Some(said) = Decimal::of(number) else { return false };
    [written, format!("{double:e}")].iter().any(|held| Decimal::of(held).as_ref() == Some(&said))
}

/// A decimal number with one spelling: digits without zeros at either end, and where the point is.
#[derive(Debug, PartialEq, Eq)]
struct Decimal {
    negative: bool,
    digits: String,
    /// The value is `0.DIGITS × 10^exponent`.
    exponent: i64,
}

impl Decimal {
    fn of(text: &str) -> Option<Self> {
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |text| (true, text));
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let exponent: i64 = exponent.parse().ok()?;
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        let significant = all.trim_start_matches('0');
        let leading = i64::try_from(all.len().checked_sub(significant.len())?).ok()?;
        let digits = significant.trim_end_matches('0').to_owned();
        if digits.is_empty() {
            return Some(Self { negative: false, digits, exponent: 0 });
        }
        let exponent = exponent.checked_add(i64::try_from(whole.len()).ok()?)?.checked_sub(leading)?;
        Some(Self { negative, digits, exponent })
    }
}

/// A number that is quoted back.
fn cut(number: &str) -> String {
    let mut short: String = number.chars().take(40).collect();
    if short.len() < number.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(text: &str) -> Result<String, Unfit> {
        Arguments::canonical(text).map(|arguments| arguments.text)
    }

    #[test]
    fn one_call_has_one_form() {
        for (given, canonical) in [
            (r#"{"b": 1, "a": [true, null]}"#, r#"{"a":[true,null],"b":1}"#),
            (r#"{"a":1.0,"b":1e2,"c":1.50,"d":-0}"#, r#"{"a":1,"b":100,"c":1.5,"d":0}"#),
            (r#"{"a":"\u0041\/\u00e9","\u0062":"\u001b"}"#, r#"{"a":"A/é","b":"\u001b"}"#),
            // By UTF-16 units, as the RFC wants it.
            ("{\"\u{fb33}\":1,\"\u{1f600}\":2}", "{\"\u{1f600}\":2,\"\u{fb33}\":1}"),
            (r#"{"a":"1e400 \" 9007199254740993"}"#, r#"{"a":"1e400 \" 9007199254740993"}"#),
            (r#"{"$serde_json::private::RawValue":"{}"}"#, r#"{"$serde_json::private::RawValue":"{}"}"#),
            (r#"{"a":{"$serde_json::private::Number":"1"}}"#, r#"{"a":{"$serde_json::private::Number":"1"}}"#),
            (
                r#"{"a":1e21,"b":123456789012345680000,"c":5e-324}"#,
                r#"{"a":1e+21,"b":123456789012345680000,"c":5e-324}"#,
            ),
        ] {
            assert_eq!(text(given), Ok(canonical.to_owned()), "{given}");
            assert_eq!(text(canonical), Ok(canonical.to_owned()), "{canonical}");
        }
    }

    #[test]
    fn a_number_that_would_become_another_is_refused() {
        for number in [
            "1e400",
            "-1e400",
            "1e-400",
            "9007199254740993",
            "18446744073709551615",
            "123456789012345678901",
            "0.1000000000000000000001",
            "3.14159265358979323846",
            "1e99999999999999999999",
            "4503599627370497.5",
        ] {
            assert_eq!(text(&format!(r#"{{"a":[{number}]}}"#)), Err(Unfit::Number(number.to_owned())), "{number}");
        }
        for number in
            ["9007199254740992", "0.1", "1.10", "1E+2", "-0.0", "1e23", "4503599627370495.5", "1659612389487043.3"]
        {
            text(&format!(r#"{{"a":{number}}}"#)).unwrap();
        }
    }

    #[test]
    fn what_has_two_readings_is_refused() {
        assert_eq!(text(r#"{"a":1,"a":2}"#), Err(Unfit::TwoKeys));
        assert_eq!(text(r#"{"b":[{"a":1,"\u0061":2}]}"#), Err(Unfit::TwoKeys));
        assert_eq!(text(r#"{"a":"\ud83d"}"#), Err(Unfit::Text));
    }

    #[test]
    fn so_long_and_no_longer() {
        let fits = format!(r#"{{"a":"{}"}}"#, "x".repeat(MOST_BYTES - 8));
        assert_eq!(text(&fits).unwrap().len(), MOST_BYTES);
        assert_eq!(text(&format!("{fits} ")), Err(Unfit::Long));
        let grows = format!(r#"{{"a":[{}1e20]}}"#, "1e20,".repeat(1000));
        assert_eq!(text(&grows), Err(Unfit::Long));
    }

    proptest! {
        #[test]
        fn every_double_and_every_safe_integer_survives(double in any::<f64>(), integer in -(1_i64 << 53)..=1 << 53) {
            prop_assume!(double.is_finite());
            prop_assert!(survives(&integer.to_string()));
            prop_assert!(survives(&format!("{double:e}")), "{double:e}");
            prop_assert!(survives(&serde_json_canonicalizer::to_string(&double).unwrap()));
        }

        #[test]
        fn what_is_canonical_stays_and_means_the_same(key in "[a-c\\\\\"\u{e9}]{0,4}", value in "[ -~\u{202e}\u{1f600}]{0,20}", number in any::<i32>()) {
            let given = serde_json::json!({ "z": number, "v": value, (format!("k{key}")): [value] });
            let once = text(&serde_json::to_string_pretty(&given).unwrap()).unwrap();
            prop_assert_eq!(text(&once).unwrap(), once.clone());
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&once).unwrap(), given);
        }
    }
}
