//! Landlock: of all files, the data directory and what the hub reads. It also keeps this process from tracing and
//! signalling any that was there before, and from abstract sockets, where the kernel knows how.

use super::ConfineError;
use landlock::{
    ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetStatus, Scope,
};
use std::path::PathBuf;

/// The newest set of rights we know; an older kernel enforces the part that it has.
const NEWEST: ABI = ABI::V7;

/// What a hub may still open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// Files and directories to read. One that is not there needs no rule.
    pub read: Vec<PathBuf>,
    /// Directories to read and write in; each must be there.
    pub write: Vec<PathBuf>,
}

/// What every hub reads besides its own: names of hosts, time zones, and what the C library loads for these.
const SYSTEM: [&str; 12] = [
    "/etc",
    "/usr/lib",
    "/usr/lib64",
    "/usr/share",
    "/lib",
    "/lib64",
    "/run/systemd/resolve",
    "/proc/self",
    "/sys/fs/cgroup",
    "/dev/urandom",
    "/dev/random",
    "/dev/null",
];

/// How far the kernel limits files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Files {
    /// As far as we can say.
    Limited,
    /// As far as this kernel can.
    Partly,
    /// Not at all: it has no Landlock.
    Unlimited,
}

pub(super) fn confine(reach: &Reach) -> Result<Files, ConfineError> {
    let refused = ConfineError::Landlock;
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))
        .map_err(refused)?
        .scope(Scope::from_all(NEWEST))
        .map_err(refused)?
        .create()
        .map_err(refused)?;
    for path in SYSTEM.iter().map(PathBuf::from).chain(reach.read.iter().cloned()) {
        if let Ok(there) = PathFd::new(&path) {
            let access = if path.is_dir() { AccessFs::ReadFile | AccessFs::ReadDir } else { AccessFs::ReadFile.into() };
            rules = rules.add_rule(PathBeneath::new(there, access)).map_err(refused)?;
        }
    }
    for path in &reach.write {
        let there = PathFd::new(path).map_err(|source| ConfineError::Reach { path: path.clone(), source })?;
        rules = rules.add_rule(PathBeneath::new(there, keeping())).map_err(refused)?;
    }
    Ok(match rules.restrict_self().map_err(refused)?.ruleset {
        RulesetStatus::FullyEnforced => Files::Limited,
        RulesetStatus::PartiallyEnforced => Files::Partly,
        RulesetStatus::NotEnforced => Files::Unlimited,
    })
}

/// What a hub does in its data directory. Not: execute, or make a device or a link.
fn keeping() -> BitFlags<AccessFs> {
    AccessFs::ReadFile
        | AccessFs::ReadDir
        | AccessFs::WriteFile
        | AccessFs::Truncate
        | AccessFs::MakeReg
        | AccessFs::MakeDir
        | AccessFs::MakeSock
        | AccessFs::MakeFifo
        | AccessFs::RemoveFile
        | AccessFs::RemoveDir
        | AccessFs::Refer
}
