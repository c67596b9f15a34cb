//! Text in, a prepared component out.

use engine::{
    CallEnd, CallReport, CallSink, Engine, Grant, GrantedDir, Imports, LimitKind, LogSource, Prepared, Settings,
};
use manifest::{Access, Digest, Limits};
use sha2::Digest as _;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::{Arc, Mutex};
use wit_component::{ComponentEncoder, StringEncoding};
use wit_parser::Resolve;

/// The WASI that tests use, cut to the functions they use: a component imports subsets anyway.
const WASI: &str = include_str!("wasi.wit");

/// Memory, an allocator, `$say` (answers a text) and an empty `list-tools`.
const PRELUDE: &str = include_str!("prelude.wat");

/// A core module around the body of `call-tool`, as a component. `imports` and `items` are WAT.
pub(crate) struct Guest {
    pub(crate) imports: &'static str,
    pub(crate) items: &'static str,
    pub(crate) call: &'static str,
    /// Interfaces for the world, such as `wasi:cli/exit@0.2.6`.
    pub(crate) world: &'static [&'static str],
}

pub(crate) const PLAIN: Guest =
    Guest { imports: "", items: "", call: "(call $say (i32.const 1024) (i32.const 4))", world: &[] };

impl Guest {
    pub(crate) fn module(&self) -> String {
        format!(
            "(module {imports} {PRELUDE} {items}
               (func (export \"safeclaw:tool/tools@0.1.0#call-tool\")
                 (param $name i32) (param $name-len i32) (param $args i32) (param $args-len i32) (result i32)
                 (local $i i32) (local $j i32)
                 {call}))",
            imports = self.imports,
            items = self.items,
            call = self.call,
        )
    }

    pub(crate) fn wasm(&self) -> Vec<u8> {
        component(&self.module(), self.world)
    }
}

/// A component of a core module in WAT, in the world `plugin` with more imports.
pub(crate) fn component(module: &str, imports: &[&str]) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit");
    let (package, _) = resolve.push_dir(&wit).expect("wit/");
    resolve.push_str("wasi.wit", WASI).expect("wasi.wit");
    let world = if imports.is_empty() {
        resolve.select_world(&[package], Some("plugin")).unwrap()
    } else {
        let lines: String = imports.iter().map(|name| format!("import {name};\n")).collect();
        let text = format!("package test:guest;\nworld guest {{ include safeclaw:tool/plugin@0.1.0; {lines} }}");
        let package = resolve.push_str("guest.wit", &text).expect("the guest's world");
        resolve.select_world(&[package], Some("guest")).unwrap()
    };
    let mut core = wat::parse_str(module).unwrap_or_else(|error| panic!("{error}"));
    wit_component::embed_component_metadata(&mut core, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default().validate(true).module(&core).expect("a module that fits its world").encode().unwrap()
}

pub(crate) fn limits() -> Limits {
    Limits {
        memory_bytes: 8 << 20,
        cpu_ms: 2_000,
        deadline_ms: 60_000,
        arguments_bytes: 64 << 10,
        result_bytes: 64 << 10,
        log_bytes: 16 << 10,
        handles: 64,
    }
}

pub(crate) fn grant() -> Grant {
    Grant {
        dirs: Vec::new(),
        env: BTreeMap::new(),
        clocks: BTreeSet::new(),
        trap_imports: BTreeSet::new(),
        http: false,
        limits: limits(),
    }
}

pub(crate) fn granted_dir(path: &Path, guest: &str, access: Access) -> GrantedDir {
    GrantedDir { dir: Arc::new(std::fs::File::open(path).unwrap().into()), guest: guest.to_owned(), access }
}

pub(crate) fn engine() -> Engine {
    let engine = Engine::new(&Settings { slots: 2, max_memory_bytes: 64 << 20 }).unwrap();
    engine.start_ticker().unwrap();
    engine
}

pub(crate) fn digest(bytes: &[u8]) -> Digest {
    Digest::try_from(hex::encode(sha2::Sha256::digest(bytes))).unwrap()
}

/// A directory with one artefact in it, by its digest.
pub(crate) fn stored(bytes: &[u8]) -> (tempfile::TempDir, OwnedFd, Digest) {
    let dir = tempfile::tempdir().unwrap();
    let digest = digest(bytes);
    std::fs::write(dir.path().join(format!("{digest}.cwasm")), bytes).unwrap();
    let fd = std::fs::File::open(dir.path()).unwrap().into();
    (dir, fd, digest)
}

pub(crate) fn prepare_in(engine: &Engine, wasm: &[u8], grant: Grant) -> Prepared {
    let artefact =
        engine::compile::compile(wasm, Imports { traps: &grant.trap_imports, http: grant.http }).expect("it compiles");
    let (_dir, fd, digest) = stored(&artefact.bytes);
    let loaded = engine::load_artefact(engine, &fd, &digest).expect("it loads");
    engine::prepare(engine, &loaded, grant).expect("it links")
}

pub(crate) fn prepare(guest: &Guest, grant: Grant) -> Prepared {
    prepare_in(&engine(), &guest.wasm(), grant)
}

/// What a call said.
#[derive(Debug, Clone, Default)]
pub(crate) struct Heard(
    pub(crate) Arc<Mutex<Vec<(LogSource, String)>>>,
    pub(crate) Arc<Mutex<Vec<(f64, Option<String>)>>>,
);

impl CallSink for Heard {
    fn log(&mut self, source: LogSource, text: &str) {
        self.0.lock().unwrap().push((source, text.to_owned()));
    }
    fn progress(&mut self, progress: f64, _: Option<f64>, message: Option<&str>) {
        self.1.lock().unwrap().push((progress, message.map(str::to_owned)));
    }
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

pub(crate) fn call(prepared: &Prepared, arguments: &str) -> CallReport {
    block_on(prepared.call("tool", arguments, Heard::default()))
}

/// The one text block of an answer.
pub(crate) fn text(report: &CallReport) -> &str {
    match &report.end {
        CallEnd::Complete(answer) => match answer.content.as_slice() {
            [engine::Content::Text(text)] => text,
            other => panic!("not one text: {other:?}"),
        },
        other => panic!("not an answer: {other:?}"),
    }
}

#[track_caller]
pub(crate) fn assert_limit(report: &CallReport, which: LimitKind, value: u64) {
    match &report.end {
        CallEnd::Limit(hit) => assert_eq!((hit.which, hit.value), (which, value)),
        other => panic!("not the limit {which:?}: {other:?}"),
    }
}

#[track_caller]
pub(crate) fn assert_trap(report: &CallReport, says: &str) {
    match &report.end {
        CallEnd::Trap(reason) => assert!(reason.contains(says), "{reason}"),
        other => panic!("not a trap: {other:?}"),
    }
}

pub(crate) fn make_fifo(path: &Path) {
    rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, rustix::fs::Mode::from_raw_mode(0o600), 0)
        .unwrap();
}
