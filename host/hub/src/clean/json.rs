//! The strings of a JSON text cleaned, and every other byte of it left alone: no tree is built, and a number
//! that fits no machine type comes through as it was written.

use std::str::Chars;

/// Cleans the keys and strings of a text that is known to be JSON.
#[must_use]
pub fn json(dirty: &str) -> String {
    let mut clean = String::with_capacity(dirty.len());
    let mut rest = dirty.chars();
    while let Some(c) = rest.next() {
        if c == '"' {
            if let Some((string, after)) = unescaped(rest.as_str()) {
                clean.push('"');
                clean += string;
                clean.push('"');
                rest = after.chars();
                continue;
            }
            // A string cannot fail to serialise.
            clean += &serde_json::to_string(&super::text(&literal(&mut rest))).unwrap_or_default();
        } else {
            clean.push(c);
        }
    }
    clean
}

/// The rest of a string in which nothing is hidden and nothing escaped, and what comes after its closing quote.
fn unescaped(rest: &str) -> Option<(&str, &str)> {
    let (string, after) = rest.split_once('"')?;
    let plain =
        super::plain_bytes(string.as_bytes()) == string.len() && memchr::memchr(b'\\', string.as_bytes()).is_none();
    plain.then_some((string, after))
}

/// Reads up to the closing quote and undoes the escapes. Half a surrogate pair is no character: it is shown.
fn literal(rest: &mut Chars<'_>) -> String {
    let mut text = String::new();
    while let Some(c) = rest.next() {
        match c {
            '"' => break,
            '\\' => match rest.next() {
                Some('n') => text.push('\n'),
                Some('r') => text.push('\r'),
                Some('t') => text.push('\t'),
                Some('b') => text.push('\u{8}'),
                Some('f') => text.push('\u{c}'),
                Some('u') => unit(rest, &mut text),
                Some(other) => text.push(other),
                None => break,
            },
            _ => text.push(c),
        }
    }
    text
}

fn unit(rest: &mut Chars<'_>, text: &mut String) {
    let first = hex4(rest);
    let mut ahead = rest.clone();
    if (0xd800..0xdc00).contains(&first) && ahead.next() == Some('\\') && ahead.next() == Some('u') {
        let second = hex4(&mut ahead);
        if (0xdc00..0xe000).contains(&second) {
            *rest = ahead;
            let both = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
            text.extend(char::from_u32(both));
            return;
        }
    }
    match char::from_u32(first) {
        Some(c) => text.push(c),
        None => text.push_str(&format!("\\u{{{first:x}}}")),
    }
}

fn hex4(rest: &mut Chars<'_>) -> u32 {
    rest.by_ref().take(4).fold(0, |n, c| n << 4 | c.to_digit(16).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::json;

    #[test]
    fn escapes_hide_nothing() {
        assert_eq!(
            json(r#"{"a\u202eb": "\u001b[2J \ud83d\ude00 \ud83d x"}"#),
            r#"{"a\\u{202e}b": "\\u{1b}[2J 😀 \\u{d83d} x"}"#
        );
    }

    #[test]
    fn numbers_are_not_touched() {
        let big = r#"[123456789012345678901234567890, 1.10, 1e400, true, "\n\t\""]"#;
        assert_eq!(json(big), big);
    }
}
