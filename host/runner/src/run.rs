//! The runner, in order: self-test, facts, engine, lockdown, hello, ticket, calls.

use crate::arguments::{ArgumentError, Arguments};
use crate::grants::Roots;
use crate::inside;
use crate::lockdown::calls::Call;
use crate::lockdown::{self, LockdownError, Reach};
use crate::self_test::{self, Breach};
use crate::serve::{ServeError, Server};
use crate::session::Session;
use crate::workshop::Workshop;
use engine::{Engine, EngineError, Settings};
use protocol::{Hello, InsidePosture, TicketCheck};
use rustix::fs::{Mode, OFlags};
use std::io;

use std::os::fd::AsFd;
use std::path::Path;
use tokio::net::unix::pipe;
use tokio::runtime::Builder;

/// Calls at once that there is address space for: as many as a manifest can ask for. The ticket says how
/// many there may be.
const SLOTS: u32 = manifest::bounds::MAX_CONCURRENT_CALLS as u32;
/// The most memory of one call that a manifest can ask for.
const MAX_MEMORY_BYTES: u64 = manifest::bounds::MAX_MEMORY_BYTES;
/// Why the runner ended, each with an exit code of its own (sysexits where one fits).
#[derive(Debug, thiserror::Error)]
pub enum End {
    /// The command line.
    #[error(transparent)]
    Arguments(#[from] ArgumentError),
    /// Something forbidden succeeded.
    #[error(transparent)]
    SelfTest(#[from] Breach),
    /// The Wasm engine does not start.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A step of the lockdown.
    #[error(transparent)]
    Lockdown(#[from] LockdownError),
    /// Standard input or output, or the FIFOs.
    #[error("there are no pipes to a hub")]
    Pipes(#[source] io::Error),
    /// The event loop.
    #[error("the event loop cannot start")]
    EventLoop(#[source] io::Error),
    /// The nonce.
    #[error("no randomness")]
    Random(#[source] io::Error),
    /// Serving.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

impl End {
    /// The exit code.
    #[must_use]
    pub fn code(&self) -> i32 {
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

/// Runs to the end of its hub, which is the end of its input. `lacking` are calls that are taken off the list
/// of the second filter: none in the runner that ships, one at a time in the test that asks what each is for.
///
/// # Errors
/// [`End`].
pub fn run(arguments: Arguments, lacking: &[Call]) -> Result<(), End> {
    let mut lockdown = vec![lockdown::close_inherited()?, lockdown::outlive_large_files()?];
    let self_test = self_test::run(arguments.wall2)?;
    lockdown.push(lockdown::threads_by_clone()?);
    let facts = inside::facts();
    let mut nonce = [0; 32];
    // Before the lockdown: in a static program this opens `/dev/urandom`, and the random numbers of
    // guests come through the same descriptor later. Hash maps of schemas open one of their own.
    getrandom::fill(&mut nonce).map_err(|error| End::Random(error.into()))?;
    crate::schema::warm_up();
    // The first use of either asks the kernel for the auxiliary vector, by a `prctl` that is refused later.
    let _ = (rustix::param::page_size(), rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime));
    let engine = Engine::new(&Settings { slots: SLOTS, max_memory_bytes: MAX_MEMORY_BYTES })?;
    let roots = Roots::open(&arguments.artefacts, &arguments.mounts);
    let event_loop = Builder::new_current_thread().enable_io().enable_time().build().map_err(End::EventLoop)?;
    let (input, output) = pipes(&event_loop, arguments.frames.as_deref()).map_err(End::Pipes)?;

    lockdown.extend(lockdown::hide()?);
    let reach = Reach { read: vec![arguments.artefacts], write: arguments.mounts };
    lockdown.push(lockdown::confine(&reach)?);
    engine.start_ticker()?;
    lockdown.push(lockdown::allow_only_serving()?);
    lockdown::deny(lacking)?;

    let hello = Hello { version: protocol::VERSION, nonce, posture: InsidePosture { facts, self_test, lockdown } };
    let check = TicketCheck::new(arguments.hub_key, arguments.container, &nonce, arguments.posture);
    let server = Server::new(Session::new(check, SLOTS), Workshop::new(engine.clone(), roots));
    let served = event_loop.block_on(server.run(hello, input, output));
    // The ticker thread ends with the engine, and no thread may end before the process.
    std::mem::forget(engine);
    Ok(served?)
}

/// Without a hub at the other end the second one cannot be opened, and the runner ends.
fn pipes(event_loop: &tokio::runtime::Runtime, frames: Option<&Path>) -> io::Result<(pipe::Receiver, pipe::Sender)> {
    let _inside = event_loop.enter();
    if let Some(frames) = frames {
        let open = |name, access| {
            let flags = access | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            rustix::fs::open(frames.join(name), flags, Mode::empty())
        };
        let input = pipe::Receiver::from_owned_fd(open("in", OFlags::RDONLY)?)?;
        let output = pipe::Sender::from_owned_fd(open("out", OFlags::WRONLY)?)?;
        return Ok((input, output));
    }
    let input = pipe::Receiver::from_owned_fd(io::stdin().as_fd().try_clone_to_owned()?)?;
    let output = pipe::Sender::from_owned_fd(io::stdout().as_fd().try_clone_to_owned()?)?;
    Ok((input, output))
}
