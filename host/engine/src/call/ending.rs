//! Which bound an error of the engine means. What is none of them is a trap.

use crate::cpu::Spent;
use crate::report::{CallFailure, LimitHit, LimitKind};
use crate::settings::STACK_BYTES;
use crate::store::{self, State};
use manifest::Limits;
use wasmtime::{Error, PoolConcurrencyLimitError, Trap, WasmBacktrace};
use wasmtime_wasi::{I32Exit, ResourceTableError};

/// The longest chain of causes that is told; guests choose the names of their functions.
const CHAIN_BYTES: usize = 2 << 10;

pub(super) fn limit(which: LimitKind, value: u64) -> CallFailure {
    CallFailure::Limit(LimitHit { which, value })
}

pub(super) fn failure(error: &Error, state: &State, limits: &Limits, slots: u32) -> CallFailure {
    if error.downcast_ref::<Spent>().is_some() {
        return limit(LimitKind::Cpu, u64::from(limits.cpu_ms));
    }
    if error.downcast_ref::<PoolConcurrencyLimitError>().is_some() {
        return limit(LimitKind::Concurrency, u64::from(slots));
    }
    if error.downcast_ref::<Trap>() == Some(&Trap::StackOverflow) {
        return limit(LimitKind::Stack, STACK_BYTES as u64);
    }
    let says = |needle: &str| error.chain().any(|cause| cause.to_string().contains(needle));
    let full = matches!(error.downcast_ref::<ResourceTableError>(), Some(ResourceTableError::Full));
    if full || says(TOO_MANY_HANDLES) {
        // Of the two bounds, the one that was hit.
        let value = state.open.refused().map_or(u64::from(limits.handles), |most| most as u64);
        return limit(LimitKind::Handles, value);
    }
    if says(HOST_CALL_FUEL) {
        // Inside a host call the guest is on the stack; when the result is read it is not.
        return if error.downcast_ref::<WasmBacktrace>().is_some() {
            limit(LimitKind::HostCall, store::host_call_bytes(limits))
        } else {
            limit(LimitKind::Result, u64::from(limits.result_bytes))
        };
    }
    // A guest that was refused memory and then gave up: a trap, an abort, an exit, or no start at all.
    if state.memory.refused() {
        return limit(LimitKind::Memory, limits.memory_bytes);
    }
    if let Some(I32Exit(status)) = error.downcast_ref::<I32Exit>() {
        return CallFailure::Trap(format!("the tool called exit, with status {status}"));
    }
    let mut chain = format!("{error:#}");
    chain.truncate(chain.floor_char_boundary(CHAIN_BYTES));
    CallFailure::Trap(chain)
}

/// wasmtime keeps these errors private; tests of the engine and rows of attacks fail when their words change.
const HOST_CALL_FUEL: &str = "fuel allocated for hostcalls has been exhausted";
/// Handles that the guest owns, and those that it lends to the host for one call.
const TOO_MANY_HANDLES: &str = "store handle limit exceeded";
