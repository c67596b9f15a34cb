//! The bounds of arguments and results: a scan of the text against what a parser makes of it.
//!
//! The attack: a text that the scan takes for flat and short, and that the parser behind it takes for deep or
//! for very many values.

use super::tree::{self, Tree};
use hub::bounds::{self, OutOfBounds};

/// The first byte chooses the greatest depth, the rest is the text.
pub fn check(bytes: &[u8]) -> bool {
    let Some((first, rest)) = bytes.split_first() else { return false };
    let Ok(text) = std::str::from_utf8(rest) else { return false };
    let most_depth = 1 + usize::from(first % 40);
    let parsed = serde_json::from_str::<Tree>(text);
    let bounded = bounds::value(text, text.len(), most_depth);
    match (&bounded, &parsed) {
        (Ok(()), Ok(tree)) => assert!(tree.depth <= most_depth, "deeper than {most_depth}"),
        // A number that fits no machine type and half a character are JSON, and no value.
        (Ok(()), Err(error)) => {
            let why = error.to_string();
            let known = ["number out of range", "surrogate", "unexpected end of hex escape"];
            assert!(known.iter().any(|known| why.contains(known)), "taken, and no JSON: {why}");
        }
        (Err(OutOfBounds::Depth { most }), parsed) => {
            assert_eq!(*most, most_depth);
            assert!(parsed.as_ref().map_or(true, |tree| tree.depth > most_depth), "not so deep");
        }
        (Err(OutOfBounds::Syntax), parsed) => assert!(parsed.is_err(), "JSON that is refused as none"),
        (Err(other), _) => panic!("a short text: {other}"),
    }
    assert_eq!(
        bounds::value(text, text.len().saturating_sub(1), most_depth).is_ok(),
        text.is_empty() && bounded.is_ok()
    );
    let object = bounds::object(text, text.len(), most_depth);
    let is_object = bounded.is_ok() && text.trim_start().starts_with('{');
    assert_eq!(object.is_ok(), is_object);
    if let Ok(tree) = &parsed
        && tree::is_chosen(bytes)
        && text.len() <= 8 * tree.values
    {
        counted(text, tree.values);
    }
    bounded.is_ok()
}

/// The text again and again in one list, to just under and just over the greatest number of values.
fn counted(text: &str, each: usize) {
    for times in [bounds::VALUES / each - 1, bounds::VALUES / each + 2] {
        let many = format!("[{}]", vec![text; times].join(","));
        let real = 1 + each * times;
        let taken = !bounds::too_many_values(many.as_bytes());
        // Brackets and commas are counted: an empty list is one of each, so the scan may be above, never below.
        assert!(!taken || real <= bounds::VALUES + 1, "{real} values are taken");
        assert_eq!(taken, !matches!(bounds::value(&many, many.len(), 40), Err(OutOfBounds::Values { .. })));
    }
}
