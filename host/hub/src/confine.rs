//! What a hub takes away from itself, so that whoever takes it over has less than its user has. Two steps, each one
//! way: [`before_threads`], while there is one thread, takes the file system and programs; [`after_listening`],
//! when every socket is bound, takes the making of sockets that agents or the launcher could be reached by. Then it
//! tries, from inside, what must have become impossible.
//!
//! Refused calls end in `EPERM`, not in death: libraries ask for what they can do without, as a resolver does for
//! its daemon's socket.

pub mod calls;
mod filter;
mod landlock;
mod self_test;

pub use landlock::{Files, Reach};
pub use self_test::Breach;

use std::io;

/// A step that did not work. The hub does not serve without it.
#[derive(Debug, thiserror::Error)]
pub enum ConfineError {
    /// The kernel refused `no_new_privs`.
    #[error("the hub could not give up gaining privileges")]
    Privileges(#[source] io::Error),
    /// A directory that the hub needs is not there.
    #[error("{} cannot be opened, and the hub could not open it later", .path.display())]
    Reach {
        /// Which.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        source: ::landlock::PathFdError,
    },
    /// The kernel has Landlock and refused our rules.
    #[error("the hub could not limit its files (Landlock)")]
    Landlock(#[source] ::landlock::RulesetError),
    /// A filter could not be built.
    #[error("the hub's filter of system calls cannot be built")]
    Build(#[source] seccompiler::BackendError),
    /// A filter could not be put on every thread.
    #[error("the hub's filter of system calls cannot be applied")]
    Apply(#[source] seccompiler::Error),
    /// Something that must be impossible is not.
    #[error(transparent)]
    Breach(#[from] Breach),
}

/// What holds now, for a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confined {
    /// How far the kernel limits files.
    pub files: Files,
}

/// The first step: no new privileges, no files but these, no programs, no other process. Landlock holds for the
/// thread that asks and for those made later, so there must be one.
///
/// # Errors
/// A step that the kernel refuses. A kernel without Landlock is no error: [`Confined::files`] says so.
pub fn before_threads(reach: &Reach) -> Result<Confined, ConfineError> {
    rustix::thread::set_no_new_privs(true).map_err(|errno| ConfineError::Privileges(errno.into()))?;
    let files = landlock::confine(reach)?;
    filter::absent(&calls::ABSENT)?;
    filter::refuse(&calls::NEVER, &calls::foreign())?;
    Ok(Confined { files })
}

/// The second step: no new listener, and no new socket but to the network. Then the trial.
///
/// # Errors
/// The kernel refuses, or an attempt that must fail does not.
pub fn after_listening(confined: Confined) -> Result<Vec<&'static str>, ConfineError> {
    filter::refuse(&calls::LISTENING, &[])?;
    Ok(self_test::run(confined.files)?)
}
