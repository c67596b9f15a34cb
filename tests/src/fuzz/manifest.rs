//! The manifest: any text is answered, and what is accepted can be explained and has one name.

use manifest::{Diagnostic, Read, SourceFile};

const FILE: &str = "fuzz.toml";
/// The longest message or help: a mistake is a few lines for a person.
const MAX_MESSAGE_BYTES: usize = 2_048;
/// The longest explanation of one tool of a short manifest.
const MAX_EXPLANATION_BYTES: usize = 64 << 10;

/// Accepted: every tool is explained, and the digest depends on the meaning alone. Refused: each mistake has
/// its place in the text and says what to do, in so many words and no hidden ones.
pub fn check(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    match read(text) {
        Ok(read) => {
            explained(&read);
            named(text, &read);
            read.warnings.iter().for_each(|warning| placed(text, warning));
            true
        }
        Err(errors) => {
            assert!(!errors.list.is_empty() && errors.list.len() <= 100);
            errors.list.iter().for_each(|error| placed(text, error));
            false
        }
    }
}

fn read(text: &str) -> Result<Read, manifest::Diagnostics> {
    manifest::read(&[SourceFile { name: FILE.to_owned(), text: text.to_owned() }])
}

fn explained(read: &Read) {
    for tool in read.manifest.tools.keys() {
        let shown = manifest::explain(read, tool).expect("a tool of this manifest").to_string();
        assert!(shown.len() <= MAX_EXPLANATION_BYTES, "{} bytes to explain one tool", shown.len());
        shown.lines().for_each(visible);
    }
}

/// Comments, order, quotes and the shape of tables are not its meaning.
fn named(text: &str, read: &Read) {
    let table: toml::Table = text.parse().expect("what was read is TOML");
    let written = toml::to_string_pretty(&table).expect("TOML");
    let again = self::read(&written).unwrap_or_else(|errors| panic!("written anew it is refused: {errors}\n{written}"));
    assert_eq!(again.manifest, read.manifest);
    assert_eq!(again.manifest.digest(), read.manifest.digest());
}

fn placed(text: &str, diagnostic: &Diagnostic) {
    let place = &diagnostic.place;
    assert_eq!(place.file, FILE);
    let line = usize::try_from(place.line).ok().and_then(|line| text.split('\n').nth(line.checked_sub(1)?));
    let line = line.unwrap_or_else(|| panic!("{place} is not in the text"));
    assert!((1..=line.chars().count() + 1).contains(&usize::try_from(place.column).expect("a column")), "{place}");
    for words in [&diagnostic.message, &diagnostic.help] {
        assert!(!words.is_empty() && words.len() <= MAX_MESSAGE_BYTES, "{} bytes: {words}", words.len());
        visible(words);
    }
}

fn visible(line: &str) {
    assert!(!line.chars().any(super::clean::is_hidden), "something hidden in {line:?}");
}
