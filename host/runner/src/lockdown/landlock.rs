//! Landlock: of all files, the artefacts and the mounts.
//!
//! The container's mount table already says so; this is the kernel's second opinion, which also holds
//! where a container engine mounts more than it was asked for.

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};
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
