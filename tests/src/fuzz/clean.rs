//! Guest text on its way to people and models: whatever went in, what comes out hides nothing.

use hub::clean;
use serde_json::Value;

/// The first byte chooses the greatest length, the rest is text; what is no UTF-8 is replaced, as for output.
pub fn check(bytes: &[u8]) -> bool {
    let Some((first, rest)) = bytes.split_first() else { return false };
    let dirty = String::from_utf8_lossy(rest);
    let most = 8 + usize::from(*first);
    let whole = clean::text(&dirty);
    harmless(&whole);
    assert_eq!(clean::text(&whole), whole, "cleaned twice it is something else");
    let bounded = clean::bounded(&dirty, most);
    harmless(&bounded);
    assert!(bounded.len() <= most, "{} bytes of at most {most}", bounded.len());
    assert_eq!(clean::bounded(&bounded, most), bounded);
    let line = clean::line(&dirty, most);
    harmless(&line);
    assert!(line.len() <= most && !line.contains(['\n', '\t']), "{line:?}");
    if let Ok(value) = serde_json::from_str::<Value>(&dirty) {
        json(&dirty, &value);
    }
    whole == dirty
}

/// Still JSON, of the same shape, with every text in it harmless.
fn json(dirty: &str, value: &Value) {
    let clean = clean::json(dirty);
    let cleaned: Value = serde_json::from_str(&clean).expect("still JSON");
    assert_eq!(clean::json(&clean), clean);
    texts(&cleaned, &mut harmless);
    let mut names = 0;
    texts(value, &mut |_| names += 1);
    texts(&cleaned, &mut |_| names -= 1);
    // Two names may become one when what made them differ is shown; then they are not compared.
    if names == 0 {
        assert_eq!(shown(value), cleaned);
    }
}

fn texts(value: &Value, see: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => see(text),
        Value::Array(items) => items.iter().for_each(|item| texts(item, see)),
        Value::Object(fields) => fields.iter().for_each(|(name, item)| {
            see(name);
            texts(item, see);
        }),
        _ => {}
    }
}

fn shown(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(clean::text(text)),
        Value::Array(items) => items.iter().map(shown).collect(),
        Value::Object(fields) => fields.iter().map(|(name, item)| (clean::text(name), shown(item))).collect(),
        other => other.clone(),
    }
}

fn harmless(text: &str) {
    let mut before = None;
    for c in text.chars() {
        let selects = matches!(c, '\u{fe0e}' | '\u{fe0f}');
        // One selector after something that has two faces is how emoji are written.
        let face = selects && before.is_some_and(|b: char| !is_hidden(b) && !b.is_ascii_alphabetic() && b != ' ');
        assert!(face || matches!(c, '\n' | '\t') || !is_hidden(c), "{c:?} in {text:?}");
        before = Some(c);
    }
}

/// Controls, and what Unicode calls `Default_Ignorable_Code_Point` and `Bidi_Control`; written down here a
/// second time, from the standard's own list.
pub(crate) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}
