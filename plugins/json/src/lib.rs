//! JSON: query it with jq's language, convert it from and to other formats, check it against a schema.
//! Everything comes in the arguments and goes out in the answer; this plugin needs no grant.
#![forbid(unsafe_code)]

mod convert;
mod query;
mod validate;

use convert::json_convert;
use query::json_query;
use safeclaw_sdk::prelude::*;
use validate::json_validate;

plugin!(json_query, json_convert, json_validate);

/// What an answer can carry twice (structured and as text) and stay well below 1 MiB.
const MAX_ANSWER_BYTES: usize = 200_000;

/// The first part of a message that quotes what it was given, which may be large.
fn cut(text: &str) -> String {
    const MAX_BYTES: usize = 600;
    let kept = text.get(..text.floor_char_boundary(MAX_BYTES)).unwrap_or_default();
    if kept.len() < text.len() { format!("{kept}…") } else { kept.to_owned() }
}

#[cfg(test)]
mod tests;
