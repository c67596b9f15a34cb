//! Guest text made harmless before anyone sees it.
//!
//! A tool, or whatever it just read, can write bytes that move a terminal's cursor, reverse the order of a
//! line, or say things to a model that a person does not see. None of them pass: each becomes a visible
//! `\u{…}`, so that the reader learns that something was there. Pure.

mod json;

pub use json::json;

/// The end of a text that was cut.
const CUT: char = '…';

/// Bytes that are looked at together.
const PIECE: usize = 64;

/// Longest title and name-like field, bytes.
pub const LINE_BYTES: usize = 256;
/// Longest description of a tool, bytes. Bounds what one component can put into every model context.
pub const DESCRIPTION_BYTES: usize = 4096;
/// Longest log line and progress message, bytes.
pub const NOTE_BYTES: usize = 4096;

/// A text of one line: what [`text`] does, and line ends and tabs become spaces.
#[must_use]
pub fn line(text: &str, most_bytes: usize) -> String {
    let flat: String = text.chars().map(|c| if matches!(c, '\n' | '\r' | '\t') { ' ' } else { c }).collect();
    bounded(flat.trim(), most_bytes)
}

/// A text of any lines, cut at `most_bytes`.
#[must_use]
pub fn bounded(dirty: &str, most_bytes: usize) -> String {
    // Nothing shrinks when it is cleaned, except line ends to a half: what is further on would be cut anyway.
    let near = dirty.char_indices().take_while(|(at, _)| *at <= most_bytes.saturating_mul(2)).map(|(_, c)| c);
    let clean = text(&near.collect::<String>());
    if clean.len() <= most_bytes {
        return clean;
    }
    let room = most_bytes.saturating_sub(CUT.len_utf8());
    let kept = clean.char_indices().take_while(|(at, c)| at + c.len_utf8() <= room).map(|(_, c)| c);
    kept.chain(std::iter::once(CUT)).collect()
}

/// A text of any lines: `\n` and `\t` stay, `\r\n` becomes `\n`, everything else that cannot be seen is shown.
#[must_use]
pub fn text(dirty: &str) -> String {
    let mut clean = String::with_capacity(dirty.len());
    let mut rest = dirty;
    loop {
        let (plain, other) = rest.split_at(plain_bytes(rest.as_bytes()));
        clean.push_str(plain);
        let mut characters = other.chars();
        let Some(c) = characters.next() else { return clean };
        rest = characters.as_str();
        if c == '\r' && rest.starts_with('\n') {
            continue;
        }
        if shown(clean.chars().next_back(), c) {
            clean.push(c);
        } else {
            clean.extend(c.escape_unicode());
        }
    }
}

/// How many bytes at the start are ASCII that everybody sees, or a line end or tab: nearly all of nearly every
/// text, and copied as they stand.
fn plain_bytes(bytes: &[u8]) -> usize {
    let plain = |byte: u8| matches!(byte, b' '..=b'~' | b'\n' | b'\t');
    // Piece by piece without a way out in the middle, which the compiler turns into wide instructions.
    let whole = bytes.chunks(PIECE).take_while(|piece| piece.iter().fold(true, |all, byte| all & plain(*byte))).count();
    let sure = (whole * PIECE).min(bytes.len());
    sure + bytes.iter().skip(sure).take_while(|byte| plain(**byte)).count()
}

/// Whether a character may stand after `before` as it is.
fn shown(before: Option<char>, c: char) -> bool {
    match c {
        '\n' | '\t' => true,
        // Emoji and text presentation: one selector, on something that has two faces. A run of selectors
        // carries hidden bytes.
        '\u{fe0e}' | '\u{fe0f}' => before.is_some_and(|b| {
            matches!(b, '0'..='9' | '#' | '*') || (!b.is_ascii() && !selector(b) && !b.is_whitespace())
        }),
        _ => !hidden(c),
    }
}

fn selector(c: char) -> bool {
    matches!(c, '\u{fe00}'..='\u{fe0f}')
}

/// Characters that move, reorder or hide: never passed on.
pub(crate) fn hidden(c: char) -> bool {
    matches!(c,
        // C0, DEL and C1: terminals obey them, ESC above all.
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        // Soft hyphen, grapheme joiner, Arabic letter mark, Hangul fillers, Khmer inherent vowels: no glyph.
        | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{3164}' | '\u{ffa0}'
        // Mongolian selectors and vowel separator.
        | '\u{180b}'..='\u{180f}'
        // Zero width, and direction marks.
        | '\u{200b}'..='\u{200f}'
        // Line and paragraph separator, direction embeddings and overrides.
        | '\u{2028}'..='\u{202e}'
        // Word joiner, invisible operators, direction isolates, deprecated format characters.
        | '\u{2060}'..='\u{206f}'
        // Variation selectors; two of them pass by the rule above.
        | '\u{fe00}'..='\u{fe0f}'
        // Byte order mark, interlinear annotations.
        | '\u{feff}' | '\u{fff0}'..='\u{fffb}'
        // Noncharacters.
        | '\u{fdd0}'..='\u{fdef}' | '\u{fffe}'..='\u{ffff}'
        // Shorthand and musical format controls.
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        // Tags and the other selectors: a whole alphabet that no one sees and models read.
        | '\u{e0000}'..='\u{e0fff}')
        || (c as u32) & 0xfffe == 0xfffe
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(dirty: &str, clean: &str) {
        assert_eq!(text(dirty), clean);
    }

    #[test]
    fn what_moves_hides_or_reorders_is_shown() {
        check("a\nb\tc", "a\nb\tc");
        check("a\r\nb\rc", "a\nb\\u{d}c");
        check("\u{1b}[31mred\u{7}", "\\u{1b}[31mred\\u{7}");
        check("\u{9b}2J", "\\u{9b}2J");
        check("user\u{202e}gpj.exe", "user\\u{202e}gpj.exe");
        check("a\u{2066}b\u{2069}", "a\\u{2066}b\\u{2069}");
        check("pass\u{200b}word\u{feff}", "pass\\u{200b}word\\u{feff}");
        check("hi\u{e0041}\u{e0042}", "hi\\u{e0041}\\u{e0042}");
        check("a\u{e0100}", "a\\u{e0100}");
        check("\u{10ffff}", "\\u{10ffff}");
    }

    #[test]
    fn what_people_write_stays() {
        for kept in ["grüße, 你好, שלום, مرحبا", "☀\u{fe0f}", "1\u{fe0f}\u{20e3}", "e\u{301}", "\\u{1b} typed by hand"]
        {
            check(kept, kept);
        }
    }

    #[test]
    fn a_run_of_selectors_carries_nothing() {
        check("☀\u{fe0f}\u{fe0e}\u{fe0f}", "☀\u{fe0f}\\u{fe0e}\\u{fe0f}");
        check("a\u{fe0f}", "a\\u{fe0f}");
    }

    #[test]
    fn lines_are_one_line_and_cut_texts_say_so() {
        assert_eq!(line("  one\r\ntwo\t", 100), "one  two");
        assert_eq!(bounded("abcdef", 6), "abcdef");
        assert_eq!(bounded("abcdefg", 6), "abc…");
        assert_eq!(bounded("äöü", 5), "ä…");
    }

    fn harmless(text: &str) -> bool {
        let mut before = None;
        text.chars().all(|c| shown(before.replace(c), c))
    }

    proptest! {
        #[test]
        fn nothing_hidden_comes_out_and_twice_is_once(dirty in any::<String>(), more in "[\r\n\u{1b}\u{200b}\u{fe0f}\u{202e}a☀\u{e0041}]{0,40}", most in 3usize..200) {
            let dirty = dirty + &more;
            for clean in [text(&dirty), bounded(&dirty, most), line(&dirty, most)] {
                prop_assert!(harmless(&clean), "{clean:?}");
            }
            prop_assert_eq!(text(&text(&dirty)), text(&dirty));
            prop_assert!(bounded(&dirty, most).len() <= most);
            prop_assert_eq!(bounded(&bounded(&dirty, most), most), bounded(&dirty, most));
            prop_assert_eq!(line(&line(&dirty, most), most), line(&dirty, most));
        }

        #[test]
        fn json_stays_the_same_value_but_for_hidden_text(dirty in any::<String>(), number in any::<u64>()) {
            let before = serde_json::json!({ dirty.clone(): [dirty.clone(), number, null] });
            let after: serde_json::Value = serde_json::from_str(&json(&before.to_string())).unwrap();
            prop_assert_eq!(after, serde_json::json!({ text(&dirty): [text(&dirty), number, null] }));
        }
    }
}
