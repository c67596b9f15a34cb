//! `/compile`: reads one component on standard input, writes its artefact on standard output, ends.
//!
//! It parses hostile bytes and never runs them. What a hostile component can do to the compiler is
//! bounded four times: by the rlimits it sets on itself, by its own filters, by its container, and by the
//! hub's deadline.

mod calls;
mod input;
mod limits;
mod lockdown;
mod output;

use anyhow::Context as _;
use protocol::FromCompile;
use std::io;

fn main() -> anyhow::Result<()> {
    limits::set().context("the resource limits cannot be set")?;
    lockdown::warm_up();
    lockdown::confine().context("the filters cannot be set")?;
    let mut out = io::stdout().lock();
    let asked = match input::read(&mut io::stdin().lock()).context("the request cannot be read")? {
        input::Request::Compile(asked) => asked,
        input::Request::Refuse(reason) => {
            return output::one(&mut out, &FromCompile::Refused(reason)).context("the answer cannot be written");
        }
    };
    let granted = engine::Imports { traps: &asked.trap_imports, http: asked.http };
    match engine::compile::compile(&asked.wasm, granted) {
        Ok(artefact) => output::artefact(&mut out, artefact),
        Err(error) => output::one(&mut out, &FromCompile::Refused(sentence(&error))),
    }
    .context("the answer cannot be written")
}

/// The chain of causes in one bounded line.
fn sentence(error: &dyn std::error::Error) -> String {
    const CHARACTERS: usize = 2000;
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text.chars().take(CHARACTERS).collect()
}
