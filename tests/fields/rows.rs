//! The cases, table by table.

mod ceiling;
mod document;
mod http;
mod limits;
mod tiers;
mod tools;

use super::case::Case;

pub(super) fn all() -> impl Iterator<Item = &'static Case> {
    [
        document::CASES,
        tiers::CASES,
        ceiling::CASES,
        http::CEILING,
        http::TOOL,
        limits::CEILING,
        limits::TOOL,
        tools::CASES,
    ]
    .into_iter()
    .flatten()
}
