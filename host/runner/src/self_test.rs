//! Tries forbidden things before the runner forbids them to itself, so that it is the container that
//! is tested. One that succeeds, or fails for another reason than the wall, ends the runner.

use crate::arguments::Wall2;
use crate::inside;
use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;

/// A wall that does not hold.
#[derive(Debug, thiserror::Error)]
#[error(
    "self-test: {attempt}: {found}, but the container must answer {wanted}; this container is not the hardened one"
)]
pub struct Breach {
    attempt: &'static str,
    found: String,
    wanted: &'static str,
}

/// One attempt.
struct Attempt {
    name: &'static str,
    attack: fn() -> Result<(), Errno>,
    /// The errno by which the wall, and not something else, says no.
    wall: Errno,
    wall_name: &'static str,
}

const ATTEMPTS: [Attempt; 4] = [
    Attempt {
        // `EACCES` would only mean that the user is not root: the root must be read-only for everyone.
        name: "write to /",
        attack: || {
            let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::CLOEXEC;
            match rustix::fs::openat(CWD, "/self-test", flags, Mode::RUSR) {
                // gVisor asks for the permission first, and only then whether anything can be written at all.
                Err(Errno::ACCESS) if inside::root_is_read_only() => Err(Errno::ROFS),
                other => other.map(drop),
            }
        },
        wall: Errno::ROFS,
        wall_name: "EROFS",
    },
    Attempt { name: "socket(AF_INET)", attack: || socket(libc::AF_INET), wall: Errno::PERM, wall_name: "EPERM" },
    Attempt {
        // The engine's own socket would be reached through this family.
        name: "socket(AF_UNIX)",
        attack: || socket(libc::AF_UNIX),
        wall: Errno::PERM,
        wall_name: "EPERM",
    },
    Attempt {
        // A user namespace would hand out every capability inside itself, and with it kernel code
        // that only root can reach otherwise.
        name: "unshare(CLONE_NEWUSER)",
        attack: new_user_namespace,
        wall: Errno::PERM,
        wall_name: "EPERM",
    },
];

/// Tries everything; what each attempt ended in, for `Hello`.
///
/// # Errors
/// The first attempt that did not end as the wall should end it.
pub fn run(wall2: Wall2) -> Result<Vec<(String, String)>, Breach> {
    ATTEMPTS
        .iter()
        .map(|attempt| {
            if wall2 == Wall2::Off {
                return Ok((attempt.name.to_owned(), "not applicable: wall 2 is off".to_owned()));
            }
            match (attempt.attack)() {
                Err(errno) if errno == attempt.wall => Ok((attempt.name.to_owned(), attempt.wall_name.to_owned())),
                Err(errno) => Err(breach(attempt, format!("failed with `{errno}`"))),
                Ok(()) => Err(breach(attempt, "it succeeded".to_owned())),
            }
        })
        .collect()
}

fn breach(attempt: &Attempt, found: String) -> Breach {
    Breach { attempt: attempt.name, found, wanted: attempt.wall_name }
}

#[expect(unsafe_code, reason = "socket(2) has no safe form without a network feature this crate must not have")]
fn socket(family: libc::c_int) -> Result<(), Errno> {
    // SAFETY: socket(2) takes three integers and touches no memory of ours.
    let answer = unsafe { libc::socket(family, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0) };
    if answer < 0 { Err(last_errno()) } else { Ok(()) }
}

#[expect(unsafe_code, reason = "unshare(2) is only marked unsafe for what it does to other threads; there are none")]
fn new_user_namespace() -> Result<(), Errno> {
    // SAFETY: unshare(2) takes an integer; this process has one thread.
    let answer = unsafe { libc::unshare(libc::CLONE_NEWUSER) };
    if answer < 0 { Err(last_errno()) } else { Ok(()) }
}

fn last_errno() -> Errno {
    Errno::from_raw_os_error(std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO))
}
