//! The runner, in order: arguments, self-test, facts, engine, lockdown, hello, ticket, calls.

use engine::{Engine, EngineError, Settings};
use protocol::{Hello, InsidePosture, TicketCheck};
use runner::arguments::{ArgumentError, Arguments};
use runner::grants::Roots;
use runner::inside;
use runner::lockdown::{self, LockdownError, Reach};
use runner::self_test::{self, Breach};
use runner::serve::{ServeError, Server};
use runner::session::Session;
use runner::workshop::Workshop;
use std::io::{self, Write};
use std::os::fd::AsFd;
use tokio::net::unix::pipe;
use tokio::runtime::Builder;
use tokio::task::LocalSet;

/// Calls at once that there is address space for: as many as a manifest can ask for. The ticket says how
/// many there may be.
const SLOTS: u32 = manifest::bounds::MAX_CONCURRENT_CALLS as u32;
/// The most memory of one call that a manifest can ask for.
const MAX_MEMORY_BYTES: u64 = manifest::bounds::MAX_MEMORY_BYTES;
/// A line of diagnostics is cut here; it goes to an operator's log.
const MAX_LINE_CHARS: usize = 2_048;

/// Why the runner ended, each with an exit code of its own (sysexits where one fits).
#[derive(Debug, thiserror::Error)]
enum End {
    #[error(transparent)]
    Arguments(#[from] ArgumentError),
    #[error(transparent)]
    SelfTest(#[from] Breach),
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    Lockdown(#[from] LockdownError),
    #[error("standard input and output must be the hub's pipes")]
    Pipes(#[source] io::Error),
    #[error("the event loop cannot start")]
    EventLoop(#[source] io::Error),
    #[error("no randomness")]
    Random(#[source] io::Error),
    #[error(transparent)]
    Serve(#[from] ServeError),
}

impl End {
    fn code(&self) -> i32 {
        match self {
            Self::Arguments(_) => 64,
            Self::Engine(_) | Self::EventLoop(_) | Self::Random(_) => 70,
            Self::SelfTest(_) => 71,
            Self::Lockdown(_) | Self::Serve(ServeError::Lockdown(_)) => 72,
            Self::Pipes(_) | Self::Serve(ServeError::Pipe(_)) => 74,
            Self::Serve(ServeError::Refused(_)) => 77,
            Self::Serve(_) => 76,
        }
    }
}

fn main() {
    end_on_panic();
    let code = match run() {
        Ok(()) => 0,
        Err(end) => {
            complain(&end);
            end.code()
        }
    };
    // All threads at once and without destructors: the second filter kills a thread that ends alone.
    std::process::exit(code);
}

fn run() -> Result<(), End> {
    let mut lockdown = vec![lockdown::close_inherited()?, lockdown::outlive_large_files()?];
    let arguments = Arguments::read(std::env::args_os().skip(1))?;
    let self_test = self_test::run(arguments.wall2)?;
    lockdown.push(lockdown::threads_by_clone()?);
    let facts = inside::facts();
    let mut nonce = [0; 32];
    // Before the lockdown: in a static program this opens `/dev/urandom`, and the random numbers of
    // guests come through the same descriptor later. Hash maps of schemas open one of their own.
    getrandom::fill(&mut nonce).map_err(|error| End::Random(error.into()))?;
    runner::schema::warm_up();
    // The first use of either asks the kernel for the auxiliary vector, by a `prctl` that is refused later.
    let _ = (rustix::param::page_size(), rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime));
    let engine = Engine::new(&Settings { slots: SLOTS, max_memory_bytes: MAX_MEMORY_BYTES })?;
    let roots = Roots::open(&arguments.artefacts, &arguments.mounts);
    let event_loop = Builder::new_current_thread().enable_io().enable_time().build().map_err(End::EventLoop)?;
    let (input, output) = pipes(&event_loop).map_err(End::Pipes)?;

    lockdown.extend(lockdown::hide()?);
    let reach = Reach { read: vec![arguments.artefacts], write: arguments.mounts };
    lockdown.push(lockdown::confine(&reach)?);
    engine.start_ticker()?;
    lockdown.push(lockdown::allow_only_serving()?);

    let hello = Hello { version: protocol::VERSION, nonce, posture: InsidePosture { facts, self_test, lockdown } };
    let check = TicketCheck::new(arguments.hub_key, arguments.container, &nonce, arguments.posture);
    let server = Server::new(Session::new(check, SLOTS), Workshop::new(engine.clone(), roots));
    let served = LocalSet::new().block_on(&event_loop, server.run(hello, input, output));
    // The ticker thread ends with the engine, and no thread may end before the process.
    std::mem::forget(engine);
    Ok(served?)
}

fn pipes(event_loop: &tokio::runtime::Runtime) -> io::Result<(pipe::Receiver, pipe::Sender)> {
    let _inside = event_loop.enter();
    let input = pipe::Receiver::from_owned_fd(io::stdin().as_fd().try_clone_to_owned()?)?;
    let output = pipe::Sender::from_owned_fd(io::stdout().as_fd().try_clone_to_owned()?)?;
    Ok((input, output))
}

/// A panic says where, never what: its text could be a guest's. It ends the process in every profile: what
/// a guest brought into an unforeseen state serves nobody else.
fn end_on_panic() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(String::new, |place| format!(" at {}:{}", place.file(), place.line()));
        let _ = writeln!(io::stderr(), "runner: panic{place}");
        std::process::abort();
    }));
}

/// One bounded line with the whole chain of causes.
fn complain(end: &End) {
    let mut line = format!("runner: {end}");
    let mut cause = std::error::Error::source(end);
    while let Some(error) = cause {
        line = format!("{line}: {error}");
        cause = error.source();
    }
    let line: String = line.chars().filter(|c| !c.is_control()).take(MAX_LINE_CHARS).collect();
    let _ = writeln!(io::stderr(), "{line}");
}
