//! Reading a JSON text as a parser that builds a tree reads it, and keeping nothing.
//!
//! A parser that skips what it does not keep takes more for JSON than one that keeps it: `1e400`, or half a
//! character. A result that passes here and is no JSON to the agent's side would be in the audit log as
//! answered, and broken to the agent.

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

/// Objects with more keys are looked up, those with fewer compared one by one.
const FEW: usize = 16;

/// How often a key may stand in one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keys {
    /// A parser takes the last one.
    AnyTimes,
    Once,
}

/// Reads a text to its end.
pub(super) fn read(text: &str, keys: Keys) -> serde_json::Result<()> {
    let mut parser = serde_json::Deserializer::from_str(text);
    keys.deserialize(&mut parser)?;
    parser.end()
}

impl<'de> DeserializeSeed<'de> for Keys {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Keys {
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
        while items.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let mut seen = Seen::default();
        while let Some(Key(key)) = fields.next_key::<Key<'de>>()? {
            if self == Self::Once && !seen.add(key) {
                return Err(A::Error::custom("a key stands twice"));
            }
            fields.next_value_seed(self)?;
        }
        Ok(())
    }
}

/// A key, borrowed where it has no escapes.
struct Key<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Key<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Borrowed).map(Key)
    }
}

struct Borrowed;

impl<'de> Visitor<'de> for Borrowed {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(key))
    }

    fn visit_str<E>(self, key: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(key.to_owned()))
    }
}

#[derive(Default)]
struct Seen<'a> {
    few: Vec<Cow<'a, str>>,
    /// All of them, once they are no longer few: comparing each with each would cost the square.
    many: HashSet<Cow<'a, str>>,
}

impl<'a> Seen<'a> {
    /// Whether it is new.
    fn add(&mut self, key: Cow<'a, str>) -> bool {
        if !self.many.is_empty() {
            return self.many.insert(key);
        }
        if self.few.contains(&key) {
            return false;
        }
        self.few.push(key);
        if self.few.len() > FEW {
            self.many = self.few.drain(..).collect();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::{Keys, read};
    use crate::bounds::keys_are_unique;
    use proptest::prelude::*;
    use serde_json::{Value, from_str};

    fn agree(text: &str) -> bool {
        read(text, Keys::AnyTimes).is_ok() == from_str::<Value>(text).is_ok()
    }

    #[test]
    fn what_builds_no_tree_is_not_read() {
        for text in ["1e400", "[-1e400]", r#""\ud83d""#, r#"{"\udc00": 1}"#, "NaN", "[1,]", "{1: 2}", "\u{feff}1"] {
            assert!(read(text, Keys::AnyTimes).is_err() && agree(text), "{text}");
        }
        for text in ["1e308", "-0", "18446744073709551616", r#"{"a": 1, "a": [null, true, "\ud83d\ude00"]}"#] {
            assert!(read(text, Keys::AnyTimes).is_ok() && agree(text), "{text}");
        }
    }

    #[test]
    fn a_key_that_stands_twice_is_found_however_it_is_written() {
        for text in
            [r#"{"a":1,"a":2}"#, r#"{"a":1,"\u0061":2}"#, r#"[{"x":{"a":null,"b":true,"a":1.5}}]"#, r#"{"":0,"":0}"#]
        {
            assert!(!keys_are_unique(text), "{text}");
        }
        for text in [r#"{"a":{"a":{"a":[]}},"b":"a"}"#, r#"[{"a":1},{"a":2}]"#, "[]", "3", r#""a""#, "null"] {
            assert!(keys_are_unique(text), "{text}");
        }
    }

    #[test]
    fn many_keys_are_told_apart_too() {
        let object = |last: usize| {
            let keys: Vec<String> = (0..1000).chain([last]).map(|n| format!("\"k{n}\":0")).collect();
            format!("{{{}}}", keys.join(","))
        };
        assert!(keys_are_unique(&object(1000)));
        assert!(!keys_are_unique(&object(0)));
        assert!(!keys_are_unique(&object(999)));
    }

    #[test]
    fn what_is_no_json_and_what_no_machine_can_hold_is_not() {
        for text in ["", "{", "{} {}", "1e400", r#"{"a":-1e999}"#] {
            assert!(!keys_are_unique(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn it_takes_what_a_tree_takes(text in r#"[\[\]{}:,"0-9eE.+\-\\ud8c]{0,12}"#) {
            prop_assert!(agree(&text), "{text}");
        }
    }
}
