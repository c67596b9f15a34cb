//! Measures one component: compiling it, loading it, and fresh calls. `measure WASM TOOL ARGUMENTS [CALLS] [DIR]`
//! leaves the artefact in `DIR`. Arguments that are a number stand for a text of so many bytes, `{"text": "xx…"}`.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a program for people at a terminal, not shipped"
)]

use anyhow::{Context as _, bail};
use engine::{CallEnd, CallSink, Engine, Grant, LogSource, Settings};
use manifest::{Digest, Limits};
use sha2::Digest as _;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

struct Silent;

impl CallSink for Silent {
    fn log(&mut self, _: LogSource, _: &str) {}
    fn progress(&mut self, _: f64, _: Option<f64>, _: Option<&str>) {}
}

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [wasm, tool, json, rest @ ..] = arguments.as_slice() else {
        bail!("measure WASM TOOL ARGUMENTS [CALLS] [DIR]")
    };
    let calls: usize = rest.first().map_or(Ok(20_000), |count| count.parse())?;
    let json = match json.parse() {
        Ok(bytes) => &format!(r#"{{"text":"{}"}}"#, "x".repeat(bytes)),
        Err(_) => json,
    };
    let wasm = std::fs::read(wasm).context("the component")?;

    let started = Instant::now();
    let artefact = engine::compile::compile(&wasm, &BTreeSet::new())?;
    println!(
        "compile     {:>10.1} ms, {} KB of Wasm, {} KB of artefact",
        ms(started.elapsed()),
        wasm.len() / 1000,
        artefact.bytes.len() / 1000
    );

    let dir = tempfile::tempdir()?;
    let digest = Digest::try_from(hex::encode(sha2::Sha256::digest(&artefact.bytes)))?;
    std::fs::write(dir.path().join(format!("{digest}.cwasm")), &artefact.bytes)?;
    let fd = std::fs::File::open(dir.path())?.into();
    if let Some(kept) = rest.get(1) {
        std::fs::write(std::path::Path::new(kept).join(format!("{digest}.cwasm")), &artefact.bytes)?;
        println!("artefact    {digest}");
    }

    let started = Instant::now();
    let engine = Engine::new(&Settings { slots: 8, max_memory_bytes: 64 << 20 })?;
    engine.start_ticker()?;
    println!("engine      {:>10.2} ms, page map scan {}", ms(started.elapsed()), engine.scans_pages());
    let started = Instant::now();
    let loaded = engine::load_artefact(&engine, &fd, &digest)?;
    println!("load        {:>10.2} ms, hashing included", ms(started.elapsed()));
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
        limits,
    };
    let started = Instant::now();
    let prepared = engine::prepare(&engine, &loaded, grant)?;
    println!("link        {:>10.2} ms, {} imports", ms(started.elapsed()), artefact.imports.len());

    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let mut times = Vec::with_capacity(calls);
    let before = spent();
    runtime.block_on(async {
        for _ in 0..calls {
            let started = Instant::now();
            let report = prepared.call(tool, json, Silent).await;
            times.push(started.elapsed());
            if !matches!(report.end, CallEnd::Complete(_)) {
                bail!("{:?}", report.end);
            }
        }
        Ok(())
    })?;
    let cpu = (spent() - before).as_secs_f64() * 1e6 / calls as f64;
    println!("fresh call  {cpu:>10.1} µs of CPU on the mean, the ticker's included");
    times.sort_unstable();
    let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1e6;
    println!("fresh call  {:>10.1} µs median, {:.1} µs best, {:.1} µs 99th of {calls}", at(50), at(0), at(99));
    Ok(())
}

/// CPU time of the process.
fn spent() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
