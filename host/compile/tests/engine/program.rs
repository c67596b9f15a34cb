//! The program `/compile`, over its frames.

use crate::harness::*;
use protocol::{Compiled, Decoder, FromCompile, ToCompile};
use std::io::{Read, Write};
use std::process::{Command, Stdio};

/// What it writes for these bytes, and whether it says that it worked.
fn run(input: &[u8]) -> (Vec<FromCompile>, bool) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_compile"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let bytes = input.to_vec();
    let writer = std::thread::spawn(move || {
        // It may refuse before it has read everything.
        let _ = stdin.write_all(&bytes);
    });
    let mut output = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut output).unwrap();
    writer.join().unwrap();
    let mut messages = Vec::new();
    let mut decoder = Decoder::new();
    for chunk in output.chunks(1 << 20) {
        decoder.push(chunk);
        while let Some(message) = decoder.next().unwrap() {
            messages.push(message);
        }
    }
    (messages, child.wait().unwrap().success())
}

fn frames(messages: &[ToCompile]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for message in messages {
        protocol::encode(message, &mut bytes).unwrap();
    }
    bytes
}

fn request(wasm: &[u8]) -> Vec<u8> {
    let mut messages = vec![ToCompile::Begin { bytes: wasm.len() as u64, trap_imports: Vec::new(), http: false }];
    messages.extend(wasm.chunks(100_000).map(|chunk| ToCompile::Chunk(chunk.to_vec())));
    frames(&messages)
}

#[track_caller]
fn assert_refused(input: &[u8], says: &str) {
    let (messages, worked) = run(input);
    let [FromCompile::Refused(reason)] = messages.as_slice() else { panic!("{messages:?}") };
    assert!(worked && reason.contains(says), "{reason}");
}

#[test]
fn what_it_writes_loads_and_runs() {
    let (messages, worked) = run(&request(&PLAIN.wasm()));
    assert!(worked);
    let [FromCompile::Compiled(Compiled { bytes, compatibility, imports, exports }), chunks @ ..] = messages.as_slice()
    else {
        panic!("{messages:?}")
    };
    assert!(compatibility.starts_with(engine::Engine::compatibility()));
    assert!(imports.iter().all(|name| name.starts_with("safeclaw:tool/")), "{imports:?}");
    assert_eq!(exports.as_slice(), ["safeclaw:tool/tools@0.1.0"]);
    let mut artefact = Vec::new();
    for chunk in chunks {
        let FromCompile::Chunk(chunk) = chunk else { panic!("{chunk:?}") };
        assert!(chunk.len() <= 1 << 20);
        artefact.extend_from_slice(chunk);
    }
    assert_eq!(artefact.len() as u64, *bytes);
    let (_dir, fd, digest) = stored(&artefact);
    let engine = engine();
    let loaded = engine::load_artefact(&engine, &fd, &digest).unwrap();
    assert_eq!(text(&call(&engine::prepare(&engine, &loaded, grant()).unwrap(), "{}")), "fine");
}

#[test]
fn it_refuses_what_is_no_component() {
    assert_refused(&request(b"not wasm"), "not a valid component");
    assert_refused(&request(b""), "not a valid component");
}

#[test]
fn it_refuses_what_is_too_large_or_not_what_was_announced() {
    assert_refused(
        &frames(&[ToCompile::Begin { bytes: (64 << 20) + 1, trap_imports: Vec::new(), http: false }]),
        "the limit is",
    );
    assert_refused(
        &frames(&[ToCompile::Begin { bytes: 3, trap_imports: Vec::new(), http: false }, ToCompile::Chunk(vec![0; 4])]),
        "announced",
    );
}

#[test]
fn a_peer_that_breaks_the_protocol_gets_nothing() {
    for input in [
        b"".to_vec(),
        b"\xff\xff\xff\xff".to_vec(),
        frames(&[ToCompile::Chunk(vec![1])]),
        frames(&[ToCompile::Begin { bytes: 10, trap_imports: Vec::new(), http: false }, ToCompile::Chunk(vec![1])]),
        frames(&[
            ToCompile::Begin { bytes: 10, trap_imports: Vec::new(), http: false },
            ToCompile::Begin { bytes: 10, trap_imports: Vec::new(), http: false },
        ]),
    ] {
        let (messages, worked) = run(&input);
        assert!(messages.is_empty() && !worked, "{messages:?}");
    }
}

#[test]
fn a_compile_bomb_ends_in_a_refusal_or_in_the_end_of_the_process() {
    // A function that wants far more locals than any program, and ten thousand of them.
    let mut text = String::from("(component (core module ");
    for _ in 0..10_000 {
        text.push_str("(func (local i64 i64 i64 i64 i64 i64 i64 i64) (drop (i64.add (local.get 0) (local.get 7))))");
    }
    text.push_str("))");
    let (messages, _) = run(&request(&wat::parse_str(&text).unwrap()));
    assert!(!matches!(messages.first(), Some(FromCompile::Compiled(_))), "it is no tool");
}
