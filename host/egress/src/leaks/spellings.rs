//! How a value may be written by a program that repeats it: as a header, in JSON, in a URL, in base64 of something
//! longer. The automaton does not tell upper from lower case, so each is here in one case.

use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use std::collections::BTreeSet;
use zeroize::{Zeroize, Zeroizing};

const ALPHABETS: [GeneralPurpose; 2] =
    [GeneralPurpose::new(&alphabet::STANDARD, NO_PAD), GeneralPurpose::new(&alphabet::URL_SAFE, NO_PAD)];

/// A pattern to look for.
pub(super) type Spelling = Zeroizing<Vec<u8>>;

/// Every spelling of a value, each once.
pub(super) fn of(value: &[u8]) -> Vec<Spelling> {
    let mut all = BTreeSet::new();
    let mut add = |spelling: Vec<u8>| {
        if let Some(mut twice) = (!spelling.is_empty()).then(|| all.replace(spelling)).flatten() {
            twice.zeroize();
        }
    };
    add(value.to_vec());
    add(hex::encode(value).into_bytes());
    for escaped in PERCENT {
        add(percent(value, escaped));
    }
    for style in JSON {
        add(json(value, style));
    }
    for within in base64(value) {
        // In a query: `+`, `/` and `=` are escaped there.
        add(percent(&within, &|byte| !byte.is_ascii_alphanumeric() && !b"-_".contains(&byte)));
        // In JSON of PHP's.
        add(json(&within, &Json { slash: true, ..Json::PLAIN }));
        add(within);
    }
    all.into_iter().map(Zeroizing::new).collect()
}

/// The characters that a value decides, wherever it stands in what is encoded: whatever is before it, it begins at
/// one of three places within a group. Those at its ends that it shares with a neighbour are not among them.
fn base64(value: &[u8]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for engine in &ALPHABETS {
        for before in 0..3_usize {
            let whole = Zeroizing::new([&vec![0; before][..], value].concat());
            let mut text = engine.encode(&*whole).into_bytes();
            let first = (before * 8).div_ceil(6);
            let shared = whole.len() * 8 / 6;
            // Where it is the end of what is encoded the last character is its own too.
            all.push(text.get(first..).unwrap_or_default().to_vec());
            all.push(text.get(first..shared).unwrap_or_default().to_vec());
            text.zeroize();
        }
    }
    all
}

type Escaped = dyn Fn(u8) -> bool + Sync;

/// Which bytes are escaped in a URL: by `encodeURI`, by `encodeURIComponent`, by RFC 3986 to the letter, by forms, and
/// by those who escape everything.
const PERCENT: [&Escaped; 5] = [
    &|byte| !byte.is_ascii_alphanumeric() && !b"-_.!~*'();/?:@&=+$,#".contains(&byte),
    &|byte| !byte.is_ascii_alphanumeric() && !b"-_.!~*'()".contains(&byte),
    &|byte| !byte.is_ascii_alphanumeric() && !b"-_.~".contains(&byte),
    &|byte| !byte.is_ascii_alphanumeric() && !b"-_.*".contains(&byte),
    &|_| true,
];

fn percent(value: &[u8], escaped: &Escaped) -> Vec<u8> {
    let mut text = Vec::with_capacity(value.len() * 3);
    for &byte in value {
        if escaped(byte) {
            text.push(b'%');
            text.extend_from_slice(hex::encode([byte]).as_bytes());
        } else {
            text.push(byte);
        }
    }
    text
}

/// What a writer of JSON escapes besides what it has to.
struct Json {
    /// `\/`.
    slash: bool,
    /// Characters that are written as `\u00XX`, for HTML's sake.
    html: &'static str,
    /// Everything beyond ASCII, as `\uXXXX`.
    foreign: bool,
    /// Everything.
    all: bool,
}

impl Json {
    const PLAIN: Self = Self { slash: false, html: "", foreign: false, all: false };
}

/// As the common writers do it: the shortest; with `\/`; ASCII only; both; Go's and Rails'; .NET's; PHP's with all its
/// flags; and everything escaped.
const JSON: &[Json] = &[
    Json::PLAIN,
    Json { slash: true, ..Json::PLAIN },
    Json { foreign: true, ..Json::PLAIN },
    Json { slash: true, foreign: true, ..Json::PLAIN },
    Json { html: "<>&", ..Json::PLAIN },
    Json { html: "<>&", foreign: true, ..Json::PLAIN },
    Json { html: "<>&'\"+`", foreign: true, ..Json::PLAIN },
    Json { html: "<>&'\"", slash: true, foreign: true, ..Json::PLAIN },
    Json { all: true, ..Json::PLAIN },
];

fn json(value: &[u8], style: &Json) -> Vec<u8> {
    // A value that is no text is in no JSON.
    let Ok(value) = std::str::from_utf8(value) else { return Vec::new() };
    let mut text = String::with_capacity(value.len() * 6);
    for character in value.chars() {
        let unicode = style.all || style.html.contains(character) || (style.foreign && !character.is_ascii());
        match character {
            _ if unicode => {
                let mut units = [0; 2];
                for unit in character.encode_utf16(&mut units) {
                    text.push_str(&format!("\\u{unit:04x}"));
                }
            }
            '"' | '\\' => text.extend(['\\', character]),
            '/' if style.slash => text.push_str("\\/"),
            character => text.push(character),
        }
    }
    text.into_bytes()
}
