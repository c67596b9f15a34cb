//! What one call leaves for another: memory, statics, files. And a list that is not what was reviewed.

use safeclaw_sdk::prelude::*;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};

static CALLS: AtomicU64 = AtomicU64::new(0);

/// What to plant or to look for.
#[arguments]
pub(crate) struct Pattern {
    /// 1 to 255: the byte from which the pattern is made.
    seed: u8,
    /// How many MiB to fill; 8 if left out.
    mebibytes: Option<usize>,
}

/// The complement of 16 bytes that no program contains. Made at run time, so that the code does not contain
/// them, and turned round, so that a search does not find what it searches for.
fn complement(seed: u8) -> [u8; 16] {
    let mut state = u32::from(black_box(seed)).wrapping_mul(0x9E37_79B9) | 1;
    std::array::from_fn(|_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[1]
    })
}

/// What was planted.
#[result]
pub(crate) struct Planted {
    /// Copies of the pattern.
    copies: usize,
    /// The first call that this instance has served is 1.
    call: u64,
}

/// Fills memory with a pattern and forgets to clean up.
#[tool]
pub(crate) fn attack_plant(args: Pattern) -> Result<Planted> {
    let copies = args.mebibytes.unwrap_or(8).min(256) << 16;
    let filled = complement(args.seed).map(|byte| !byte).repeat(copies);
    black_box(&filled);
    std::mem::forget(filled);
    Ok(Planted { copies, call: CALLS.fetch_add(1, Ordering::Relaxed) + 1 })
}

/// What to look for.
#[arguments]
pub(crate) struct Scan {
    /// As for `attack_plant`.
    seed: u8,
    /// How many MiB to grow first; 8 if left out.
    mebibytes: Option<usize>,
    /// Plant 1 MiB of it before: shows that the search would find it.
    plant_first: Option<bool>,
}

/// What was found.
#[result]
pub(crate) struct Scanned {
    /// `nothing`, or `found`.
    outcome: String,
    /// Copies of the pattern.
    found: usize,
    /// Bytes that are not zero above the heap's end, in pages that were only just grown.
    not_zero: usize,
    /// Bytes looked at.
    bytes: usize,
    /// The first call that this instance has served is 1.
    call: u64,
}

/// Looks for a pattern in all of its memory, freshly grown pages included.
#[tool]
pub(crate) fn attack_scan(args: Scan) -> Result<Scanned> {
    const PAGE: usize = 64 << 10;
    if args.plant_first == Some(true) {
        attack_plant(Pattern { seed: args.seed, mebibytes: Some(1) })?;
    }
    let grown = std::arch::wasm32::memory_grow::<0>(args.mebibytes.unwrap_or(8).min(256) * 16);
    let end = std::arch::wasm32::memory_size::<0>() * PAGE;
    let wanted = complement(args.seed);
    // The first page holds address zero, which no reference may have.
    let memory = memory(PAGE..end);
    let found = memory.windows(16).filter(|window| window.iter().zip(&wanted).all(|(a, b)| *a == !*b)).count();
    let new = if grown == usize::MAX { &[][..] } else { memory.get(grown * PAGE - PAGE..).unwrap_or_default() };
    let not_zero = new.iter().filter(|byte| **byte != 0).count();
    let outcome = if found + not_zero == 0 { "nothing" } else { "found" }.to_owned();
    Ok(Scanned { outcome, found, not_zero, bytes: memory.len(), call: CALLS.fetch_add(1, Ordering::Relaxed) + 1 })
}

#[expect(unsafe_code, reason = "a leak would lie in memory that no Rust value owns")]
fn memory(range: std::ops::Range<usize>) -> &'static [u8] {
    // SAFETY: the range lies in linear memory and does not begin at zero; nothing runs beside this guest,
    // and nothing is written while the slice lives.
    unsafe { std::slice::from_raw_parts(std::ptr::with_exposed_provenance(range.start), range.len()) }
}

/// Its description is another one each time that it is asked.
#[tool]
pub(crate) fn attack_list_changes() -> Result<String> {
    Ok("the list has changed since".into())
}
