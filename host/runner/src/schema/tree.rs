//! A JSON text as a tree, its values counted on the way: one pass instead of two.
//!
//! Not `serde_json::Value`'s own reading: with the feature `raw_value`, which another crate of the build may want, that
//! takes an object of one magic key for the JSON text that stands in it. The schema would see another instance than
//! the guest, and its values would not have been counted.

use super::count::Left;
use super::texts::Texts;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// What was read.
pub(super) struct Tree {
    pub(super) instance: Value,
    /// The keys of objects not counted.
    pub(super) values: usize,
}

/// The tree of `text`, or nothing where it has more than `most` values.
///
/// # Errors
/// A text that is not JSON, as far as it was read.
pub(super) fn read(text: &str, most: usize, texts: Texts) -> serde_json::Result<Option<Tree>> {
    let mut reader = Reader { left: Left::new(most), texts };
    let mut source = serde_json::Deserializer::from_str(text);
    let read = reader.deserialize(&mut source).and_then(|instance| source.end().map(|()| instance));
    match read {
        _ if reader.left.spent => Ok(None),
        Err(error) => Err(error),
        Ok(instance) => Ok(Some(Tree { instance, values: most.saturating_sub(reader.left.values) })),
    }
}

struct Reader {
    left: Left,
    texts: Texts,
}

impl<'de> DeserializeSeed<'de> for &mut Reader {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.left.take()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &mut Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(match self.texts {
            Texts::Kept => text.to_owned(),
            Texts::Dropped => String::new(),
        }))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(&mut *self)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        // Of two equal keys the last one holds, as for the guest.
        while let Some(key) = fields.next_key::<String>()? {
            object.insert(key, fields.next_value_seed(&mut *self)?);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn kept(text: &str) -> Value {
        read(text, 1_000, Texts::Kept).unwrap().unwrap().instance
    }

    #[test]
    fn it_is_the_tree_that_serde_json_builds() {
        for text in [
            "null",
            " -0 ",
            "[1, -1, 1.5, 18446744073709551615, -9223372036854775808, 18446744073709551616, 1e300, -0.0]",
            r#"{"a": {"b": [true, false, "\u00e4\n\ud83d\ude00"]}, "a": "last", "": {}}"#,
        ] {
            assert_eq!(kept(text), serde_json::from_str::<Value>(text).unwrap(), "{text}");
        }
        for text in ["", "[1,", "{1: 2}", "[1] 2", "nul", "1e400", r#""\ud83d""#, r#"{"\udc00": 1}"#, &"[".repeat(200)]
        {
            let same = serde_json::from_str::<Value>(text).unwrap_err();
            assert_eq!(read(text, 1_000, Texts::Kept).err().unwrap().to_string(), same.to_string(), "{text}");
        }
    }

    #[test]
    fn each_value_counts_once_and_the_bound_ends_it() {
        let text = r#"{"a": {"b": [1, 2]}, "a": 3}"#;
        assert_eq!(read(text, 6, Texts::Kept).unwrap().unwrap().values, 6);
        assert!(read(text, 5, Texts::Kept).unwrap().is_none());
        assert!(read("[1, 1, 1, what follows is never looked at", 2, Texts::Kept).unwrap().is_none());
    }

    #[test]
    fn an_object_with_a_magic_key_is_an_object() {
        for key in ["$serde_json::private::RawValue", "$serde_json::private::Number"] {
            let instance = kept(&format!(r#"{{"{key}": "[1, 2, 3]"}}"#));
            assert_eq!(instance.get(key), Some(&Value::String("[1, 2, 3]".to_owned())));
        }
    }

    #[test]
    fn a_dropped_text_is_still_read() {
        let tree = read(r#"{"key": ["text", 7]}"#, 10, Texts::Dropped).unwrap().unwrap();
        assert_eq!(tree.instance, serde_json::json!({"key": ["", 7]}));
        assert!(read(r#"["\ud83d"]"#, 10, Texts::Dropped).is_err());
    }
}
