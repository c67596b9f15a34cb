//! Components with bits and bytes changed, and cut anywhere: refused or compiled, and never a panic, which would
//! tell an attacker that the parser can be surprised.

use crate::harness::*;
use std::collections::BTreeSet;

/// The largest artefact that a changed byte may make of a small component.
const SMALL: usize = 4 << 20;

fn compiled(wasm: &[u8]) -> bool {
    match engine::compile::compile(wasm, &BTreeSet::new()) {
        Ok(artefact) => {
            assert!(artefact.bytes.len() < SMALL);
            true
        }
        Err(error) => {
            let text = error.to_string();
            assert!(!text.is_empty() && text.len() < 4096, "{text}");
            false
        }
    }
}

#[test]
fn a_cut_component_is_refused() {
    let whole = PLAIN.wasm();
    assert!(compiled(&whole));
    // Where a section ends the rest of the file may be missing without a trace, but then exports are.
    for keep in (0..whole.len()).step_by(7) {
        assert!(!compiled(&whole[..keep]), "cut at {keep}");
    }
}

#[test]
fn a_changed_byte_is_refused_or_changes_something_harmless() {
    let whole = PLAIN.wasm();
    let mut refused = 0;
    for at in (0..whole.len()).step_by(5) {
        for flip in [0x01, 0x80] {
            let mut changed = whole.clone();
            changed[at] ^= flip;
            refused += usize::from(!compiled(&changed));
        }
    }
    // Names and texts can be anything; most of the file is neither.
    assert!(refused * 5 > whole.len() / 5, "{refused} of {} refused", 2 * whole.len() / 5);
}
