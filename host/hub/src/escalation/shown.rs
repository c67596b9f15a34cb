//! Canonical JSON as a person can read it: one value a line, nothing left out, and nothing that is not seen.
//!
//! A character that hides, moves a terminal or turns the direction of writing stands as its JSON escape. Within JSON
//! that is no other text: a backslash of the arguments themselves stands as two. So what is shown is the arguments, to
//! the byte, once it is canonical again.

use crate::clean;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write;

/// A JSON text with line ends and without anything that hides.
pub(super) fn pretty(canonical: &str) -> String {
    let tree = crate::bounds::tree(canonical);
    // It is canonical, so it can be read; one line of it is as true.
    let text = tree.and_then(|tree| serde_json::to_string_pretty(&tree)).unwrap_or_else(|_| canonical.to_owned());
    escaped(&text)
}

/// One value on one line.
pub(super) fn value(value: &Value) -> String {
    escaped(&serde_json::to_string(value).unwrap_or_default())
}

/// A JSON text in which every character that is not seen stands as an escape. Between strings JSON has none.
pub(super) fn escaped(json: &str) -> String {
    let mut seen = String::with_capacity(json.len());
    for c in json.chars() {
        if c == '\n' || !invisible(c) {
            seen.push(c);
            continue;
        }
        let mut units = [0; 2];
        for unit in c.encode_utf16(&mut units) {
            // Into a string: it cannot fail.
            let _ = write!(seen, "\\u{unit:04x}");
        }
    }
    seen
}

/// What somebody else wrote, as one string of JSON: whoever reads it sees where it begins and ends.
pub(super) fn quoted(text: &str) -> String {
    value(&Value::from(text))
}

/// What a reader should know of the letters: a text can look like another one.
pub(super) fn letters(canonical: &str) -> Option<String> {
    let foreign: BTreeSet<char> = canonical.chars().filter(|c| !c.is_ascii()).collect();
    let names: Vec<String> = foreign.iter().map(|c| format!("U+{:04X}", u32::from(*c))).collect();
    (!names.is_empty()).then(|| {
        format!("the arguments have characters outside of ASCII, some of which look like others: {}", names.join(" "))
    })
}

fn invisible(c: char) -> bool {
    clean::hidden(c)
        // Blanks that are none, or of no width that anybody could tell.
        || (c.is_whitespace() && c != ' ')
        // Marks that stand on the letter before them: enough of them hide a line.
        || matches!(c, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
            | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
        // A blank pattern, and what every font has otherwise or not at all.
        || matches!(c, '\u{2800}' | '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}')
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::escalation::Arguments;
    use proptest::prelude::*;

    fn shown(arguments: &str) -> String {
        pretty(Arguments::canonical(arguments).unwrap().text())
    }

    #[test]
    fn nothing_hides() {
        for (hidden, escape) in [
            ("\u{202e}", "\\u202e"),
            ("\u{200b}", "\\u200b"),
            ("\u{2066}", "\\u2066"),
            ("\u{a0}", "\\u00a0"),
            ("\u{2028}", "\\u2028"),
            ("\u{7f}", "\\u007f"),
            ("\u{9b}", "\\u009b"),
            ("\u{e0041}", "\\udb40\\udc41"),
            ("\u{fe0f}", "\\ufe0f"),
            ("\u{301}", "\\u0301"),
            ("\u{ad}", "\\u00ad"),
        ] {
            let arguments = format!(r#"{{"path{hidden}":"a{hidden}b"}}"#);
            assert_eq!(shown(&arguments), format!("{{\n  \"path{escape}\": \"a{escape}b\"\n}}"));
        }
        // What JSON escapes itself stays escaped: no argument begins a line of its own.
        assert_eq!(shown(r#"{"a":"x\n  \"b\": 1\r\u001b[2J"}"#), "{\n  \"a\": \"x\\n  \\\"b\\\": 1\\r\\u001b[2J\"\n}");
    }

    #[test]
    fn an_escape_that_is_written_is_another_text_than_a_character_that_is_hidden() {
        assert_ne!(shown(r#"{"a":"\\u202e"}"#), shown("{\"a\":\"\u{202e}\"}"));
    }

    #[test]
    fn what_looks_like_another_letter_is_named() {
        assert_eq!(letters(r#"{"a":"/etc"}"#), None);
        assert!(letters("{\"a\":\"/\u{435}tc\"}").unwrap().ends_with("U+0435"));
    }

    proptest! {
        /// Nothing is left out and nothing added: what is shown is the call.
        #[test]
        fn what_is_shown_is_what_is_signed(key in ".{0,8}", text in ".{0,40}", number in any::<i32>()) {
            let given = serde_json::json!({ "n": [number, { "t": text }], (format!("k{key}")): null });
            let arguments = Arguments::canonical(&given.to_string()).unwrap();
            let seen = pretty(arguments.text());
            prop_assert!(seen.chars().all(|c| c == '\n' || !invisible(c)), "{seen:?}");
            let again = Arguments::canonical(&crate::bounds::tree(&seen).unwrap().to_string()).unwrap();
            prop_assert_eq!(again.digest(), arguments.digest());
        }
    }
}
