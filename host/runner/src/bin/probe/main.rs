//! Attacks the container from inside, for tests: one line of JSON per attempt. Never in the image that
//! ships; tests add it to a copy of that image, so that container and lockdown are the shipped ones.
//!
//! `probe NAME...` makes the named attempts in this process; `probe locked|sealed NAME...` does so after the
//! runner's own lockdown, which answers most of them by killing the process, so make one attempt then.
//! `probe apart STAGE:NAME...` makes each in a child of its own; that takes a container that lets it fork.
//! `probe list` names them all. An attempt that got its own program executed ends with a code of its own.

#[macro_use]
mod calls;
mod apart;
mod devices;
mod doors;
mod errno;
mod exec;
mod files;
mod identity;
mod limits;
mod mapping;
mod mounted;
mod mounts;
mod namespaces;
mod network;
mod processes;
mod serve;
mod status;
mod system;

use calls::system_call;
use errno::{errno, verdict};
use runner::lockdown::{self, LockdownError, Reach};
use std::cell::Cell;
use std::io::{self, Write};

/// An attempt: what it is called and what it does. What is done before it calls its argument is done before
/// the runner's lockdown: an intruder keeps what was open. The text is `allowed`, the name of an errno, or
/// what was found.
type Attempt = (&'static str, fn(&dyn Fn()) -> String);

/// The sections of the table of attempts.
const SECTIONS: &[(&str, &[Attempt])] = &[
    ("exec", exec::ATTEMPTS),
    ("mapping", mapping::ATTEMPTS),
    ("namespaces", namespaces::ATTEMPTS),
    ("mounts", mounts::ATTEMPTS),
    ("processes", processes::ATTEMPTS),
    ("doors", doors::ATTEMPTS),
    ("network", network::ATTEMPTS),
    ("identity", identity::ATTEMPTS),
    ("files", files::ATTEMPTS),
    ("system", system::ATTEMPTS),
    ("devices", devices::ATTEMPTS),
    ("limits", limits::ATTEMPTS),
    ("mounted", mounted::ATTEMPTS),
    ("status", status::ATTEMPTS),
];

/// The exit code of a copy of this program that came to be executed.
const EXECUTED: i32 = 121;

/// When the runner's own lockdown comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Never: the container alone.
    Open,
    /// After the runner's first filter.
    Locked,
    /// After the runner's last filter.
    Sealed,
}

impl Stage {
    fn read(word: &str) -> Option<Self> {
        Some(match word {
            "open" => Self::Open,
            "locked" => Self::Locked,
            "sealed" => Self::Sealed,
            _ => return None,
        })
    }
}

/// Started as `/runner` by the launcher that ships, it gets the runner's arguments; the words, one a line up
/// to an empty one, then come on standard input.
fn words() -> Vec<String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "--hub-key") {
        return io::stdin().lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    }
    arguments
}

fn main() {
    let words = words();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["executed", ..] => std::process::exit(EXECUTED),
        ["serve", lacking, rest @ ..] => serve::without(lacking, rest),
        ["list"] => list(),
        ["calls"] => serve::calls(),
        ["apart", attempts @ ..] => apart::make(attempts),
        [stage @ ("locked" | "sealed"), names @ ..] => make(Stage::read(stage).unwrap_or(Stage::Open), names),
        names => make(Stage::Open, names),
    }
    std::process::exit(0);
}

fn list() {
    let of = |(section, attempts): &(&'static str, &'static [Attempt])| {
        let section = *section;
        attempts.iter().map(move |(name, _)| (*name, section))
    };
    SECTIONS.iter().flat_map(of).for_each(|(name, section)| say(name, section));
}

/// Makes the attempts one after the other in this process.
fn make(stage: Stage, names: &[&str]) {
    let locked = Cell::new(false);
    let lock = || {
        if !locked.replace(true) {
            lock_down(stage);
        }
    };
    for name in names {
        say(name, &attempt(name, &lock));
    }
}

fn attempt(name: &str, lock: &dyn Fn()) -> String {
    let mut all = SECTIONS.iter().flat_map(|(_, attempts)| attempts.iter());
    all.find(|(known, _)| *known == name).map_or_else(|| "unknown".to_owned(), |(_, attempt)| attempt(lock))
}

/// What the runner does to itself, by the very functions that it calls.
fn lock_down(stage: Stage) {
    if stage == Stage::Open {
        return;
    }
    let steps = || -> Result<(), LockdownError> {
        lockdown::hide()?;
        lockdown::confine(&Reach { read: vec!["/artefacts".into()], write: vec!["/mnt".into()] })?;
        lockdown::allow_only_serving()?;
        if stage == Stage::Sealed { lockdown::deny_new_code() } else { Ok(()) }
    };
    if let Err(error) = steps() {
        say("lockdown", &error.to_string());
        std::process::exit(72);
    }
}

/// One line, written at once: the next attempt may end the process.
fn say(name: &str, result: &str) {
    let line = serde_json::json!({ "name": name, "result": result });
    let _ = writeln!(io::stdout(), "{line}");
    let _ = io::stdout().flush();
}
