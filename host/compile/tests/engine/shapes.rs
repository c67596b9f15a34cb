//! Bounds on what a component is made of, and on what one report and one read carry: each is reached, and
//! what lies just below it works.

use crate::files::granted;
use crate::harness::*;
use engine::LimitKind;
use manifest::Access;

/// Why a component that is valid, and a tool, does not start; nothing if it answers.
fn does_not_start(wasm: &[u8]) -> Option<String> {
    let artefact = engine::compile::compile(wasm, &grant().trap_imports).expect("it is a tool, and it compiles");
    let (_dir, fd, digest) = stored(&artefact.bytes);
    let engine = engine();
    let loaded = match engine::load_artefact(&engine, &fd, &digest) {
        Ok(loaded) => loaded,
        Err(error) => return Some(format!("{error:?}")),
    };
    let prepared = match engine::prepare(&engine, &loaded, grant()) {
        Ok(prepared) => prepared,
        Err(error) => return Some(format!("{error:?}")),
    };
    let report = call(&prepared, "{}");
    match &report.end {
        engine::CallEnd::Complete(_) => None,
        other => Some(format!("{other:?}")),
    }
}

fn with(items: String) -> Vec<u8> {
    Guest { items: items.leak(), ..PLAIN }.wasm()
}

#[test]
fn tables_are_so_many() {
    assert_eq!(does_not_start(&with("(table 1 funcref)".repeat(4))), None);
    let says = does_not_start(&with("(table 1 funcref)".repeat(5))).expect("five tables do not start");
    assert!(says.contains("tables"), "{says}");
}

#[test]
fn a_table_has_so_many_elements() {
    assert_eq!(does_not_start(&with("(table 20000 funcref)".to_owned())), None);
    let says = does_not_start(&with("(table 20001 funcref)".to_owned())).expect("it does not start");
    assert!(says.contains("table"), "{says}");
    let guest = Guest {
        items: "(table $t 0 funcref)",
        call: "(loop $more (br_if $more (i32.ne (i32.const -1) (table.grow $t (ref.null func) (i32.const 100)))))
               (call $say-hex (table.size $t))",
        ..PLAIN
    };
    assert_eq!(text(&call(&prepare(&guest, grant()), "{}")), format!("{:08x}", 20_000));
    let dies = Guest {
        items: "(table $t 0 funcref)",
        call: "(if (i32.eq (i32.const -1) (table.grow $t (ref.null func) (i32.const 20001))) (then unreachable))
               (call $say (i32.const 1024) (i32.const 4))",
        ..PLAIN
    };
    assert_trap(&call(&prepare(&dies, grant()), "{}"), "unreachable");
}

/// Globals are kept beside the instance, 16 bytes each.
#[test]
fn what_an_instance_takes_besides_its_memory_is_bounded() {
    assert_eq!(does_not_start(&with("(global i32 (i32.const 0))".repeat(100_000))), None);
    let says = does_not_start(&with("(global i32 (i32.const 0))".repeat(140_000))).expect("it does not start");
    assert!(says.contains("instance") || says.contains("size"), "{says}");
}

#[test]
fn core_instances_are_so_many() {
    let tool = PLAIN.wasm();
    // Which number the component gets that is put in: the one for which the whole is valid.
    let place = (0..16)
        .find(|place| engine::compile::compile(&with_instances(&tool, *place, 1), &grant().trap_imports).is_ok())
        .expect("a place");
    assert_eq!(does_not_start(&with_instances(&tool, place, 30)), None);
    let says = does_not_start(&with_instances(&tool, place, 41)).expect("41 more do not start");
    assert!(says.contains("instances"), "{says}");
}

/// The component with another in it, of so many instances of an empty module.
fn with_instances(tool: &[u8], place: u8, instances: usize) -> Vec<u8> {
    let inner = format!("(component (core module $m) {})", "(core instance (instantiate $m))".repeat(instances));
    let inner = wat::parse_str(&inner).unwrap();
    let (component, instance) = (4, 5);
    let mut wasm = tool.to_vec();
    section(&mut wasm, component, &inner);
    section(&mut wasm, instance, &[1, 0, place, 0]);
    wasm
}

/// A section: its number, its length as LEB128, its bytes.
fn section(wasm: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    wasm.push(number);
    let mut length = bytes.len();
    while length >= 0x80 {
        wasm.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    wasm.push(length as u8);
    wasm.extend_from_slice(bytes);
}

#[test]
fn the_words_of_a_progress_report_are_cut() {
    let guest = Guest {
        imports: "(import \"safeclaw:tool/host@0.1.0\" \"progress\" (func $progress (param f64 i32 f64 i32 i32 i32)))",
        call: "(memory.fill (i32.const 65536) (i32.const 120) (i32.const 5000))
               (call $progress (f64.const 1) (i32.const 0) (f64.const 0) (i32.const 1) (i32.const 65536) (i32.const 5000))
               (call $say (i32.const 1024) (i32.const 4))",
        ..PLAIN
    };
    let heard = Heard::default();
    let report = block_on(prepare(&guest, grant()).call("tool", "{}", heard.clone()));
    assert_eq!(text(&report), "fine");
    assert_eq!(*heard.1.lock().unwrap(), [(1.0, Some("x".repeat(1 << 10)))]);
    assert_eq!(report.log_dropped, 5000 - (1 << 10));
}

#[test]
fn one_read_brings_so_much_and_the_next_one_the_rest() {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("file"), vec![b'x'; 100_000]).unwrap();
    for (length, expected) in [(1_000_000, 64 << 10), (1_000, 1_000)] {
        let body = format!(
            "(call $dirs (i32.const 256))
             (call $open (i32.load (i32.load (i32.const 256))) (i32.const 0) (i32.const 1040) (i32.const 4)
               (i32.const 0) (i32.const 1) (i32.const 272))
             (call $stream (i32.load (i32.const 276)) (i64.const 0) (i32.const 288))
             (call $read (i32.load (i32.const 292)) (i64.const {length}) (i32.const 304))
             (call $say-hex (i32.load (i32.const 312)))"
        );
        let guest = Guest {
            imports: "(import \"wasi:filesystem/preopens@0.2.6\" \"get-directories\" (func $dirs (param i32)))
              (import \"wasi:filesystem/types@0.2.6\" \"[method]descriptor.open-at\" (func $open (param i32 i32 i32 i32 i32 i32 i32)))
              (import \"wasi:filesystem/types@0.2.6\" \"[method]descriptor.read-via-stream\" (func $stream (param i32 i64 i32)))
              (import \"wasi:io/streams@0.2.6\" \"[method]input-stream.blocking-read\" (func $read (param i32 i64 i32)))",
            items: "(data (i32.const 1040) \"file\")",
            call: body.leak(),
            world: &["wasi:filesystem/preopens@0.2.6", "wasi:filesystem/types@0.2.6"],
        };
        let report = call(&prepare(&guest, granted(root.path(), Access::Read)), "{}");
        assert_eq!(text(&report), format!("{expected:08x}"));
    }
}

/// Empty texts: what costs two bytes in a frame costs much more in the hub.
#[test]
fn an_answer_has_so_many_blocks() {
    let answer = |blocks: usize| {
        let body = format!(
            "(drop (memory.grow (i32.const 16)))
             (i32.store8 (i32.const 16) (i32.const 0))
             (i32.store (i32.const 20) (i32.const 131072))
             (i32.store (i32.const 24) (i32.const {blocks}))
             (i32.store8 (i32.const 28) (i32.const 0))
             (i32.const 16)"
        );
        let mut wide = grant();
        wide.limits.result_bytes = 4 << 20;
        call(&prepare(&Guest { call: body.leak(), ..PLAIN }, wide), "{}")
    };
    let report = answer(4_096);
    let engine::CallEnd::Complete(complete) = &report.end else { panic!("{:?}", report.end) };
    assert_eq!(complete.content.len(), 4_096);
    assert_limit(&answer(4_097), LimitKind::Result, 4 << 20);
}
