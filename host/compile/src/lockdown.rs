//! What this process takes away from itself before it reads a byte of the component.
//!
//! Parsers and compilers are large, and what they read here was written by an attacker. One that is taken over
//! keeps two pipes and memory: it can open no file, start no program and no thread, and reach nobody. That
//! holds without a container too (`--no-container`).

use crate::calls::{ALLOWED, Call, REFUSED, When};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch, apply_filter_all_threads,
};
use std::collections::{BTreeMap, BTreeSet};

/// Functions of the component that [`warm_up`] compiles: enough for every thread to be asked.
const FUNCTIONS: u8 = 32;

/// Why the filters are not on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LockdownError {
    #[error("a filter cannot be built")]
    Build(#[from] seccompiler::BackendError),
    #[error("a filter cannot be applied")]
    Apply(#[from] seccompiler::Error),
}

/// Compiles a component of ours, so that the compiler's threads exist and whatever is looked up once has been.
pub(crate) fn warm_up() {
    // Refused, since it is no tool: after it was compiled.
    drop(engine::compile::compile(&component(), &BTreeSet::new()));
}

/// Puts the filters on every thread: a list of calls, and death for everything else.
pub(crate) fn confine() -> Result<(), LockdownError> {
    apply(&REFUSED, SeccompAction::Allow, SeccompAction::Errno(libc::EACCES.unsigned_abs()))?;
    // Of two filters the stricter answer holds, so the second one lets through what the first refuses.
    let listed: Vec<_> = ALLOWED.iter().chain(&REFUSED).copied().collect();
    // The process and not the thread: a container whose first thread ended alone outlives being killed.
    // `seccomp` and `prctl` are not on the list, so this is the last one.
    apply(&listed, SeccompAction::KillProcess, SeccompAction::Allow)
}

fn apply(calls: &[Call], otherwise: SeccompAction, listed: SeccompAction) -> Result<(), LockdownError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    for call in calls {
        let chain = rules.entry(call.number).or_default();
        if let When::Masked(argument, mask, values) = call.when {
            for value in values {
                let is =
                    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(mask), *value)?;
                chain.push(SeccompRule::new(vec![is])?);
            }
        }
    }
    let program: BpfProgram = SeccompFilter::new(rules, otherwise, listed, TargetArch::x86_64)?.try_into()?;
    Ok(apply_filter_all_threads(&program)?)
}

/// A component of one core module with [`FUNCTIONS`] empty functions, in the binary format.
fn component() -> Vec<u8> {
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    module.extend([1, 4, 1, 0x60, 0, 0]); // one type: no parameter, no result
    module.extend([3, FUNCTIONS.saturating_add(1), FUNCTIONS]);
    module.extend((0..FUNCTIONS).map(|_| 0));
    module.extend([10, FUNCTIONS.saturating_mul(3).saturating_add(1), FUNCTIONS]);
    module.extend((0..FUNCTIONS).flat_map(|_| [2, 0, 0x0b])); // two bytes: no local, `end`
    let mut component = b"\0asm\x0d\0\x01\0".to_vec();
    component.push(1); // a core module
    // Its length in LEB128, two bytes.
    let length = module.len();
    component.extend([
        u8::try_from(length & 0x7f).unwrap_or_default() | 0x80,
        u8::try_from(length >> 7).unwrap_or_default(),
    ]);
    component.extend(module);
    component
}

#[cfg(test)]
mod tests;
