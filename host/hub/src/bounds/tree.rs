//! A JSON text as a tree, as it stands.
//!
//! `serde_json::Value`'s own reading takes an object of one magic key for the JSON text that stands in it, as the
//! feature `raw_value` wants it: what a tool hides in such a text, escapes of control characters above all, was a
//! plain string when the result was cleaned, and would reach the agent as what it is.

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// Reads a text to its end; of two equal keys the last one holds.
///
/// # Errors
/// It is not JSON.
pub(crate) fn tree(text: &str) -> serde_json::Result<Value> {
    let mut parser = serde_json::Deserializer::from_str(text);
    let value = Tree.deserialize(&mut parser)?;
    parser.end().map(|()| value)
}

#[derive(Clone, Copy)]
struct Tree;

impl<'de> DeserializeSeed<'de> for Tree {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Tree {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = fields.next_key::<String>()? {
            object.insert(key, fields.next_value_seed(self)?);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_tree_that_serde_json_builds_but_for_its_magic() {
        for text in ["null", "[1, -1, 1.5, 18446744073709551615, 1e300]", r#"{"a": {"b": [true, "\u00e4\n"]}, "a": 1}"#]
        {
            assert_eq!(tree(text).unwrap(), serde_json::from_str::<Value>(text).unwrap(), "{text}");
        }
        for text in ["", "[1,", "[1] 2", "1e400", r#""\ud83d""#, &"[".repeat(200)] {
            tree(text).unwrap_err();
        }
        for key in ["$serde_json::private::RawValue", "$serde_json::private::Number"] {
            let hidden = tree(&format!(r#"{{"{key}": "[1, 2]"}}"#)).unwrap();
            assert_eq!(hidden.get(key), Some(&Value::from("[1, 2]")));
        }
    }
}
