//! Using up what the engine has: time, memory, stack, handles; and ending in every wrong way.

use safeclaw_sdk::prelude::*;
use std::hint::black_box;
use wasip2::clocks::monotonic_clock;
use wasip2::filesystem::preopens::get_directories;
use wasip2::filesystem::types::{DescriptorFlags, OpenFlags, PathFlags};

/// Never ends, and asks the host for nothing.
#[tool]
pub(crate) fn attack_spin_forever() -> Result<String> {
    let mut n = 0_u64;
    loop {
        n = black_box(n.wrapping_add(1));
    }
}

/// Which host call to repeat.
#[arguments]
#[serde(rename_all = "lowercase")]
pub(crate) enum HostCall {
    /// Reads the clock.
    Clock,
    /// Asks for random bytes.
    Random,
    /// Waits for no time at all.
    Poll,
}

/// How to spin.
#[arguments]
pub(crate) struct Spin {
    /// `clock` if left out.
    call: Option<HostCall>,
}

/// Never ends, and spends its time in host calls.
#[tool]
pub(crate) fn attack_spin_with_host_calls(args: Spin) -> Result<String> {
    loop {
        match args.call {
            None | Some(HostCall::Clock) => drop(black_box(monotonic_clock::now())),
            Some(HostCall::Random) => drop(black_box(wasip2::random::random::get_random_bytes(4096))),
            Some(HostCall::Poll) => monotonic_clock::subscribe_duration(0).block(),
        }
    }
}

/// Waits in the host for longer than anybody lives.
#[tool]
pub(crate) fn attack_sleep_forever() -> Result<String> {
    monotonic_clock::subscribe_duration(u64::MAX).block();
    Ok("woke up".into())
}

/// How to allocate.
#[arguments]
#[serde(rename_all = "lowercase")]
pub(crate) enum How {
    /// One block of 3 GiB.
    Big,
    /// Blocks of 64 KiB, each written to, until one is refused.
    Small,
    /// As `small`, and then as if refusal could not happen.
    Abort,
}

/// How much to take.
#[arguments]
pub(crate) struct Allocate {
    how: How,
}

/// What was got.
#[result]
pub(crate) struct Allocated {
    /// Bytes.
    bytes: u64,
    /// The host refused more.
    refused: bool,
}

/// Takes all memory that it can get.
#[tool]
pub(crate) fn attack_allocate_memory(args: Allocate) -> Result<Allocated> {
    let mut bytes = 0_u64;
    let mut blocks: Vec<Vec<u8>> = Vec::new();
    let size = if matches!(args.how, How::Big) { 3 << 30 } else { 64 << 10 };
    let refused = loop {
        let mut block = Vec::new();
        if block.try_reserve_exact(size).is_err() || blocks.try_reserve(1).is_err() {
            break true;
        }
        block.resize(size, 0xA5);
        bytes += size as u64;
        blocks.push(black_box(block));
        if bytes >= 4 << 30 {
            break false;
        }
    };
    if matches!(args.how, How::Abort) {
        black_box(vec![1_u8; 1 << 30]);
    }
    Ok(Allocated { bytes, refused })
}

/// Which stack to fill.
#[arguments]
#[serde(rename_all = "lowercase")]
pub(crate) enum Stack {
    /// The engine's, with calls that keep nothing in memory.
    Calls,
    /// The guest's own, in its memory.
    Memory,
}

/// How to recurse.
#[arguments]
pub(crate) struct Recurse {
    /// `calls` if left out.
    stack: Option<Stack>,
}

#[inline(never)]
fn call_deeper(n: u64, end: u64) -> u64 {
    if n == end { 0 } else { call_deeper(n + 1, end).wrapping_mul(3) ^ n }
}

#[inline(never)]
fn keep_deeper(n: u64, end: u64) -> u64 {
    let kept = black_box([n; 64]);
    if n == end { 0 } else { keep_deeper(n + 1, end) ^ kept.iter().sum::<u64>() }
}

/// Calls itself until the stack is full.
#[tool]
pub(crate) fn attack_recurse(args: Recurse) -> Result<String> {
    let end = black_box(u64::MAX);
    Ok(match args.stack {
        None | Some(Stack::Calls) => call_deeper(0, end),
        Some(Stack::Memory) => keep_deeper(0, end),
    }
    .to_string())
}

/// Executes `unreachable`.
#[tool]
pub(crate) fn attack_trap() -> Result<String> {
    std::arch::wasm32::unreachable()
}

/// With which code to exit.
#[arguments]
pub(crate) struct Exit {
    /// 0 if left out: looks like success.
    code: Option<i32>,
}

/// Ends the process that it believes to be in.
#[tool]
pub(crate) fn attack_exit_process(args: Exit) -> Result<String> {
    std::process::exit(args.code.unwrap_or(0))
}

/// How many there were.
#[result]
pub(crate) struct Handles {
    /// Open at once.
    opened: usize,
    /// Why no more, if that was said.
    error: Option<String>,
}

const MANY: usize = 1_000_000;

/// Opens the same directory again and again and closes nothing.
#[tool]
pub(crate) fn attack_many_handles() -> Result<Handles> {
    let (directory, _) = get_directories().into_iter().next().context("no directory is granted")?;
    let mut open = Vec::new();
    for _ in 0..MANY {
        match directory.open_at(PathFlags::empty(), ".", OpenFlags::DIRECTORY, DescriptorFlags::READ) {
            Ok(handle) => open.push(handle),
            Err(error) => {
                return Ok(Handles { opened: open.len(), error: Some(error.to_string()) });
            }
        }
    }
    Ok(Handles { opened: open.len(), error: None })
}

/// Makes timers and forgets none of them.
#[tool]
pub(crate) fn attack_many_timers() -> Result<Handles> {
    let timers: Vec<_> = (0..MANY).map(|_| monotonic_clock::subscribe_duration(u64::MAX)).collect();
    Ok(Handles { opened: timers.len(), error: None })
}

/// Asks for more random bytes than fit anywhere.
#[tool]
pub(crate) fn attack_huge_random() -> Result<Handles> {
    Ok(Handles { opened: wasip2::random::random::get_random_bytes(u64::from(u32::MAX)).len(), error: None })
}
