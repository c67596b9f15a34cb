//! Tells what it was granted, and uses up as much as it is told to: each field of a manifest is changed, and
//! this component sees the change or does not.
#![forbid(unsafe_code)]

use safeclaw_sdk::prelude::*;
use std::hint::black_box;
use std::path::Path;
use wasip2::clocks::{monotonic_clock, wall_clock};
use wasip2::filesystem::preopens::get_directories;

/// Where to look.
#[arguments]
struct Look {
    /// A directory; none if left out.
    path: Option<String>,
    /// Not looked at: makes the arguments long.
    #[expect(dead_code, reason = "it only takes room")]
    padding: Option<String>,
}

/// What there is.
#[result]
struct Seen {
    /// `NAME=value`.
    environment: Vec<String>,
    /// Directories.
    preopens: Vec<String>,
    /// Names in the directory that was asked for, or the error.
    entries: Vec<String>,
    /// `goes` or `stands`.
    wall: String,
    /// `goes` or `stands`.
    monotonic: String,
}

fn seen(args: &Look) -> Seen {
    let mut entries: Vec<String> = match args.path.as_deref().map(std::fs::read_dir) {
        None => Vec::new(),
        Some(Err(_)) => vec!["not there".to_owned()],
        Some(Ok(entries)) => entries.flatten().map(|entry| entry.file_name().display().to_string()).collect(),
    };
    entries.sort();
    let first = monotonic_clock::now();
    black_box((0..1_000_000_u64).fold(0, |a, b| a ^ black_box(b)));
    let goes = |moves: bool| if moves { "goes" } else { "stands" }.to_owned();
    Seen {
        environment: std::env::vars().map(|(name, value)| format!("{name}={value}")).collect(),
        preopens: get_directories().into_iter().map(|(_, path)| path).collect(),
        entries,
        wall: goes(wall_clock::now().seconds > 0),
        monotonic: goes(monotonic_clock::now() > first),
    }
}

/// Looks round.
#[tool(read_only)]
fn look(args: Look) -> Result<Seen> {
    Ok(seen(&args))
}

/// Looks round, as another tool.
#[tool(read_only)]
fn look_too(args: Look) -> Result<Seen> {
    Ok(seen(&args))
}

/// Where to write.
#[arguments]
struct Write {
    /// A file that is not there yet.
    path: String,
}

/// Makes a file and removes it.
#[tool]
fn write(args: Write) -> Result<String> {
    let path = Path::new(&args.path);
    if std::fs::write(path, "x").is_err() {
        bail!("not written");
    }
    let _ = std::fs::remove_file(path);
    Ok("written".to_owned())
}

/// What to use up.
#[arguments]
#[serde(rename_all = "lowercase")]
enum What {
    /// Bytes of memory.
    Memory,
    /// Processor time, without end.
    Cpu,
    /// Milliseconds of waiting.
    Time,
    /// Bytes of a result.
    Result,
    /// Bytes of log.
    Log,
    /// Handles.
    Handles,
}

/// What and how much.
#[arguments]
struct Take {
    what: What,
    /// How much; 0 if left out.
    amount: Option<u64>,
}

fn taken(args: &Take) -> Result<String> {
    let amount = args.amount.unwrap_or_default();
    let count = usize::try_from(amount).unwrap_or(usize::MAX);
    match args.what {
        What::Memory => {
            let mut block: Vec<u8> = Vec::new();
            if block.try_reserve_exact(count).is_err() {
                bail!("refused");
            }
            block.resize(count, 1);
            black_box(&block);
        }
        What::Cpu => loop {
            black_box(amount);
        },
        What::Time => {
            progress(0.0, None, "waiting");
            monotonic_clock::subscribe_duration(amount.saturating_mul(1_000_000)).block();
        }
        What::Result => return Ok("x".repeat(count)),
        What::Log => (0..count / 100).for_each(|_| log::info!("{}", "x".repeat(100))),
        What::Handles => {
            let handles: Vec<_> = (0..count).map(|_| monotonic_clock::subscribe_duration(u64::MAX)).collect();
            black_box(&handles);
        }
    }
    Ok("taken".to_owned())
}

/// Uses something up.
#[tool]
fn take(args: Take) -> Result<String> {
    taken(&args)
}

/// Uses something up, as another tool.
#[tool]
fn take_too(args: Take) -> Result<String> {
    taken(&args)
}

plugin!(look, look_too, write, take, take_too);
