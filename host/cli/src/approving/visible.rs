//! Text from a hub, on a terminal: what cannot be seen is shown as an escape. The hub has done so already, and is not
//! believed: between it and this terminal may be somebody else.

use ::hub::clean;
use std::fmt::Write;

/// A text of one line, whole. A line end is shown, so that no text begins a line of its own.
pub(crate) fn line(text: &str) -> String {
    clean::text(text).replace('\n', "\\u{a}").replace('\t', "\\u{9}")
}

/// JSON over several lines, whole. What cannot be seen is written as JSON writes it, so it means the same.
pub(crate) fn json(value: &serde_json::Value) -> String {
    let pretty = serde_json::to_string_pretty(value).unwrap_or_default();
    let mut shown = String::with_capacity(pretty.len());
    for c in pretty.chars() {
        let mut bytes = [0; 4];
        let alone: &str = c.encode_utf8(&mut bytes);
        // Each by itself: a selector that may follow another character is an escape here.
        if c == '\n' || (c != '\t' && clean::text(alone) == alone) {
            shown.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing into a string cannot fail.
            let _ = write!(shown, "\\u{unit:04x}");
        }
    }
    shown
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_an_escape_and_means_the_same() {
        let value = serde_json::json!({
            "path": "a\u{202e}txt.exe\u{200b}\u{1b}[2J\u{e0041}\n\tb", "z\u{2066}": "grüße 你好 \u{1f600}\u{fe0f}"
        });
        let shown = json(&value);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
        for hidden in ['\u{202e}', '\u{200b}', '\u{1b}', '\u{e0041}', '\u{2066}', '\u{fe0f}'] {
            assert!(!shown.contains(hidden), "{hidden:?}");
        }
        assert!(shown.contains("a\\u202etxt.exe\\u200b\\u001b[2J\\udb40\\udc41\\n\\tb"), "{shown}");
        assert!(shown.contains("grüße 你好 \u{1f600}\\ufe0f"), "{shown}");
    }

    #[test]
    fn a_text_stays_in_its_line() {
        assert_eq!(line("one\n  tier  user\u{202e}"), "one\\u{a}  tier  user\\u{202e}");
    }
}
