//! Landlock: of all files, the artefacts and the mounts.
//!
//! The container's mount table already says so; this is the kernel's second opinion, which also holds
//! where a container engine mounts more than it was asked for.

use crate::inside;
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};
use std::io;
use std::path::PathBuf;

/// The newest set of rights we know; an older kernel enforces the part that it has.
const NEWEST: ABI = ABI::V7;

/// What a runner may still open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// Directories to read from.
    pub read: Vec<PathBuf>,
    /// Directories to read and write in; a mount that is read-only stays so.
    pub write: Vec<PathBuf>,
}

/// Asks the kernel whether it has Landlock. One that has none says so; another answer comes from something in
/// between, such as a container's profile that took it away, and must not pass for a kernel without. gVisor has
/// none, and says so as it says everything that a profile does not name to it.
pub(super) fn ask() -> io::Result<()> {
    match version() {
        Err(error) if error.raw_os_error() == Some(libc::EPERM) && inside::is_gvisor() => Ok(()),
        Err(error) if !matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EOPNOTSUPP)) => Err(error),
        _ => Ok(()),
    }
}

#[expect(unsafe_code, reason = "the library takes every error for a kernel without Landlock")]
fn version() -> io::Result<()> {
    const VERSION: libc::c_uint = 1;
    // SAFETY: with this flag the call takes no pointer and makes no descriptor.
    let answer = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, 0, 0, VERSION) };
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Returns what was applied, in words.
pub(super) fn confine(reach: &Reach) -> Result<String, RulesetError> {
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(AccessNet::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?
        .create()?;
    for (paths, access) in [(&reach.read, AccessFs::ReadFile.into()), (&reach.write, serving())] {
        for path in paths {
            // A directory that this container does not have needs no rule: nothing is below it.
            if let Ok(directory) = PathFd::new(path) {
                rules = rules.add_rule(PathBeneath::new(directory, access))?;
            }
        }
    }
    let status = rules.restrict_self()?;
    let abi = ABI::from(status.landlock);
    Ok(match status.ruleset {
        RulesetStatus::FullyEnforced => format!("ABI {abi}, fully enforced"),
        RulesetStatus::PartiallyEnforced => format!("ABI {abi}, partially enforced"),
        RulesetStatus::NotEnforced => "not available".to_owned(),
    })
}

/// What guests do with files. Not: execute, and not make a device, socket, FIFO or symbolic link, since
/// whoever opens those in a workspace later is outside of both walls.
fn serving() -> BitFlags<AccessFs> {
    AccessFs::ReadFile
        | AccessFs::ReadDir
        | AccessFs::WriteFile
        | AccessFs::Truncate
        | AccessFs::MakeReg
        | AccessFs::MakeDir
        | AccessFs::RemoveFile
        | AccessFs::RemoveDir
        | AccessFs::Refer
}
