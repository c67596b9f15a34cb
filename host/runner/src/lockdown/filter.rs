//! From the lists in `calls` to seccomp programs on every thread.

use super::LockdownError;
use super::calls::{Call, When};
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter_all_threads,
};
use std::collections::BTreeMap;

/// Kills the process for every call that is not on a list. Kills the whole process and not the thread:
/// a container whose first thread ended alone outlives `docker kill`.
pub(super) fn allow_only(calls: &[Call]) -> Result<(), LockdownError> {
    apply(calls, SeccompAction::KillProcess, SeccompAction::Allow)
}

/// Answers `EPERM` to calls that a guest can cause, so that its tool fails and the runner lives.
pub(super) fn refuse(calls: &[Call]) -> Result<(), LockdownError> {
    apply(calls, SeccompAction::Allow, SeccompAction::Errno(libc::EPERM.unsigned_abs()))
}

/// Answers `ENOSYS` to calls, as a kernel that does not have them.
pub(super) fn absent(calls: &[Call]) -> Result<(), LockdownError> {
    apply(calls, SeccompAction::Allow, SeccompAction::Errno(libc::ENOSYS.unsigned_abs()))
}

/// Kills the process for the calls on the list.
pub(super) fn kill_on(calls: &[Call]) -> Result<(), LockdownError> {
    apply(calls, SeccompAction::Allow, SeccompAction::KillProcess)
}

fn apply(calls: &[Call], otherwise: SeccompAction, listed: SeccompAction) -> Result<(), LockdownError> {
    let rules = rules(calls).map_err(LockdownError::Build)?;
    let program: BpfProgram = SeccompFilter::new(rules, otherwise, listed, TargetArch::x86_64)
        .and_then(TryInto::try_into)
        .map_err(LockdownError::Build)?;
    apply_filter_all_threads(&program).map_err(LockdownError::Apply)
}

fn rules(calls: &[Call]) -> Result<BTreeMap<i64, Vec<SeccompRule>>, BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    for call in calls {
        let chain = rules.entry(call.number).or_default();
        match call.when {
            When::Always => {}
            When::Masked { argument, mask, values } => {
                for value in values {
                    let is =
                        SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(mask), *value)?;
                    chain.push(SeccompRule::new(vec![is])?);
                }
            }
        }
    }
    Ok(rules)
}
