//! Memory and tables of one instance, summed: wasmtime's own limiter counts each memory by itself, so a
//! component of many memories could have the bound many times over.

use crate::settings::{CORE_INSTANCES, TABLES};
use wasmtime::ResourceLimiter;

/// What one element of a table costs the host.
const ELEMENT_BYTES: usize = 8;

/// Bytes that one host call, or the result, may carry out of the guest into host memory, at least.
/// Bounds a guest that passes the same gigabyte list to a host call again and again.
pub const HOST_CALL_BYTES: u64 = 4 << 20;

/// The most random bytes one call to `wasi:random` returns.
pub const RANDOM_BYTES: u64 = 1 << 20;

/// Counts growth and refuses what is over.
#[derive(Debug)]
pub(crate) struct Memory {
    limit: usize,
    used: usize,
    peak: usize,
    last: usize,
    refused: bool,
}

impl Memory {
    pub(crate) fn new(limit: u64) -> Self {
        Self { limit: usize::try_from(limit).unwrap_or(usize::MAX), used: 0, peak: 0, last: 0, refused: false }
    }

    /// The most that was used.
    pub(crate) fn peak(&self) -> u64 {
        self.peak as u64
    }

    /// Whether growth was refused; what then ends in a trap ran out of memory.
    pub(crate) fn refused(&self) -> bool {
        self.refused
    }

    fn grow(&mut self, current: usize, desired: usize) -> bool {
        let more = desired.saturating_sub(current);
        let total = self.used.saturating_add(more);
        if total > self.limit {
            self.refused = true;
            return false;
        }
        self.used = total;
        self.last = more;
        self.peak = self.peak.max(total);
        true
    }

    /// Growth that was allowed here and then failed: the pool's own bound, or the kernel.
    fn failed(&mut self) {
        self.used = self.used.saturating_sub(self.last);
        self.last = 0;
        self.refused = true;
    }
}

impl ResourceLimiter for Memory {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        // Over the guest's own declared maximum: refused as the standard says, no limit of ours.
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        Ok(self.grow(current, desired))
    }

    fn memory_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        self.failed();
        Ok(())
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        Ok(self.grow(current.saturating_mul(ELEMENT_BYTES), desired.saturating_mul(ELEMENT_BYTES)))
    }

    fn table_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        self.failed();
        Ok(())
    }

    fn instances(&self) -> usize {
        CORE_INSTANCES as usize
    }

    fn tables(&self) -> usize {
        TABLES as usize
    }

    fn memories(&self) -> usize {
        1
    }
}
