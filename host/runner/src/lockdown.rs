//! What the runner takes away from itself, in the order of DESIGN §8. Each step is one way, and one
//! that fails ends the runner: there is no weaker build and no weaker run.
//!
//! Inherited descriptors go first, before anything of ours is open, and the signal of files that grow too
//! large; the environment, `dumpable` and
//! Landlock next, while there is one thread; then, with the engine's ticker running, the filter that
//! kills the process for every call not on its list; and when artefacts are mapped, the one that ends
//! executable mappings.

pub mod calls;
pub mod filter;
mod landlock;

pub use landlock::Reach;

use std::io;

/// A step that did not work.
#[derive(Debug, thiserror::Error)]
pub enum LockdownError {
    /// Descriptors, environment, `dumpable`, or asking for Landlock.
    #[error("lockdown: {step} failed")]
    Step {
        /// Which.
        step: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The kernel has Landlock and refused our rules.
    #[error("lockdown: landlock failed")]
    Landlock(#[source] ::landlock::RulesetError),
    /// A filter could not be built.
    #[error("lockdown: a filter cannot be built")]
    Build(#[source] seccompiler::BackendError),
    /// A filter could not be put on every thread.
    #[error("lockdown: a filter cannot be applied")]
    Apply(#[source] seccompiler::Error),
}

/// Name of a step and what was applied.
pub type Applied = (String, String);

/// Closes every descriptor above standard error: whatever the engine of wall 2 leaked is gone before
/// anything of ours is opened.
///
/// # Errors
/// If the kernel has no `close_range`.
pub fn close_inherited() -> Result<Applied, LockdownError> {
    close_from(3).map_err(|source| LockdownError::Step { step: "descriptors", source })?;
    Ok(("descriptors".to_owned(), "all above 2 closed before any was opened".to_owned()))
}

/// Says of `clone3` that it does not exist, so that a C library makes its threads with `clone`, whose flags
/// the container's profile can read. The profile says the same; gVisor answers `EPERM` for whatever a profile
/// refuses, and with that no thread is ever made.
///
/// # Errors
/// If it cannot be applied.
pub fn threads_by_clone() -> Result<Applied, LockdownError> {
    filter::absent(&calls::ABSENT)?;
    Ok(("clone3".to_owned(), "not there: threads are made by clone".to_owned()))
}

/// Turns a write past `ulimit fsize` into `EFBIG` for the guest that wrote: the signal's default would end
/// this process, and with it every other call in it.
///
/// # Errors
/// If the kernel refuses.
pub fn outlive_large_files() -> Result<Applied, LockdownError> {
    ignore(libc::SIGXFSZ).map_err(|source| LockdownError::Step { step: "file size signal", source })?;
    Ok(("file size signal".to_owned(), "ignored: a write past the limit is an error".to_owned()))
}

/// Clears the environment and forbids others to read this process: core dumps, `ptrace`, `/proc/self/mem`.
///
/// # Errors
/// If a step fails.
pub fn hide() -> Result<Vec<Applied>, LockdownError> {
    clear_environment().map_err(|source| LockdownError::Step { step: "environment", source })?;
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
        .map_err(|errno| LockdownError::Step { step: "dumpable", source: errno.into() })?;
    Ok(vec![("environment".to_owned(), "cleared".to_owned()), ("dumpable".to_owned(), "0".to_owned())])
}

/// Limits the file system to `reach`. Call it while there is one thread: Landlock holds for the thread
/// that calls it and for those made later.
///
/// # Errors
/// If the kernel has Landlock and refuses, or something keeps it from us.
pub fn confine(reach: &Reach) -> Result<Applied, LockdownError> {
    landlock::ask().map_err(|source| LockdownError::Step { step: "landlock", source })?;
    let applied = landlock::confine(reach).map_err(LockdownError::Landlock)?;
    Ok(("landlock".to_owned(), applied))
}

/// The second filter: a list of calls, and death for everything else.
///
/// # Errors
/// If it cannot be applied to all threads.
pub fn allow_only_serving() -> Result<Applied, LockdownError> {
    filter::refuse(&calls::REFUSED)?;
    // Of two filters the stricter answer holds, so the second one lets through what the first refuses.
    let listed: Vec<_> = calls::ALLOWED.iter().chain(&calls::REFUSED).copied().collect();
    filter::allow_only(&listed)?;
    let (allowed, refused) = (calls::ALLOWED.len(), calls::REFUSED.len());
    Ok((
        "seccomp".to_owned(),
        format!("{allowed} calls allowed, {refused} refused with EPERM, all others kill the process"),
    ))
}

/// The last filter, when everything that will ever run is mapped: no new executable memory, and no
/// further filter that could hide an errno from us.
///
/// # Errors
/// If it cannot be applied to all threads.
pub fn deny_new_code() -> Result<(), LockdownError> {
    filter::kill_on(&calls::SEALED)
}

/// Kills for these calls too. A list can only become shorter so.
///
/// # Errors
/// If it cannot be applied to all threads.
pub fn deny(calls: &[calls::Call]) -> Result<(), LockdownError> {
    if calls.is_empty() { Ok(()) } else { filter::kill_on(calls) }
}

#[expect(unsafe_code, reason = "close_range(2) has no safe form: it closes descriptors that someone may own")]
fn close_from(first: libc::c_uint) -> io::Result<()> {
    // A descriptor is an int; gVisor takes no greater number here.
    let last = libc::c_int::MAX.unsigned_abs();
    // SAFETY: called before this program has opened anything, so no `OwnedFd` above 2 exists.
    let answer = unsafe { libc::close_range(first, last, 0) };
    if answer == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[expect(unsafe_code, reason = "signal(2) has no safe form: a handler could do anything")]
fn ignore(signal: libc::c_int) -> io::Result<()> {
    // SAFETY: `SIG_IGN` runs no code of ours.
    let former = unsafe { libc::signal(signal, libc::SIG_IGN) };
    if former == libc::SIG_ERR { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[expect(unsafe_code, reason = "clearenv(3) must not run beside another thread")]
fn clear_environment() -> io::Result<()> {
    // SAFETY: there is one thread, and nobody holds a pointer from getenv(3).
    let answer = unsafe { libc::clearenv() };
    if answer == 0 { Ok(()) } else { Err(io::Error::other("clearenv")) }
}
