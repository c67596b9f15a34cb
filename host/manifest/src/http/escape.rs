//! Percent-escapes. What a server could read as something else than what was compared here is refused.

/// What a path's escapes stand for, piece by piece; `None` where one is no escape.
pub(super) fn bytes(text: &str) -> Option<Vec<u8>> {
    let mut rest = text.as_bytes();
    let mut bytes = Vec::with_capacity(rest.len());
    loop {
        match rest {
            [] => return Some(bytes),
            [b'%', high, low, after @ ..] => {
                let digit = |digit: &u8| (*digit as char).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                bytes.push(digit(high)? << 4 | digit(low)?);
                rest = after;
            }
            [b'%', ..] => return None,
            [byte, after @ ..] => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
}

/// Whether each escape has upper-case digits and stands for a character that could not have been written as it is.
pub(super) fn is_normal(text: &str) -> bool {
    text.split('%').skip(1).all(|after| {
        let digits = after.get(..2).unwrap_or_default();
        let byte = u8::from_str_radix(digits, 16).ok();
        digits.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase()) && byte.is_some_and(|b| !is_unreserved(b))
    })
}

/// Characters that mean the same escaped and not, in every reading of a URL.
pub(super) fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Characters that some servers take for `.`, `/` or `\` once they have decoded them: compatibility forms, which a
/// server that normalises text, or fits it into another character set, turns into the plain ones.
pub(super) fn looks_like_structure(c: char) -> bool {
    matches!(
        c,
        '\u{2024}'
            ..='\u{2026}'
                | '\u{2044}'
                | '\u{2215}'
                | '\u{2216}'
                | '\u{29f8}'
                | '\u{29f9}'
                | '\u{fe52}'
                | '\u{fe68}'
                | '\u{ff0e}'
                | '\u{ff0f}'
                | '\u{ff3c}'
    )
}
