//! What is not granted does not link; what is granted is there; a stopped clock stands still.

use crate::harness::*;
use engine::compile::{CompileError, compile};
use engine::{CallEnd, LinkError};
use manifest::Clock;
use std::collections::BTreeSet;

const SOCKETS: Guest = Guest {
    imports: "(import \"wasi:sockets/instance-network@0.2.6\" \"instance-network\" (func $network (result i32)))
              (import \"wasi:sockets/tcp@0.2.6\" \"[method]tcp-socket.subscribe\" (func $subscribe (param i32) (result i32)))
              (import \"wasi:io/poll@0.2.6\" \"[method]pollable.block\" (func $block (param i32)))
              (import \"wasi:clocks/monotonic-clock@0.2.6\" \"subscribe-duration\" (func $sleep (param i64) (result i32)))",
    items: "",
    call: "(if (i32.eq (local.get $args-len) (i32.const 2))
             (then (call $block (call $sleep (i64.const 1))))
             (else (drop (call $network)) (call $block (call $subscribe (i32.const 1)))))
           (call $say (i32.const 1024) (i32.const 4))",
    world: &["wasi:sockets/instance-network@0.2.6", "wasi:sockets/tcp@0.2.6", "wasi:clocks/monotonic-clock@0.2.6"],
};

fn refusal(wasm: &[u8]) -> String {
    match compile(wasm, &BTreeSet::new()) {
        Err(error) => error.to_string(),
        Ok(_) => panic!("it was compiled"),
    }
}

#[test]
fn an_import_that_is_not_granted_is_refused_by_name() {
    let says = refusal(&SOCKETS.wasm());
    for part in ["`wasi:sockets/instance-network@0.2.6`", "`wasi:sockets/tcp@0.2.6`", "not granted", "trap_imports"] {
        assert!(says.contains(part), "{says}");
    }
    assert!(!says.contains("wasi:io"), "{says}");
}

#[test]
fn listed_imports_link_to_a_trap_and_only_using_one_traps() {
    let mut traps = grant();
    traps.trap_imports =
        ["wasi:sockets/network", "wasi:sockets/instance-network", "wasi:sockets/tcp@0.2.6"].map(str::to_owned).into();
    let prepared = prepare(&SOCKETS, traps);
    assert_eq!(text(&call(&prepared, "{}")), "fine", "the linked poll still works beside the trapping one");
    assert_trap(&call(&prepared, "{\"a\":1}"), "wasi:sockets/instance-network@0.2.6#instance-network");
}

#[test]
fn a_grant_that_does_not_list_the_import_does_not_link_an_artefact_that_was_compiled_with_it() {
    let traps: BTreeSet<String> =
        ["wasi:sockets/network", "wasi:sockets/instance-network", "wasi:sockets/tcp"].map(str::to_owned).into();
    let artefact = compile(&SOCKETS.wasm(), &traps).unwrap();
    let (_dir, fd, digest) = stored(&artefact.bytes);
    let engine = engine();
    let loaded = engine::load_artefact(&engine, &fd, &digest).unwrap();
    let error = engine::prepare(&engine, &loaded, grant()).err().expect("refused");
    assert!(
        matches!(&error, LinkError::NotGranted(names) if names.iter().any(|name| name == "wasi:sockets/tcp@0.2.6")),
        "{error}"
    );
}

#[test]
fn a_component_that_exports_no_tools_is_no_tool() {
    let module = "(module (memory (export \"memory\") 1))";
    let mut core = wat::parse_str(module).unwrap();
    let mut resolve = wit_parser::Resolve::default();
    let package = resolve.push_str("x.wit", "package test:x; world x {}").unwrap();
    let world = resolve.select_world(&[package], Some("x")).unwrap();
    wit_component::embed_component_metadata(&mut core, &resolve, world, wit_component::StringEncoding::UTF8).unwrap();
    let wasm = wit_component::ComponentEncoder::default().module(&core).unwrap().encode().unwrap();
    let says = refusal(&wasm);
    assert!(says.contains("safeclaw:tool/tools"), "{says}");
}

#[test]
fn a_tool_export_of_another_type_is_never_called() {
    let component = "(component
      (core module $m (func (export \"f\") (result i32) (i32.const 0)))
      (core instance $i (instantiate $m))
      (func $f (result u32) (canon lift (core func $i \"f\")))
      (instance $tools (export \"list-tools\" (func $f)) (export \"call-tool\" (func $f)))
      (export \"safeclaw:tool/tools@0.1.0\" (instance $tools)))";
    let prepared = prepare_in(&engine(), &wat::parse_str(component).unwrap(), grant());
    assert_trap(&call(&prepared, "{}"), "type mismatch");
    let failure = block_on(prepared.list_tools()).expect_err("its type is another");
    assert!(failure.to_string().contains("type"), "{failure}");
}

#[test]
fn what_is_no_component_is_refused_in_bounded_words() {
    let cut = {
        let mut wasm = PLAIN.wasm();
        wasm.truncate(wasm.len() / 2);
        wasm
    };
    let core = wat::parse_str("(module)").unwrap();
    for wasm in [b"".as_slice(), b"\0asm", b"(component)", &[0xff; 4096], &cut, &core] {
        let says = refusal(wasm);
        assert!(says.contains("not a valid component") && says.len() < 1000, "{says}");
    }
}

#[test]
fn features_that_are_off_are_refused() {
    for module in [
        "(module (memory i64 1))",
        "(module (memory 1 1 shared))",
        "(module (memory 1) (memory 1))",
        "(module (tag))",
        "(module (type (struct)))",
    ] {
        let text = format!("(component (core {})", &module[1..]);
        assert!(refusal(&wat::parse_str(&text).unwrap()).contains("not a valid component"), "{module}");
    }
}

#[test]
fn more_memories_than_one_are_refused_before_they_exist() {
    let wasm = wat::parse_str(
        "(component
      (core module $m (memory 1)) (core instance (instantiate $m)) (core instance (instantiate $m))
      (core module $n (memory 1)) (core instance (instantiate $n)))",
    )
    .unwrap();
    // It is no tool either; what matters is that nothing of it could be made.
    assert!(matches!(compile(&wasm, &BTreeSet::new()), Err(CompileError::Link(_) | CompileError::Invalid(_))));
}

#[test]
fn a_grant_that_wants_more_memory_than_a_slot_has_is_refused() {
    let artefact = compile(&PLAIN.wasm(), &BTreeSet::new()).unwrap();
    let (_dir, fd, digest) = stored(&artefact.bytes);
    let engine = engine();
    let loaded = engine::load_artefact(&engine, &fd, &digest).unwrap();
    let mut large = grant();
    large.limits.memory_bytes = 65 << 20;
    assert!(matches!(engine::prepare(&engine, &loaded, large), Err(LinkError::Memory { .. })));
}

#[test]
fn a_clock_stands_still_unless_it_is_granted() {
    let monotonic = Guest {
        imports: "(import \"wasi:clocks/monotonic-clock@0.2.6\" \"now\" (func $now (result i64)))",
        call: "(call $say-hex (i32.wrap_i64 (i64.shr_u (call $now) (i64.const 10))))",
        world: &["wasi:clocks/monotonic-clock@0.2.6"],
        ..PLAIN
    };
    let wall = Guest {
        imports: "(import \"wasi:clocks/wall-clock@0.2.6\" \"now\" (func $now (param i32)))",
        call: "(call $now (i32.const 256)) (call $say-hex (i32.load (i32.const 256)))",
        world: &["wasi:clocks/wall-clock@0.2.6"],
        ..PLAIN
    };
    for (guest, clock, other) in [(&monotonic, Clock::Monotonic, Clock::Wall), (&wall, Clock::Wall, Clock::Monotonic)] {
        for clocks in [BTreeSet::new(), BTreeSet::from([other])] {
            let mut stopped = grant();
            stopped.clocks = clocks;
            assert_eq!(text(&call(&prepare(guest, stopped), "{}")), "00000000");
        }
        let mut running = grant();
        running.clocks = BTreeSet::from([clock]);
        assert_ne!(text(&call(&prepare(guest, running), "{}")), "00000000");
    }
}

#[test]
fn the_environment_is_the_grants_and_not_ours() {
    let guest = Guest {
        imports: "(import \"wasi:cli/environment@0.2.6\" \"get-environment\" (func $env (param i32)))",
        call: "(call $env (i32.const 256))
               (if (result i32) (i32.eqz (i32.load (i32.const 260)))
                 (then (call $say (i32.const 1024) (i32.const 4)))
                 (else (local.set $i (i32.load (i32.const 256)))
                       (call $say (i32.load offset=8 (local.get $i)) (i32.load offset=12 (local.get $i)))))",
        world: &["wasi:cli/environment@0.2.6"],
        ..PLAIN
    };
    assert!(std::env::vars().count() > 0);
    assert_eq!(text(&call(&prepare(&guest, grant()), "{}")), "fine");
    let mut given = grant();
    given.env.insert("LANG".into(), "en".into());
    assert_eq!(text(&call(&prepare(&guest, given), "{}")), "en");
}

#[test]
fn a_component_is_asked_for_its_tools_with_the_same_bounds() {
    let prepared = prepare(&PLAIN, grant());
    assert_eq!(block_on(prepared.list_tools()), Ok(Vec::new()));
    assert!(matches!(call(&prepared, "{}").end, CallEnd::Complete(_)));
}
