//! Depth and number of values of JSON as a parser sees it: what a scan of its text is compared with. A name
//! that comes twice counts twice, unlike in a map.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// Whether this is one of the inputs, one in 512, on which an expensive question is asked too.
pub(crate) fn is_chosen(bytes: &[u8]) -> bool {
    bytes.iter().map(|byte| usize::from(*byte)).sum::<usize>() % 512 == 7
}

/// The shape of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tree {
    /// Nested arrays and objects.
    pub(crate) depth: usize,
    /// All values, the keys of objects not.
    pub(crate) values: usize,
}

const LEAF: Tree = Tree { depth: 0, values: 1 };

impl Tree {
    fn add(&mut self, below: Self) {
        self.depth = self.depth.max(below.depth + 1);
        self.values += below.values;
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        source.deserialize_any(Shape)
    }
}

struct Shape;

impl<'de> Visitor<'de> for Shape {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(LEAF)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Tree, E> {
        Ok(LEAF)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Tree, E> {
        Ok(LEAF)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Tree, E> {
        Ok(LEAF)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Tree, E> {
        Ok(LEAF)
    }

    fn visit_str<E>(self, _: &str) -> Result<Tree, E> {
        Ok(LEAF)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
        let mut tree = Tree { depth: 1, values: 1 };
        while let Some(item) = items.next_element()? {
            tree.add(item);
        }
        Ok(tree)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Tree, A::Error> {
        let mut tree = Tree { depth: 1, values: 1 };
        while let Some((_, item)) = fields.next_entry::<String, Tree>()? {
            tree.add(item);
        }
        Ok(tree)
    }
}
