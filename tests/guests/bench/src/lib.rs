//! What is measured: the least that a tool can do, and a text that goes in and comes out again. The native
//! server of the bench has the same two tools.
#![forbid(unsafe_code)]

use safeclaw_sdk::prelude::*;

/// Two numbers.
#[arguments]
struct Add {
    /// The first.
    a: i64,
    /// The second.
    b: i64,
}

/// Adds two numbers.
#[tool(read_only, idempotent)]
fn add(args: Add) -> Result<Answer> {
    Ok(Answer::text(args.a.wrapping_add(args.b).to_string()))
}

/// A text.
#[arguments]
struct Echo {
    /// What comes back.
    text: String,
}

/// Gives a text back.
#[tool(read_only, idempotent)]
fn echo(args: Echo) -> Result<Answer> {
    Ok(Answer::text(args.text))
}

plugin!(add, echo);
