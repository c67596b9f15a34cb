//! A JSON value in which every object has each key once. Nothing of it is kept.

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

/// Objects with more keys are looked up, those with fewer compared one by one.
const FEW: usize = 16;

/// The proof that it is one.
pub(super) struct Unique;

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Values)
    }
}

struct Values;

impl<'de> Visitor<'de> for Values {
    type Value = Unique;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON in which no key stands twice")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_str<E>(self, _: &str) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_unit<E>(self) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Unique, A::Error> {
        while items.next_element::<Unique>()?.is_some() {}
        Ok(Unique)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Unique, A::Error> {
        let mut seen = Keys::default();
        while let Some(Key(key)) = entries.next_key::<Key<'de>>()? {
            if !seen.add(key) {
                return Err(A::Error::custom("a key stands twice"));
            }
            entries.next_value::<Unique>()?;
        }
        Ok(Unique)
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
struct Keys<'a> {
    few: Vec<Cow<'a, str>>,
    /// All of them, once they are no longer few: comparing each with each would cost the square.
    many: HashSet<Cow<'a, str>>,
}

impl<'a> Keys<'a> {
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
    use crate::bounds::keys_are_unique;

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
}
