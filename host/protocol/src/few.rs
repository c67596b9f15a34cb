//! Lists that a peer may fill: each has a bound on its length.
//!
//! An empty item takes one or two bytes in a frame and up to two hundred in memory, so the bound on a
//! frame alone would let a runner make the hub hold gigabytes.

use crate::ToolDescription;
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use std::{fmt, marker::PhantomData};

/// Findings of one kind in a hello.
pub(crate) const MAX_FINDINGS: usize = 256;
/// Content blocks of one answer.
pub const MAX_CONTENT_BLOCKS: usize = 4_096;
/// Tools of one component.
pub const MAX_TOOLS: usize = 512;
/// Imports or exports of one component.
pub const MAX_NAMES: usize = 4_096;

/// A list of at most `MOST` items.
struct Few<T, const MOST: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for Few<T, MOST> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at most {MOST} items")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<T>, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            if list.len() == MOST {
                return Err(A::Error::invalid_length(MOST + 1, &self));
            }
            list.push(item);
        }
        Ok(list)
    }
}

/// For `#[serde(deserialize_with)]` on a list.
pub(crate) fn few<'de, D, T, const MOST: usize>(source: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    source.deserialize_seq(Few::<T, MOST>(PhantomData))
}

/// Tools, at most [`MAX_TOOLS`].
struct Tools(Vec<ToolDescription>);

impl<'de> Deserialize<'de> for Tools {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        few::<D, ToolDescription, MAX_TOOLS>(source).map(Self)
    }
}

/// For `#[serde(deserialize_with)]` on the answer to `Describe`.
pub(crate) fn described<'de, D>(source: D) -> Result<Result<Vec<ToolDescription>, String>, D::Error>
where
    D: Deserializer<'de>,
{
    Ok(Result::<Tools, String>::deserialize(source)?.map(|tools| tools.0))
}
