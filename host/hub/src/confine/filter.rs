//! From the lists in `calls` to seccomp programs on every thread.

use super::ConfineError;
use super::calls::{Call, When};
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter_all_threads,
};
use std::collections::BTreeMap;

/// Answers `EPERM` to these.
pub(super) fn refuse(calls: &[Call], more: &[Call]) -> Result<(), ConfineError> {
    apply(calls.iter().chain(more), libc::EPERM)
}

/// Answers `ENOSYS`, as a kernel that does not have them.
pub(super) fn absent(calls: &[Call]) -> Result<(), ConfineError> {
    apply(calls.iter(), libc::ENOSYS)
}

fn apply<'c>(calls: impl Iterator<Item = &'c Call>, errno: i32) -> Result<(), ConfineError> {
    let rules = rules(calls).map_err(ConfineError::Build)?;
    let listed = SeccompAction::Errno(errno.unsigned_abs());
    // A call made as a 32-bit program makes it has another architecture, and kills.
    let program: BpfProgram = SeccompFilter::new(rules, SeccompAction::Allow, listed, TargetArch::x86_64)
        .and_then(TryInto::try_into)
        .map_err(ConfineError::Build)?;
    apply_filter_all_threads(&program).map_err(ConfineError::Apply)
}

/// Rules of one number: any of them matches. No rule at all: always.
fn rules<'c>(calls: impl Iterator<Item = &'c Call>) -> Result<BTreeMap<i64, Vec<SeccompRule>>, BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    for call in calls {
        let chain = rules.entry(call.number).or_default();
        let condition =
            |argument, operator, value| SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value);
        match call.when {
            When::Always => {}
            When::Masked { argument, mask, values } => {
                for value in values {
                    chain.push(SeccompRule::new(vec![condition(argument, SeccompCmpOp::MaskedEq(mask), *value)?])?);
                }
            }
            When::NoneOf { argument, values } => {
                let none: Result<Vec<_>, _> =
                    values.iter().map(|value| condition(argument, SeccompCmpOp::Ne, *value)).collect();
                chain.push(SeccompRule::new(none?)?);
            }
            When::NotOurs { argument } => {
                let ours = u64::from(std::process::id());
                chain.push(SeccompRule::new(vec![condition(argument, SeccompCmpOp::Ne, ours)?])?);
            }
        }
    }
    Ok(rules)
}
