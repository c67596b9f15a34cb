//! Measures one component: compiling it, loading it, and fresh calls, with our pool and with wasmtime's own in
//! turns. `measure WASM TOOL ARGUMENTS [CALLS] [--json]`
#![expect(clippy::print_stdout, clippy::indexing_slicing, reason = "a program for people at a terminal, not shipped")]

use anyhow::{Context as _, bail};
use engine::{CallEnd, CallSink, Engine, Grant, LogSource, Prepared, Settings};
use manifest::{Digest, Limits};
use sha2::Digest as _;
use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

const SETTINGS: Settings = Settings { slots: 8, max_memory_bytes: 64 << 20 };
/// Whatever else the machine does meets both pools alike.
const TURNS: usize = 20;
/// Not counted: pages and caches are cold.
const FIRST: usize = 50;

struct Silent;

impl CallSink for Silent {
    fn log(&mut self, _: LogSource, _: &str) {}
    fn progress(&mut self, _: f64, _: Option<f64>, _: Option<&str>) {}
}

/// Fresh instances and calls, in microseconds.
struct Fresh {
    best: f64,
    median: f64,
    p99: f64,
}

fn main() -> anyhow::Result<()> {
    let (flags, arguments): (Vec<String>, Vec<String>) = std::env::args().skip(1).partition(|text| text == "--json");
    let [wasm, tool, json, rest @ ..] = arguments.as_slice() else {
        bail!("measure WASM TOOL ARGUMENTS [CALLS] [--json]")
    };
    let calls: usize = rest.first().map_or(Ok(20_000), |count| count.parse())?;
    let wasm = std::fs::read(wasm).context("the component")?;

    let started = Instant::now();
    let artefact = engine::compile::compile(&wasm, &BTreeSet::new())?;
    let compiled = started.elapsed();
    let dir = tempfile::tempdir()?;
    let digest = Digest::try_from(hex::encode(sha2::Sha256::digest(&artefact.bytes)))?;
    std::fs::write(dir.path().join(format!("{digest}.cwasm")), &artefact.bytes)?;
    let fd: OwnedFd = std::fs::File::open(dir.path())?.into();

    let started = Instant::now();
    let engine = Engine::new(&SETTINGS)?;
    let made = started.elapsed();
    let started = Instant::now();
    drop(engine::load_artefact(&engine, &fd, &digest)?);
    let loaded = started.elapsed();
    let ours = prepare(&engine, &fd, &digest)?;
    let defaults = prepare(&Engine::with_default_pool(&SETTINGS)?, &fd, &digest)?;

    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let (ours, defaults) = runtime.block_on(in_turns(&ours, &defaults, tool, json, calls))?;
    let ratio = ours.median / defaults.median;
    if !flags.is_empty() {
        let (ours, defaults) = (ours.json(), defaults.json());
        println!(r#"{{"calls": {calls}, "ours": {ours}, "defaults": {defaults}, "ratio": {ratio:.4}}}"#);
        return Ok(());
    }
    let (before, after) = (wasm.len() / 1000, artefact.bytes.len() / 1000);
    println!("compile     {:>10.1} ms, {before} KB of Wasm, {after} KB of artefact", ms(compiled));
    println!("engine      {:>10.2} ms, page map scan {}", ms(made), engine.scans_pages());
    println!("load        {:>10.2} ms, hashing included", ms(loaded));
    println!("fresh call  {}", ours.line(calls));
    println!("            {}, wasmtime's own pool", defaults.line(calls));
    println!("ours        {ratio:>10.2} of wasmtime's own");
    Ok(())
}

fn prepare(engine: &Engine, dir: &OwnedFd, digest: &Digest) -> anyhow::Result<Prepared> {
    engine.start_ticker()?;
    let loaded = engine::load_artefact(engine, dir, digest)?;
    let limits = Limits {
        memory_bytes: 64 << 20,
        cpu_ms: 5_000,
        deadline_ms: 30_000,
        arguments_bytes: 1 << 20,
        result_bytes: 1 << 20,
        log_bytes: 64 << 10,
        handles: 256,
    };
    let grant = Grant {
        dirs: Vec::new(),
        env: BTreeMap::new(),
        clocks: BTreeSet::new(),
        trap_imports: BTreeSet::new(),
        http: false,
        limits,
    };
    Ok(engine::prepare(engine, &loaded, grant)?)
}

async fn in_turns(
    ours: &Prepared,
    defaults: &Prepared,
    tool: &str,
    json: &str,
    calls: usize,
) -> anyhow::Result<(Fresh, Fresh)> {
    let mut times = [Vec::with_capacity(calls), Vec::with_capacity(calls)];
    for prepared in [ours, defaults] {
        run(prepared, tool, json, FIRST, &mut Vec::new()).await?;
    }
    for _ in 0..TURNS {
        for (prepared, times) in [ours, defaults].into_iter().zip(&mut times) {
            run(prepared, tool, json, calls.div_ceil(TURNS), times).await?;
        }
    }
    let [ours, defaults] = times;
    Ok((Fresh::of(ours), Fresh::of(defaults)))
}

async fn run(
    prepared: &Prepared,
    tool: &str,
    json: &str,
    calls: usize,
    times: &mut Vec<Duration>,
) -> anyhow::Result<()> {
    for _ in 0..calls {
        let started = Instant::now();
        let report = prepared.call(tool, json, Silent).await;
        times.push(started.elapsed());
        if !matches!(report.end, CallEnd::Complete(_)) {
            bail!("{:?}", report.end);
        }
    }
    Ok(())
}

impl Fresh {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1e6;
        Self { best: at(0), median: at(50), p99: at(99) }
    }

    fn line(&self, calls: usize) -> String {
        let Self { best, median, p99 } = self;
        format!("{median:>10.1} µs median, {best:.1} µs best, {p99:.1} µs 99th of {calls}")
    }

    fn json(&self) -> String {
        let Self { best, median, p99 } = self;
        format!(r#"{{"best_us": {best:.2}, "p50_us": {median:.2}, "p99_us": {p99:.2}}}"#)
    }
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
