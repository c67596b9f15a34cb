//! The runner itself, with one call less on its list: what nothing needs is not to be there.

use runner::arguments::Arguments;
use runner::lockdown::calls::{ALLOWED, Call, When};
use std::ffi::OsString;

/// The list, one call a line, and one value of an argument where it looks at one.
pub(crate) fn calls() {
    for call in &ALLOWED {
        match call.when {
            When::Always => println!("{}", call.name),
            When::Masked { values, .. } => values.iter().for_each(|value| println!("{}:{value}", call.name)),
        }
    }
}

/// Serves a hub as the runner does, killed by the call of this name: `ioctl`, or `fcntl:1030` for one value of
/// the argument that the list looks at.
pub(crate) fn without(lacking: &str, rest: &[&str]) -> ! {
    let (name, value) = lacking.split_once(':').map_or((lacking, None), |(name, value)| (name, value.parse().ok()));
    let Some(call) = ALLOWED.iter().find(|call| call.name == name) else { std::process::exit(64) };
    let when = match (call.when, value) {
        (When::Masked { argument, mask, .. }, Some(value)) => {
            When::Masked { argument, mask, values: Vec::leak(vec![value]) }
        }
        (when, _) => when,
    };
    let code = match Arguments::read(rest.iter().map(OsString::from)) {
        Ok(arguments) => match runner::run::run(arguments, &[Call { when, ..*call }]) {
            Ok(()) => 0,
            Err(end) => end.code(),
        },
        Err(_) => 64,
    };
    std::process::exit(code)
}
