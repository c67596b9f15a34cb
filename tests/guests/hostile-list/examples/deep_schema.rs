//! A schema deeper than 32 levels: small, and yet too much for a parser that recurses.
#![forbid(unsafe_code)]

use hostile_list::{listing, tool};

listing!({
    let mut deep = tool("deep");
    let depth = 10_000;
    deep.input_schema = format!(r#"{}true{}"#, r#"{"type":"object","not":"#.repeat(depth), "}".repeat(depth));
    vec![deep]
});
