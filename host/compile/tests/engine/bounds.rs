//! Every bound of a call ends in its own limit, with its value; whatever else goes wrong is a trap.

use crate::harness::*;
use engine::{CallEnd, Engine, LimitKind, Settings};
use std::future::Future;
use std::task::Poll;
use std::time::Duration;

const GROW: &str = "(loop $more (br_if $more (i32.ne (i32.const -1) (memory.grow (i32.const 1)))))";

#[test]
fn a_tool_answers_and_its_use_is_told() {
    let report = call(&prepare(&PLAIN, grant()), "{}");
    assert_eq!(text(&report), "fine");
    assert_eq!(report.peak_memory, 2 * 65536, "the two pages it declares, and no table");
    assert!(report.cpu > Duration::ZERO && report.wall >= Duration::from_nanos(1));
    assert_eq!(report.log_dropped, 0);
}

#[test]
fn memory_is_refused_and_the_guest_may_live_with_it() {
    let guest = Guest {
        call: "(loop $more (br_if $more (i32.ne (i32.const -1) (memory.grow (i32.const 1))))) (call $say-hex (memory.size))",
        ..PLAIN
    };
    let report = call(&prepare(&guest, grant()), "{}");
    assert_eq!(text(&report), "00000080", "8 MiB are 128 pages");
    assert_eq!(report.peak_memory, 8 << 20);
}

#[test]
fn a_guest_that_dies_of_refused_memory_hit_the_limit() {
    let body: String = format!("{GROW} unreachable");
    let guest = Guest { call: Box::leak(body.into_boxed_str()), ..PLAIN };
    assert_limit(&call(&prepare(&guest, grant()), "{}"), LimitKind::Memory, 8 << 20);
}

#[test]
fn memory_that_is_declared_counts_before_anything_runs() {
    let mut small = grant();
    small.limits.memory_bytes = 100_000;
    assert_limit(&call(&prepare(&PLAIN, small), "{}"), LimitKind::Memory, 100_000);
}

#[test]
fn tables_count_as_memory() {
    let items = "(table $t 1 funcref)";
    let call_body = "(loop $more (br_if $more (i32.ne (i32.const -1) (table.grow $t (ref.null func) (i32.const 100))))) unreachable";
    let mut small = grant();
    small.limits.memory_bytes = 2 * 65536 + 1000;
    assert_limit(
        &call(&prepare(&Guest { items, call: call_body, ..PLAIN }, small), "{}"),
        LimitKind::Memory,
        2 * 65536 + 1000,
    );
}

#[test]
fn memory_and_tables_are_one_sum() {
    // Table first: then the last page that memory alone could have is refused.
    let guest = Guest {
        items: "(table $t 0 funcref)",
        call: "(drop (table.grow $t (ref.null func) (i32.const 1000)))
               (loop $more (br_if $more (i32.ne (i32.const -1) (memory.grow (i32.const 1))))) (call $say-hex (memory.size))",
        ..PLAIN
    };
    assert_eq!(text(&call(&prepare(&guest, grant()), "{}")), "0000007f");
}

#[test]
fn a_spinning_guest_spends_its_cpu_budget() {
    let mut tight = grant();
    tight.limits.cpu_ms = 30;
    let report = call(&prepare(&Guest { call: "(loop $l (br $l)) unreachable", ..PLAIN }, tight), "{}");
    assert_limit(&report, LimitKind::Cpu, 30);
    assert!(report.cpu >= Duration::from_millis(30));
}

#[test]
fn a_guest_that_spins_while_it_starts_spends_it_too() {
    let mut tight = grant();
    tight.limits.cpu_ms = 30;
    let guest = Guest { items: "(func $go (loop $l (br $l))) (start $go)", ..PLAIN };
    assert_limit(&call(&prepare(&guest, tight), "{}"), LimitKind::Cpu, 30);
}

#[test]
fn bulk_operations_are_interrupted_like_loops() {
    let mut tight = grant();
    tight.limits.cpu_ms = 30;
    let guest = Guest {
        call: "(loop $l (memory.fill (i32.const 65536) (i32.const 1) (i32.const 60000)) (br $l)) unreachable",
        ..PLAIN
    };
    assert_limit(&call(&prepare(&guest, tight), "{}"), LimitKind::Cpu, 30);
}

#[test]
fn wall_time_ends_a_call_that_uses_none_of_its_cpu() {
    let guest = Guest {
        imports: "(import \"wasi:clocks/monotonic-clock@0.2.6\" \"subscribe-duration\" (func $sleep (param i64) (result i32)))
                  (import \"wasi:io/poll@0.2.6\" \"[method]pollable.block\" (func $block (param i32)))",
        call: "(call $block (call $sleep (i64.const 3600000000000))) (call $say (i32.const 1024) (i32.const 4))",
        world: &["wasi:clocks/monotonic-clock@0.2.6"],
        ..PLAIN
    };
    let mut short = grant();
    short.limits.deadline_ms = 50;
    let report = call(&prepare(&guest, short), "{}");
    assert_limit(&report, LimitKind::Deadline, 50);
    assert!(report.cpu < report.wall);
}

#[test]
fn wall_time_ends_a_spinning_guest_whose_budget_is_larger() {
    let mut short = grant();
    short.limits.deadline_ms = 50;
    short.limits.cpu_ms = 1_000_000;
    assert_limit(
        &call(&prepare(&Guest { call: "(loop $l (br $l)) unreachable", ..PLAIN }, short), "{}"),
        LimitKind::Deadline,
        50,
    );
}

#[test]
fn endless_recursion_ends_at_the_stack() {
    let guest = Guest { items: "(func $deep (call $deep) (call $deep))", call: "(call $deep) unreachable", ..PLAIN };
    assert_limit(&call(&prepare(&guest, grant()), "{}"), LimitKind::Stack, engine::settings::STACK_BYTES as u64);
}

#[test]
fn a_trap_is_a_trap_and_is_told_briefly() {
    let report = call(&prepare(&Guest { call: "unreachable", ..PLAIN }, grant()), "{}");
    assert_trap(&report, "unreachable");
    let CallEnd::Trap(reason) = report.end else { unreachable!() };
    assert!(reason.len() <= 2048);
}

#[test]
fn exit_is_no_way_to_answer() {
    let guest = Guest {
        imports: "(import \"wasi:cli/exit@0.2.6\" \"exit\" (func $exit (param i32)))",
        call: "(call $exit (i32.const 0)) unreachable",
        world: &["wasi:cli/exit@0.2.6"],
        ..PLAIN
    };
    assert_trap(&call(&prepare(&guest, grant()), "{}"), "called exit");
}

#[test]
fn arguments_over_their_bound_never_reach_the_guest() {
    let mut small = grant();
    small.limits.arguments_bytes = 10;
    let report = call(&prepare(&Guest { call: "unreachable", ..PLAIN }, small), "{\"a\": 12345}");
    assert_limit(&report, LimitKind::Arguments, 10);
}

#[test]
fn a_result_over_its_bound_is_not_passed_on() {
    for call_body in [
        // A megabyte of text.
        "(drop (call $alloc (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 1048576))) (call $say (i32.const 65536) (i32.const 1048576))",
        // Six megabytes: more than a host call may carry at all.
        "(drop (call $alloc (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 6291456))) (call $say (i32.const 65536) (i32.const 6291456))",
        // Many empty blocks.
        "(drop (call $say (i32.const 0) (i32.const 0)))
         (i32.store (i32.const 20) (call $alloc (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 720000))) (i32.store (i32.const 24) (i32.const 20000)) (i32.const 16)",
    ] {
        let report = call(&prepare(&Guest { call: call_body, ..PLAIN }, grant()), "{}");
        assert_limit(&report, LimitKind::Result, 64 << 10);
    }
}

#[test]
fn a_result_of_exactly_its_bound_is_passed_on() {
    let guest = Guest {
        call: "(drop (call $alloc (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 65536))) (call $say (i32.const 65536) (i32.const 65520))",
        ..PLAIN
    };
    assert_eq!(text(&call(&prepare(&guest, grant()), "{}")).len(), 65_520, "16 bytes are the block's price");
}

#[test]
fn a_host_call_cannot_carry_out_everything() {
    let guest = Guest {
        imports: "(import \"safeclaw:tool/host@0.1.0\" \"log\" (func $log (param i32 i32 i32)))",
        call: "(drop (call $alloc (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 6291456)))
               (call $log (i32.const 2) (i32.const 65536) (i32.const 6291456)) (call $say (i32.const 1024) (i32.const 4))",
        ..PLAIN
    };
    assert_limit(&call(&prepare(&guest, grant()), "{}"), LimitKind::HostCall, 4 << 20);
}

#[test]
fn handles_run_out() {
    let guest = Guest {
        imports: "(import \"wasi:cli/stdout@0.2.6\" \"get-stdout\" (func $get (result i32)))",
        call: "(loop $l (drop (call $get)) (br $l)) unreachable",
        world: &["wasi:cli/stdout@0.2.6"],
        ..PLAIN
    };
    assert_limit(&call(&prepare(&guest, grant()), "{}"), LimitKind::Handles, 64);
}

#[test]
fn a_request_for_too_much_randomness_is_a_trap() {
    let guest = Guest {
        imports: "(import \"wasi:random/random@0.2.6\" \"get-random-bytes\" (func $random (param i64 i32)))",
        call: "(call $random (i64.const 1048577) (i32.const 512)) unreachable",
        world: &["wasi:random/random@0.2.6"],
        ..PLAIN
    };
    assert!(matches!(call(&prepare(&guest, grant()), "{}").end, CallEnd::Trap(_)));
}

#[test]
fn more_calls_than_slots_are_refused_and_a_dropped_call_frees_its_slot() {
    let engine = Engine::new(&Settings { slots: 1, max_memory_bytes: 8 << 20 }).unwrap();
    engine.start_ticker().unwrap();
    let spin = prepare_in(&engine, &Guest { call: "(loop $l (br $l)) unreachable", ..PLAIN }.wasm(), grant());
    let plain = prepare_in(&engine, &PLAIN.wasm(), grant());
    block_on(async {
        let mut running = Box::pin(spin.call("tool", "{}", Heard::default()));
        std::future::poll_fn(|cx| {
            assert!(running.as_mut().poll(cx).is_pending(), "a spinning guest yields at a tick");
            Poll::Ready(())
        })
        .await;
        let refused = plain.call("tool", "{}", Heard::default()).await;
        assert_limit(&refused, LimitKind::Concurrency, 1);
        drop(running);
        assert_eq!(text(&plain.call("tool", "{}", Heard::default()).await), "fine");
    });
}

#[test]
fn after_each_limit_the_next_call_is_as_if_nothing_had_happened() {
    let engine = engine();
    let plain = prepare_in(&engine, &PLAIN.wasm(), grant());
    let mut tight = grant();
    tight.limits.cpu_ms = 5;
    tight.limits.deadline_ms = 30;
    for body in [
        "(loop $l (br $l)) unreachable",
        "unreachable",
        "(loop $l (drop (memory.grow (i32.const 1))) (br $l)) unreachable",
    ] {
        let hostile = prepare_in(&engine, &Guest { call: body, ..PLAIN }.wasm(), tight.clone());
        for _ in 0..3 {
            assert!(!matches!(call(&hostile, "{}").end, CallEnd::Complete(_)));
            assert_eq!(text(&call(&plain, "{}")), "fine");
        }
    }
}

#[test]
fn without_its_ticker_the_engine_runs_nothing() {
    let engine = Engine::new(&Settings { slots: 1, max_memory_bytes: 8 << 20 }).unwrap();
    assert_trap(&call(&prepare_in(&engine, &PLAIN.wasm(), grant()), "{}"), "ticker");
}
