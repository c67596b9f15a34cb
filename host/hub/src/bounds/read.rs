//! Reading a JSON text as a parser that builds a tree reads it, and keeping nothing.
//!
//! A parser that skips what it does not keep takes more for JSON than one that keeps it: `1e400`, or half a
//! character. A result that passes here and is no JSON to the agent's side would be in the audit log as
//! answered, and broken to the agent.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// A value, gone.
pub(super) struct Read;

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Read {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self, A::Error> {
        while fields.next_entry::<Self, Self>()?.is_some() {}
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::Read;
    use proptest::prelude::*;
    use serde_json::{Value, from_str};

    fn agree(text: &str) -> bool {
        from_str::<Read>(text).is_ok() == from_str::<Value>(text).is_ok()
    }

    #[test]
    fn what_builds_no_tree_is_not_read() {
        for text in ["1e400", "[-1e400]", r#""\ud83d""#, r#"{"\udc00": 1}"#, "NaN", "[1,]", "{1: 2}", "\u{feff}1"] {
            assert!(from_str::<Read>(text).is_err() && agree(text), "{text}");
        }
        for text in ["1e308", "-0", "18446744073709551616", r#"{"a": 1, "a": [null, true, "\ud83d\ude00"]}"#] {
            assert!(from_str::<Read>(text).is_ok() && agree(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn it_takes_what_a_tree_takes(text in r#"[\[\]{}:,"0-9eE.+\-\\ud8c]{0,12}"#) {
            prop_assert!(agree(&text), "{text}");
        }
    }
}
