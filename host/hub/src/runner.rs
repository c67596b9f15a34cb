//! One runner, from hello to end, over whatever two byte streams lead to it.
//!
//! The other side may be in hostile hands: an escape from a guest owns the runner's process. So everything it
//! says is held against what it was asked, and the first thing that does not fit ends it. Dropping a
//! [`Runner`] kills it.

mod belief;
mod call;
mod conversation;
mod egress;
mod end;
mod leash;
mod outlet;
#[cfg(test)]
mod patience;
mod pulse;
mod pump;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub(crate) use call::{Ended, Reached};
pub(crate) use end::{Departure, Fate, Reap, RunnerEnd, Verdict, Why};
pub(crate) use leash::Leash;
pub(crate) use pulse::SILENCE_S;

use container::ContainerName;
use conversation::Conversation;
use manifest::Digest;
use outlet::{Closed, Outlet};
use protocol::{Hello, ToRunner};
use pulse::Pulse;
use std::ops::Deref;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// From start to hello: self-test and lockdown included.
const HELLO_TIMEOUT: Duration = Duration::from_secs(20);
/// From ticket to ready: artefacts are hashed and mapped.
const READY_TIMEOUT: Duration = Duration::from_secs(20);

/// Two byte streams to a runner.
pub(crate) struct Streams {
    /// To it.
    pub(crate) input: Box<dyn AsyncWrite + Send + Unpin>,
    /// From it.
    pub(crate) output: Box<dyn AsyncRead + Send + Unpin>,
}

/// What the launcher knows of a container.
#[derive(Debug, Clone)]
pub(crate) struct Born {
    pub(crate) container: ContainerName,
    pub(crate) posture: Digest,
}

/// A runner that said hello.
pub(crate) struct Runner {
    shared: Owner,
    pub(crate) born: Born,
    pub(crate) hello: Hello,
}

/// What the runner's owner and its pump both touch.
struct Shared {
    outlet: Outlet,
    conversation: Mutex<Conversation>,
    /// The first reason to kill it.
    why: OnceLock<Why>,
    stop: CancellationToken,
    ended: CancellationToken,
    /// Whether a call that a person has to allow was, or is about to be, made of it.
    elevated: AtomicBool,
    pulse: Pulse,
    since: Instant,
    /// A request may have been refused.
    refused: Notify,
}

impl Runner {
    /// Waits for the hello on these streams. The task that carries the frames is tracked, and reaps the
    /// container when it ends.
    pub(crate) async fn meet(streams: Streams, born: Born, reap: Reap, tasks: &TaskTracker) -> Result<Self, RunnerEnd> {
        let Streams { input, output } = streams;
        let (hello, said) = oneshot::channel();
        let (to_runner, answers) = mpsc::channel(egress::MOST_WAITING);
        let shared = Arc::new(Shared {
            outlet: Outlet::new(input),
            conversation: Mutex::new(Conversation::new(hello, to_runner)),
            why: OnceLock::new(),
            stop: CancellationToken::new(),
            ended: CancellationToken::new(),
            elevated: AtomicBool::new(false),
            pulse: Pulse::default(),
            since: Instant::now(),
            refused: Notify::new(),
        });
        tasks.spawn(pump::run(shared.clone(), output, answers, reap));
        // From here on: if whoever waits gives up, the runner ends.
        let shared = Owner(shared);
        match timeout(HELLO_TIMEOUT, said).await {
            Ok(Ok(hello)) => Ok(Self { shared, born, hello }),
            Ok(Err(_)) => Err(shared.last_words().await),
            Err(_) => {
                shared.kill(Why::NoHello);
                Err(shared.last_words().await)
            }
        }
    }

    /// Hands it a ticket, the first or a newer one, and waits until it is in force.
    pub(crate) async fn assign(&self, serial: u64, jws: String) -> Result<(), RunnerEnd> {
        self.shared.pulse.used();
        let answer = self.shared.talk().expect_ready(serial)?;
        // Whoever gives up while the pipe is full has sent nothing; later, the runner still owes its `Ready`.
        let unsent = UnsentTicket { shared: &self.shared, serial };
        self.send(&ToRunner::Ticket(jws)).await?;
        std::mem::forget(unsent);
        match timeout(READY_TIMEOUT, answer).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(self.shared.last_words().await),
            Err(_) => {
                self.kill(Why::NotReady);
                Err(self.shared.last_words().await)
            }
        }
    }

    /// Ends it now. The first reason counts.
    pub(crate) fn kill(&self, why: Why) {
        self.shared.kill(why);
    }

    /// Whether it can still be used.
    pub(crate) fn lives(&self) -> bool {
        !self.shared.stop.is_cancelled() && !self.shared.ended.is_cancelled()
    }

    /// Calls that run in it.
    pub(crate) fn open_calls(&self) -> usize {
        self.shared.talk().open_calls()
    }

    /// A token that is cancelled when it has ended and its container is reaped.
    pub(crate) fn ended(&self) -> CancellationToken {
        self.shared.ended.clone()
    }

    /// A hold on it for whoever may have to end it, which keeps it from nothing.
    pub(crate) fn leash(&self) -> Leash {
        Leash::of(self.born.container.clone(), &self.shared)
    }

    async fn send(&self, message: &ToRunner) -> Result<(), RunnerEnd> {
        self.shared.send(message).await
    }
}

/// Whoever drops it kills the runner.
struct Owner(Arc<Shared>);

impl Deref for Owner {
    type Target = Arc<Shared>;
    fn deref(&self) -> &Arc<Shared> {
        &self.0
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.kill(Why::Released);
    }
}

/// A ticket on its way to the pipe; dropped there, no `Ready` is waited for.
struct UnsentTicket<'a> {
    shared: &'a Shared,
    serial: u64,
}

impl Drop for UnsentTicket<'_> {
    fn drop(&mut self) {
        self.shared.talk().withdraw_ticket(self.serial);
    }
}

impl Shared {
    fn talk(&self) -> MutexGuard<'_, Conversation> {
        self.conversation.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kill(&self, why: Why) {
        // A later reason is only a consequence of the first.
        drop(self.why.set(why));
        self.stop.cancel();
    }

    async fn send(&self, message: &ToRunner) -> Result<(), RunnerEnd> {
        let mut frame = Vec::new();
        if let Err(error) = protocol::encode(message, &mut frame) {
            // Arguments and tickets are bounded far below a frame: a fault of ours, and nobody else's.
            self.kill(Why::Fault(error.to_string()));
            return Err(self.last_words().await);
        }
        match self.outlet.send(frame).await {
            Ok(()) => Ok(()),
            Err(Closed) => Err(self.last_words().await),
        }
    }

    /// Waits until it has ended, and says why.
    async fn last_words(&self) -> RunnerEnd {
        self.ended.cancelled().await;
        self.talk().ended().cloned().unwrap_or_default()
    }
}
