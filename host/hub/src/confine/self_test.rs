//! Tries forbidden things when the hub has forbidden them to itself. One that succeeds, or fails for another reason
//! than the wall, keeps the hub from serving.

use super::Files;
use std::io;
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// Something that the hub could still do.
#[derive(Debug, thiserror::Error)]
#[error("the hub has given up its rights and can still {attempt} ({found}): it does not serve like this; report it")]
pub struct Breach {
    attempt: &'static str,
    found: String,
}

struct Attempt {
    name: &'static str,
    attack: fn() -> io::Result<()>,
    /// The errno by which the wall, and not something else, says no.
    wall: i32,
    /// Whether the kernel must have Landlock for it.
    files: bool,
}

const ATTEMPTS: [Attempt; 4] = [
    // There is no such program: without the wall it is `ENOENT`, with it the kernel never looks.
    Attempt { name: "execute a program", attack: || Err(Command::new("/").exec()), wall: libc::EPERM, files: false },
    Attempt {
        // As the engine, the launcher's operator and a user's other servers are reached.
        name: "make a Unix socket",
        attack: || UnixDatagram::unbound().map(drop),
        wall: libc::EPERM,
        files: false,
    },
    Attempt {
        name: "listen on an address",
        attack: || std::net::TcpListener::bind(("127.0.0.1", 0)).map(drop),
        wall: libc::EPERM,
        files: false,
    },
    Attempt {
        name: "list a directory that is not its own",
        attack: || std::fs::read_dir("/").map(drop),
        wall: libc::EACCES,
        files: true,
    },
];

/// Tries everything; gives what was tried.
pub(super) fn run(files: Files) -> Result<Vec<&'static str>, Breach> {
    let tried = ATTEMPTS.iter().filter(|attempt| !attempt.files || files != Files::Unlimited);
    tried.map(|attempt| check(attempt).map(|()| attempt.name)).collect()
}

fn check(attempt: &Attempt) -> Result<(), Breach> {
    let found = match (attempt.attack)() {
        Err(error) if error.raw_os_error() == Some(attempt.wall) => return Ok(()),
        Err(error) => error.to_string(),
        Ok(()) => "it succeeded".to_owned(),
    };
    Err(Breach { attempt: attempt.name, found })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// This process has given up nothing, so each attempt must be seen to go through.
    #[test]
    fn without_the_walls_every_attempt_is_a_breach() {
        for attempt in &ATTEMPTS {
            assert!(check(attempt).is_err(), "{}", attempt.name);
        }
        assert!(run(Files::Limited).is_err());
    }
}
