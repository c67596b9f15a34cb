//! What one call leaves behind, the next does not see.

use crate::harness::*;

/// Finds the first byte that is not zero behind the program's own, in memory it grows by 40 pages, then
/// fills all of it, a global and a table entry. Says where it found something.
const PLANT: Guest = Guest {
    items: "(global $mark (mut i32) (i32.const 0)) (table $t 4 funcref) (elem declare func $say)",
    call: "
      (drop (memory.grow (i32.const 40)))
      (local.set $i (i32.const 131072))
      (block $found (loop $next
        (br_if $found (i32.load8_u (local.get $i)))
        (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 2752512)))))
      (local.set $j (i32.sub (i32.const 2752512) (local.get $i)))
      (local.set $j (i32.add (local.get $j) (global.get $mark)))
      (local.set $j (i32.add (local.get $j) (i32.eqz (ref.is_null (table.get $t (i32.const 2))))))
      (memory.fill (i32.const 131072) (i32.const 90) (i32.const 2621440))
      (global.set $mark (i32.const 1))
      (table.set $t (i32.const 2) (ref.func $say))
      (call $say-hex (local.get $j))",
    ..PLAIN
};

#[test]
fn fifty_rounds_of_planting_find_nothing() {
    let prepared = prepare(&PLANT, grant());
    for round in 0..50 {
        assert_eq!(text(&call(&prepared, "{}")), "00000000", "round {round}");
    }
}

#[test]
fn another_component_in_the_same_slot_finds_nothing_either() {
    let engine = engine();
    let first = prepare_in(&engine, &PLANT.wasm(), grant());
    let second = prepare_in(
        &engine,
        &Guest {
            items: "(global $mark (mut i32) (i32.const 0)) (table $t 4 funcref) (elem declare func $say) (func)",
            ..PLANT
        }
        .wasm(),
        grant(),
    );
    for round in 0..10 {
        assert_eq!(text(&call(&first, "{}")), "00000000", "round {round}");
        assert_eq!(text(&call(&second, "{}")), "00000000", "round {round}");
    }
}
