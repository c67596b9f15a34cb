//! Using up what the engine has: time, memory, stack, handles; and ending in every wrong way.

use crate::paths::Came;
use safeclaw_sdk::prelude::*;
use std::hint::black_box;
use std::io::Read as _;
use wasip2::clocks::monotonic_clock;
use wasip2::filesystem::preopens::get_directories;
use wasip2::filesystem::types::{Descriptor, DescriptorFlags, ErrorCode, OpenFlags, PathFlags};

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
#[derive(Clone, Copy)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum HostCall {
    /// Reads the clock.
    Clock,
    /// Asks for random bytes.
    Random,
    /// Waits for no time at all.
    Poll,
    /// Waits for one timer, named nine hundred times.
    PollMany,
    /// Asks which directories are granted.
    Preopens,
    /// Asks what the granted directory is.
    Stat,
    /// Asks for a name that is not there.
    StatAbsent,
    /// Reads the granted directory from its beginning to its end.
    List,
    /// Opens the granted directory and reads one entry.
    ListOne,
    /// Writes a line to the log.
    Log,
    /// Says that there is progress.
    Progress,
    /// Writes to standard output.
    Output,
    /// Writes nothing to standard output.
    OutputNothing,
    /// Reads standard input.
    Input,
    /// Reads the environment.
    Environment,
}

impl HostCall {
    fn once(self) -> Result<()> {
        match self {
            Self::Clock => drop(black_box(monotonic_clock::now())),
            Self::Random => drop(black_box(wasip2::random::random::get_random_bytes(4096))),
            Self::Poll => monotonic_clock::subscribe_duration(0).block(),
            Self::PollMany => {
                let timer = monotonic_clock::subscribe_duration(0);
                drop(black_box(wasip2::io::poll::poll(&vec![&timer; 900])));
            }
            Self::Preopens => drop(black_box(get_directories())),
            Self::Stat => drop(black_box(granted()?.stat())),
            Self::StatAbsent => drop(black_box(granted()?.stat_at(PathFlags::empty(), "absent"))),
            Self::List => {
                let entries = granted()?.read_directory()?;
                while black_box(entries.read_directory_entry()?).is_some() {}
            }
            Self::ListOne => drop(black_box(granted()?.read_directory()?.read_directory_entry())),
            Self::Log => log::info!("x"),
            Self::Progress => progress(1.0, None, None),
            Self::Output => print!("x"),
            Self::OutputNothing => drop(black_box(wasip2::cli::stdout::get_stdout().write(&[]))),
            Self::Input => drop(black_box(std::io::stdin().read(&mut [0; 16]))),
            Self::Environment => drop(black_box(wasip2::cli::environment::get_environment())),
        }
        Ok(())
    }
}

fn granted() -> Result<Descriptor> {
    Ok(get_directories().into_iter().next().context("no directory is granted")?.0)
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
        args.call.unwrap_or(HostCall::Clock).once()?;
    }
}

/// How often.
#[arguments]
pub(crate) struct Repeat {
    call: HostCall,
    /// This often.
    times: u32,
}

/// Makes one host call a number of times, for what a single one costs.
#[tool]
pub(crate) fn attack_repeat_host_call(args: Repeat) -> Result<Came> {
    for _ in 0..args.times {
        args.call.once()?;
    }
    Ok(Came::done())
}

/// In what to wait.
#[arguments]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Wait {
    /// For the longest time that there is.
    Duration,
    /// For the last moment that there is.
    Instant,
    /// For one of many timers.
    Timers,
    /// By std.
    Std,
}

/// How to sleep.
#[arguments]
pub(crate) struct Sleep {
    /// `duration` if left out.
    wait: Option<Wait>,
}

/// Waits in the host for longer than anybody lives.
#[tool]
pub(crate) fn attack_sleep_forever(args: Sleep) -> Result<String> {
    match args.wait {
        None | Some(Wait::Duration) => monotonic_clock::subscribe_duration(u64::MAX).block(),
        Some(Wait::Instant) => monotonic_clock::subscribe_instant(u64::MAX).block(),
        Some(Wait::Timers) => {
            let timers: Vec<_> = (0..500).map(|n| monotonic_clock::subscribe_duration(u64::MAX - n)).collect();
            wasip2::io::poll::poll(&timers.iter().collect::<Vec<_>>());
        }
        Some(Wait::Std) => std::thread::sleep(std::time::Duration::MAX),
    }
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
    /// All pages that an address can name, at once.
    Pages,
    /// Page by page, none of them touched.
    PageByPage,
    /// Page by page, by a program that goes on asking after it was refused.
    Insist,
    /// Blocks that grow and are never given back.
    Doubling,
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
    let page = |pages: usize| std::arch::wasm32::memory_grow::<0>(pages) != usize::MAX;
    match args.how {
        How::Pages => return Ok(Allocated { bytes: 0, refused: !page(1 << 16) }),
        How::PageByPage => {
            let pages = std::iter::repeat_with(|| page(1)).take(1 << 16).take_while(|grown| *grown).count();
            return Ok(Allocated { bytes: (pages as u64) << 16, refused: pages < 1 << 16 });
        }
        How::Insist => loop {
            black_box(page(1));
        },
        How::Doubling => {
            let mut text = String::from("x");
            loop {
                text = black_box(text.repeat(2));
            }
        }
        How::Big | How::Small | How::Abort => {}
    }
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

/// How to end.
#[arguments]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Fault {
    /// Executes `unreachable`.
    Unreachable,
    /// Divides by zero.
    Divide,
    /// Reads where no memory is.
    OutOfBounds,
    /// Calls an entry of its table that is none.
    NoFunction,
    /// Panics.
    Panic,
    /// Panics with a megabyte of words.
    LongPanic,
    /// Aborts.
    Abort,
    /// Takes a pointer for a handle of the host's.
    ForgedHandle,
    /// Gives back a handle twice.
    TwiceDropped,
}

/// With what to end.
#[arguments]
pub(crate) struct Trap {
    /// `unreachable` if left out.
    fault: Option<Fault>,
}

/// Ends in a trap.
#[tool]
#[expect(unsafe_code, reason = "an attacker's program knows no safety")]
pub(crate) fn attack_trap(args: Trap) -> Result<String> {
    match args.fault {
        None | Some(Fault::Unreachable) => std::arch::wasm32::unreachable(),
        Some(Fault::Divide) => {
            // SAFETY: the instruction traps, which is what is wanted.
            let n = unsafe { std::hint::black_box(1_u32).checked_div(black_box(0)).unwrap_unchecked() };
            black_box(n);
            std::arch::wasm32::unreachable()
        }
        // SAFETY: none; there is a wall below.
        Some(Fault::OutOfBounds) => Ok(unsafe { *black_box(usize::MAX as *const u8) }.to_string()),
        Some(Fault::NoFunction) => {
            // SAFETY: none; there is a wall below.
            let call: fn() -> u32 = unsafe { std::mem::transmute(black_box(19_999_usize)) };
            Ok(call().to_string())
        }
        Some(Fault::Panic) => panic!("as a tool with a fault does"),
        Some(Fault::LongPanic) => panic!("{}", "x".repeat(1 << 20)),
        Some(Fault::Abort) => std::process::abort(),
        Some(Fault::ForgedHandle) => {
            // SAFETY: none; there is a wall below.
            let forged = unsafe { Descriptor::from_handle(black_box(77)) };
            Ok(format!("{:?}", forged.stat()))
        }
        Some(Fault::TwiceDropped) => {
            let timer = monotonic_clock::subscribe_duration(0);
            // SAFETY: none; there is a wall below.
            let again = unsafe { wasip2::io::poll::Pollable::from_handle(timer.handle()) };
            drop(timer);
            drop(again);
            Ok("dropped twice".into())
        }
    }
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

/// Of what.
#[arguments]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Handle {
    /// The granted directory, opened again and again.
    Directories,
    /// One file of it.
    Files,
    /// Streams from one file: what the guest holds is the stream, and what is open is the file.
    Streams,
    /// Listings of which one entry was read.
    Listings,
    /// What is granted, asked for again and again.
    Preopens,
    /// Standard output.
    Outputs,
}

/// What to hoard.
#[arguments]
pub(crate) struct Hoard {
    /// `directories` if left out.
    what: Option<Handle>,
    /// So many, and then an answer; without end if left out.
    most: Option<usize>,
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

/// Opens something again and again and closes nothing.
#[tool]
pub(crate) fn attack_many_handles(args: Hoard) -> Result<Handles> {
    let most = args.most.unwrap_or(MANY);
    let mut held: Vec<Box<dyn std::any::Any>> = Vec::new();
    let what = args.what.unwrap_or(Handle::Directories);
    for opened in 0..most {
        let one = || -> Result<Box<dyn std::any::Any>, ErrorCode> {
            let open = |path, how| granted_raw()?.open_at(PathFlags::empty(), path, how, DescriptorFlags::READ);
            Ok(match what {
                Handle::Directories => Box::new(open(".", OpenFlags::DIRECTORY)?),
                Handle::Files => Box::new(open("README.md", OpenFlags::empty())?),
                Handle::Streams => Box::new(open("README.md", OpenFlags::empty())?.read_via_stream(0)?),
                Handle::Listings => {
                    let listing = granted_raw()?.read_directory()?;
                    listing.read_directory_entry()?;
                    Box::new(listing)
                }
                Handle::Preopens => Box::new(get_directories()),
                Handle::Outputs => Box::new(wasip2::cli::stdout::get_stdout()),
            })
        };
        match one() {
            Ok(handle) => held.push(handle),
            Err(error) => return Ok(Handles { opened, error: Some(error.name().to_owned()) }),
        }
    }
    Ok(Handles { opened: most, error: None })
}

fn granted_raw() -> Result<Descriptor, ErrorCode> {
    let (directory, _) = get_directories().into_iter().next().ok_or(ErrorCode::BadDescriptor)?;
    Ok(directory)
}

/// Makes timers and forgets none of them.
#[tool]
pub(crate) fn attack_many_timers() -> Result<Handles> {
    let timers: Vec<_> = (0..MANY).map(|_| monotonic_clock::subscribe_duration(u64::MAX)).collect();
    Ok(Handles { opened: timers.len(), error: None })
}

/// How many.
#[arguments]
pub(crate) struct Random {
    /// 4 GiB if left out.
    bytes: Option<u64>,
    /// Asks again and again and keeps all.
    keep: Option<bool>,
    /// Of the generator that is not for secrets.
    insecure: Option<bool>,
}

/// Asks for more random bytes than fit anywhere.
#[tool]
pub(crate) fn attack_huge_random(args: Random) -> Result<Handles> {
    let bytes = args.bytes.unwrap_or(u64::from(u32::MAX));
    let once = || match args.insecure {
        Some(true) => wasip2::random::insecure::get_insecure_random_bytes(bytes),
        _ => wasip2::random::random::get_random_bytes(bytes),
    };
    let mut kept = vec![once()];
    while args.keep == Some(true) {
        kept.push(black_box(once()));
    }
    Ok(Handles { opened: kept.iter().map(Vec::len).sum(), error: None })
}

/// Through which host call.
#[arguments]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Carrier {
    /// A log message.
    Log,
    /// What a progress report says.
    Progress,
    /// A path.
    Path,
    /// A write to standard output.
    Output,
    /// A list of pollables.
    Poll,
}

/// What to hand to the host.
#[arguments]
pub(crate) struct Carry {
    through: Carrier,
    /// Bytes; for `poll`, handles.
    n: usize,
}

/// Hands the host a great deal in one call.
#[tool]
pub(crate) fn attack_host_call_data(args: Carry) -> Result<Came> {
    match args.through {
        Carrier::Log => log::info!("{}", "x".repeat(args.n)),
        Carrier::Progress => progress(1.0, None, "x".repeat(args.n).as_str()),
        Carrier::Path => {
            let path = "x/".repeat(args.n / 2);
            let opened = granted()?.open_at(PathFlags::empty(), &path, OpenFlags::empty(), DescriptorFlags::READ);
            return Ok(Came::of(opened.map(|_| None)));
        }
        Carrier::Output => drop(black_box(wasip2::cli::stdout::get_stdout().write(&vec![b'x'; args.n]))),
        Carrier::Poll => {
            let timer = monotonic_clock::subscribe_duration(0);
            drop(black_box(wasip2::io::poll::poll(&vec![&timer; args.n])));
        }
    }
    Ok(Came::done())
}
