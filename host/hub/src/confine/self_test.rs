//! Tries forbidden things when the hub has forbidden them to itself. One that succeeds, or fails for another reason
//! than the wall, keeps the hub from serving.

use super::Files;
use std::io;
use std::os::unix::net::UnixDatagram;

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
    Attempt { name: "execute a program", attack: execute, wall: libc::EPERM, files: false },
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

/// Not by `Command::exec`: before it asks the kernel it gives this process the signals of a new program, and a hub with
/// those dies of the first runner or client that has gone away.
#[expect(unsafe_code, reason = "execve(2) has no safe form that leaves this process's signals alone")]
fn execute() -> io::Result<()> {
    let none = [std::ptr::null()];
    // SAFETY: the path ends with a zero and both lists are empty; if it succeeded nothing here would be left.
    unsafe { libc::execve(c"/".as_ptr(), none.as_ptr(), none.as_ptr()) };
    Err(io::Error::last_os_error())
}

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

    /// A hub whose attempts made it one that a broken pipe kills would be ended by any agent.
    #[test]
    #[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    fn a_broken_pipe_kills_nobody_afterwards() {
        let ignores = || {
            let status = std::fs::read_to_string("/proc/self/status").unwrap();
            let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap().trim().to_owned();
            u64::from_str_radix(&mask, 16).unwrap() & (1 << (libc::SIGPIPE - 1)) != 0
        };
        assert!(ignores());
        for attempt in &ATTEMPTS {
            let _ = check(attempt);
        }
        assert!(ignores());
    }
}
