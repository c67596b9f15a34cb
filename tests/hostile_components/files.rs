//! Files that are no tool: cut, bent, of another kind, or asking for what nobody grants.

use crate::hostile_components::bench::{Bench, Row, control, refused, taken};
use crate::hostile_components::forge::{component, listed};
use crate::hostile_components::table;
use tests::handed;

/// A component that imports an interface of this name, empty.
fn imports(name: &str) -> Vec<u8> {
    wat::parse_str(format!("(component (import \"{name}\" (instance)))")).unwrap()
}

/// The control component with one byte changed.
fn bent(at: usize, flip: u8) -> Vec<u8> {
    let mut wasm = control();
    wasm[at] ^= flip;
    wasm
}

fn cut(keep: usize) -> Vec<u8> {
    control()[..keep].to_vec()
}

fn wat(stem: &str) -> Vec<u8> {
    let path = handed::repository().join("tests/guests/wat").join(format!("{stem}.wat"));
    wat::parse_file(&path).unwrap_or_else(|error| panic!("{stem}: {error}"))
}

/// The files of `tests/guests/wat`, each with the words that refuse it.
const MALFORMED: [(&str, &str, &str); 15] = [
    ("core-module", "a core module, not a component", "not a valid component"),
    ("half-export", "exports `tools` without `call-tool`", "call-tool"),
    ("huge-memory", "asks for 4 GiB before its first instruction", "does not fit this engine"),
    ("huge-table", "a table of fifty million entries", "does not fit this engine"),
    ("many-memories", "many instances with a memory each, every one below the limit", ""),
    ("missing-export", "exports nothing", "does not fit `safeclaw:tool`"),
    ("nested", "components in components, ninety deep", ""),
    ("sockets-only", "imports sockets and nothing else", "`wasi:sockets/tcp@0.2.6`, which is not granted"),
    ("start-spins", "spins in its start function, before anything is asked", "the limit of"),
    ("start-traps", "traps in its start function, before anything is asked", "ended in a trap"),
    ("threads", "shared memory and atomics", "threads"),
    ("tools-not-an-instance", "exports a function named almost like the interface", "does not fit `safeclaw:tool`"),
    ("unknown-interface", "imports an interface that nobody offers", "`attack:host/shell@1.0.0`, which is not granted"),
    ("wrong-export-type", "exports `tools` with functions of other types", "type mismatch with results"),
    ("wrong-host-type", "imports the host's own `log` with another type", "does not fit `safeclaw:tool`"),
];

fn rows() -> Vec<Row> {
    let whole = control().len();
    let mut rows = vec![
        taken("control", "the component of the rows below, whole", component([listed("taken")]).wasm(), |r| {
            format!("registered with the tool `{}`", r.tools[0].name)
        }),
        refused("empty", "no byte at all", Vec::new(), "not a valid component"),
        refused("script", "a shell script named .wasm", b"#!/bin/sh\nrm -rf /\n".to_vec(), "not a valid component"),
        refused(
            "text-format",
            "the text format, which compilers may parse too",
            b"(component)".to_vec(),
            "not a valid component",
        ),
        refused("cut-in-magic", "the first 4 bytes of a component", cut(4), "not a valid component"),
        refused(
            "cut-after-header",
            "its first 8 bytes: a component of nothing",
            cut(8),
            "does not fit `safeclaw:tool`",
        ),
        refused("cut-in-section", "its first 9 bytes", cut(9), "not a valid component"),
        refused("cut-in-quarter", "its first quarter", cut(whole / 4), "not a valid component"),
        refused("cut-in-half", "its first half", cut(whole / 2), "not a valid component"),
        refused("cut-last-byte", "all but its last byte", cut(whole - 1), "not a valid component"),
        refused("tail", "a component and another behind it", [control(), control()].concat(), "not a valid component"),
        refused("bent-magic", "one bit of the magic number", bent(0, 1), "not a valid component"),
        refused("bent-version", "one bit of the version", bent(4, 1), "not a valid component"),
        refused("bent-layer", "the bit that makes a component a module", bent(6, 1), "not a valid component"),
        refused("bent-section", "the kind of its first section", bent(8, 0x40), "not a valid component"),
        refused("bent-length", "the length of its first section", bent(9, 0x7f), "not a valid component"),
        refused(
            "over-64-mib",
            "64 MiB and one byte",
            vec![0; (64 << 20) + 1],
            "the component has 67108865 bytes; the most is 67108864",
        ),
        refused(
            "import-of-network",
            "imports HTTP",
            imports("wasi:http/outgoing-handler@0.2.6"),
            "`wasi:http/outgoing-handler@0.2.6`, which is not granted",
        ),
        refused(
            "import-of-next-wasi",
            "imports a granted interface in a version to come",
            imports("wasi:cli/environment@0.3.0"),
            "`wasi:cli/environment@0.3.0`, which is not granted",
        ),
        refused(
            "import-without-version",
            "imports a granted interface without a version",
            imports("wasi:cli/environment"),
            "`wasi:cli/environment`, which is not granted",
        ),
        refused(
            "import-of-next-host",
            "imports the host's own interface in a version to come",
            imports("safeclaw:tool/host@0.2.0"),
            "`safeclaw:tool/host@0.2.0`, which is not granted",
        ),
        refused(
            "import-lookalike",
            "imports a name that begins like a granted one",
            imports("wasi:cli/environment-all@0.2.6"),
            "which is not granted",
        ),
        refused("import-many", "imports a thousand interfaces", many_imports(1000), "and 980 more"),
        refused(
            "import-nameless-func",
            "imports a function and no interface",
            wat::parse_str("(component (import \"exec\" (func (param \"c\" string))))").unwrap(),
            "`exec`, which is not granted",
        ),
        refused("export-many", "exports five thousand functions", many_exports(5000), ""),
    ];
    // One that spins lasts as long as a component may take, and has a hub of its own.
    rows.extend(MALFORMED.into_iter().filter(|(name, ..)| *name != "start-spins").map(malformed));
    rows
}

fn malformed((name, attack, says): (&'static str, &'static str, &'static str)) -> Row {
    refused(name, attack, wat(name), says)
}

/// The one that spins before it is asked anything.
pub(crate) fn spins_at_start() -> Row {
    MALFORMED.into_iter().find(|(name, ..)| *name == "start-spins").map(malformed).unwrap()
}

fn many_imports(count: usize) -> Vec<u8> {
    let imports: String = (0..count).map(|n| format!("(import \"a:b/c{n}@1.0.0\" (instance))")).collect();
    wat::parse_str(format!("(component {imports})")).unwrap()
}

fn many_exports(count: usize) -> Vec<u8> {
    let exports: String = (0..count).map(|n| format!("(export \"e{n}\" (func $f))")).collect();
    let text = format!(
        "(component (core module $m (func (export \"f\"))) (core instance $i (instantiate $m))
           (func $f (canon lift (core func $i \"f\"))) {exports})"
    );
    wat::parse_str(text).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_are_no_tool_stay_out() {
    let bench = Bench::start().await;
    let told = bench.judge(rows()).await;
    bench.own.end().await;
    table::keep("files", &told);
}

#[test]
fn every_malformed_file_has_a_row() {
    let mut stems: Vec<String> = std::fs::read_dir(handed::repository().join("tests/guests/wat"))
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    stems.sort();
    assert_eq!(stems, MALFORMED.map(|(name, ..)| name));
}
