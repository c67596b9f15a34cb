//! What is measured: the least that a tool can do, and a text that goes in and comes out again. The native
//! server of the bench has the same two tools. The third takes a processor and gives nothing back, so that
//! what it does to others can be seen.
#![forbid(unsafe_code)]

use safeclaw_sdk::prelude::*;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Steps between two looks at the clock, which is a call of the host: the time is the guest's own.
const STEPS: u64 = 1_000_000;

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

/// How long.
#[arguments]
struct Spin {
    /// Milliseconds, by the clock that the manifest grants.
    ms: u64,
}

/// Computes for so long, without a pause.
#[tool(read_only, idempotent)]
fn spin(args: Spin) -> Result<Answer> {
    let (began, time) = (Instant::now(), Duration::from_millis(args.ms));
    let mut rounds: u64 = 0;
    while began.elapsed() < time {
        for step in 0..STEPS {
            black_box(step);
        }
        rounds += 1;
    }
    ensure!(args.ms == 0 || rounds > 0, "the clock does not run");
    Ok(Answer::text(format!("spun {} ms", args.ms)))
}

plugin!(add, echo, spin);
