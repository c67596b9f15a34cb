//! How many values a JSON text has, without a tree of them in memory.

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// The number of values in `text`, the keys of objects not counted, or nothing where it is above `most`.
///
/// # Errors
/// A text that is not JSON, as far as it was read.
pub(super) fn values(text: &str, most: usize) -> serde_json::Result<Option<usize>> {
    let mut left = Left::new(most);
    let mut reader = serde_json::Deserializer::from_str(text);
    match left.deserialize(&mut reader).and_then(|()| reader.end()) {
        _ if left.spent => Ok(None),
        Err(error) => Err(error),
        Ok(()) => Ok(Some(most.saturating_sub(left.values))),
    }
}

/// The values that may still come.
pub(super) struct Left {
    pub(super) values: usize,
    /// There was one more.
    pub(super) spent: bool,
}

impl Left {
    pub(super) fn new(most: usize) -> Self {
        Self { values: most, spent: false }
    }

    pub(super) fn take<E: Error>(&mut self) -> Result<(), E> {
        self.spent = self.values == 0;
        self.values = self.values.saturating_sub(1);
        // Ends the reading at once; whoever asked looks at `spent`, not at these words.
        if self.spent { Err(E::custom("too many values")) } else { Ok(()) }
    }
}

impl<'de> DeserializeSeed<'de> for &mut Left {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.take()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &mut Left {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(&mut *self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        while fields.next_key::<Key>()?.is_some() {
            fields.next_value_seed(&mut *self)?;
        }
        Ok(())
    }
}

/// A key, read as text and thrown away: one that is skipped unread may hold half a character, and whoever
/// builds the tree then finds that it is no JSON.
struct Key;

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Key)
    }
}

impl Visitor<'_> for Key {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::values;

    #[test]
    fn what_builds_no_tree_is_no_json() {
        for text in ["1e400", "[-1e400]", r#""\ud83d""#, r#"{"\udc00": 1}"#, "NaN", "Infinity", "[1,]", "\u{feff}1"] {
            values(text, 10).unwrap_err();
            serde_json::from_str::<serde_json::Value>(text).unwrap_err();
        }
    }

    #[test]
    fn each_value_counts_once_and_keys_do_not() {
        for (text, count) in [
            ("1", 1),
            ("[]", 1),
            (r#"[null, true, -1, 1.5, "a", 18446744073709551615]"#, 7),
            (r#"{"a": {"b": [1, 2]}, "a": 3}"#, 6),
        ] {
            assert_eq!(values(text, 10).unwrap(), Some(count), "{text}");
            assert_eq!(values(text, count).unwrap(), Some(count), "{text}");
            assert_eq!(values(text, count - 1).unwrap(), None, "{text}");
        }
        for text in ["", "[1,", "{1: 2}", "[1] 2", "nul", &"[".repeat(1_000)] {
            values(text, 10_000).unwrap_err();
        }
        assert_eq!(values("[1, 1, 1, what follows is never looked at", 2).unwrap(), None);
    }
}
