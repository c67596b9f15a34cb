//! Serves one hub over two pipes until the hub closes its end: frames in, calls side by side on this one
//! thread, frames out in as few writes as possible.

use crate::lockdown::{self, LockdownError};
use crate::outbox::Outbox;
use crate::requests::Requests;
use crate::session::{Session, Step, Violation};
use crate::work;
use crate::workshop::{Workshop, chain};
use futures_util::FutureExt;
use futures_util::future::{AbortHandle, Abortable, LocalBoxFuture};
use futures_util::stream::{FuturesUnordered, StreamExt};
use protocol::{
    CallId, Decoder, Done, FrameError, FromRunner, Hello, Limit, MAX_FRAME_BYTES, Outcome, Ticket, ToRunner, Usage,
};
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;

/// Bytes for which there is room at each read, at least.
const CHUNK_BYTES: usize = 64 << 10;
/// Calls that may end before what they say leaves: 32 short calls in one write are 32 writes less, and the first
/// of them waits for the others no longer than they run.
const ENDS: usize = 32;
/// A longer write is split by the pipe in any case.
const WRITE_BYTES: usize = 64 << 10;
/// How long a last word may take: the hub may not be reading any more.
const LAST_WORD: Duration = Duration::from_secs(5);

/// Why serving ended, other than by the hub closing its end.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A ticket was refused.
    #[error("the ticket was refused: {0}")]
    Refused(String),
    /// Bytes that are no frame of ours.
    #[error("the hub broke the protocol")]
    Frame(#[source] FrameError),
    /// A message at the wrong time.
    #[error("the hub broke the protocol: {0}")]
    Violation(Violation),
    /// A message of ours that does not fit a frame.
    #[error("a message cannot be written")]
    Unwritable(#[source] FrameError),
    /// A pipe failed.
    #[error("the pipe to the hub failed")]
    Pipe(#[source] io::Error),
    /// The last filter could not be set.
    #[error(transparent)]
    Lockdown(LockdownError),
}

/// The runner between its hello and its end.
pub struct Server {
    session: Session,
    workshop: Workshop,
    outbox: Outbox,
    requests: Requests,
    calls: FuturesUnordered<LocalBoxFuture<'static, (CallId, Option<FromRunner>)>>,
    running: BTreeMap<CallId, AbortHandle>,
}

impl Server {
    /// Nothing has been said yet.
    #[must_use]
    pub fn new(session: Session, workshop: Workshop) -> Self {
        let outbox = Outbox::default();
        let requests = Requests::new(outbox.clone());
        Self { session, workshop, outbox, requests, calls: FuturesUnordered::new(), running: BTreeMap::new() }
    }

    /// Says hello and serves until the hub closes its end.
    ///
    /// # Errors
    /// [`ServeError`], after the last words were written.
    pub async fn run(
        mut self,
        hello: Hello,
        input: pipe::Receiver,
        mut output: pipe::Sender,
    ) -> Result<(), ServeError> {
        self.say(&FromRunner::Hello(hello))?;
        let end = self.serve(input, &mut output).await;
        if end.is_err() {
            let mut rest = Vec::new();
            self.outbox.take(&mut rest);
            // It ends in any case; whether this was heard is the hub's affair.
            let _ = tokio::time::timeout(LAST_WORD, output.write_all(&rest)).await;
        }
        end
    }

    async fn serve(&mut self, mut input: pipe::Receiver, output: &mut pipe::Sender) -> Result<(), ServeError> {
        let mut decoder = Decoder::new();
        let mut leaving = Vec::new();
        let mut sent = 0;
        loop {
            if sent == leaving.len() {
                self.outbox.take(&mut leaving);
                sent = 0;
            }
            let rest = leaving.get(sent..).unwrap_or_default();
            tokio::select! {
                biased;
                written = output.write(rest), if !rest.is_empty() => {
                    sent = sent.saturating_add(written.map_err(ServeError::Pipe)?);
                }
                () = self.outbox.filled(), if rest.is_empty() => {}
                // While the hub does not read, nothing more is taken on: that is its back-pressure.
                read = input.read_buf(decoder.room(CHUNK_BYTES)), if self.outbox.has_room() => {
                    if read.map_err(ServeError::Pipe)? == 0 {
                        return Ok(());
                    }
                    while let Some(message) = decoder.next::<ToRunner>().map_err(ServeError::Frame)? {
                        self.on(message)?;
                    }
                }
                Some(ended) = self.calls.next() => {
                    self.ended(ended)?;
                    for _ in 1..ENDS {
                        if self.outbox.bytes() >= WRITE_BYTES {
                            break;
                        }
                        let Some(Some(ended)) = self.calls.next().now_or_never() else { break };
                        self.ended(ended)?;
                    }
                }
            }
        }
    }

    fn on(&mut self, message: ToRunner) -> Result<(), ServeError> {
        match self.session.on(message, now_unix_s()).map_err(ServeError::Violation)? {
            Step::Install(ticket) => self.install(&ticket),
            Step::Renew(ticket) => match self.workshop.renew(&ticket) {
                Ok(()) => self.say(&FromRunner::Ready(ticket.serial)),
                Err(fault) => self.refuse(chain(&fault)),
            },
            Step::Refuse(why) => self.refuse(why),
            Step::Start(call) => {
                let id = call.id;
                match self.workshop.tool(&call.tool) {
                    Some(Ok(tool)) => {
                        let work = work::call(Rc::clone(tool), call, self.outbox.clone(), self.requests.clone());
                        self.start(id, work);
                        Ok(())
                    }
                    Some(Err(why)) => {
                        let why = why.clone();
                        self.finish(id, &done(id, Outcome::Denied(why)))
                    }
                    None => {
                        self.finish(id, &done(id, Outcome::Denied("the ticket does not name this tool".to_owned())))
                    }
                }
            }
            Step::Describe(id, component) => match self.workshop.nameless(&component) {
                Ok(prepared) => {
                    self.start(id, work::description(prepared, id));
                    Ok(())
                }
                Err(why) => self.finish(id, &FromRunner::Described(id, Err(why))),
            },
            Step::Stop(id) => {
                if let Some(task) = self.running.get(&id) {
                    task.abort();
                }
                Ok(())
            }
            Step::Http(message) => self.requests.on(message).map_err(|breach| ServeError::Violation(breach.into())),
            Step::Answer(message) => self.say(&message),
            Step::Nothing => Ok(()),
        }
    }

    fn install(&mut self, ticket: &Ticket) -> Result<(), ServeError> {
        if let Err(fault) = self.workshop.install(ticket) {
            return self.refuse(chain(&fault));
        }
        lockdown::deny_new_code().map_err(ServeError::Lockdown)?;
        self.say(&FromRunner::Ready(ticket.serial))
    }

    /// Not a task of the event loop: a call that ends is heard in the very poll in which it ended, where a task
    /// would wake this one, and that took another look at the pipes.
    fn start(&mut self, id: CallId, work: impl Future<Output = FromRunner> + 'static) {
        let (handle, registration) = AbortHandle::new_pair();
        let work = Abortable::new(work, registration);
        self.calls.push(Box::pin(async move { (id, work.await.ok()) }));
        self.running.insert(id, handle);
    }

    fn ended(&mut self, (id, message): (CallId, Option<FromRunner>)) -> Result<(), ServeError> {
        let message = message.unwrap_or_else(|| done(id, Outcome::Cancelled));
        self.finish(id, &message)
    }

    fn finish(&mut self, id: CallId, message: &FromRunner) -> Result<(), ServeError> {
        self.running.remove(&id);
        self.session.ended(id);
        // Before its end is said: the hub knows of no request of a call that has ended.
        self.requests.end_call(id).map_err(ServeError::Unwritable)?;
        match self.outbox.push(message) {
            // The tool's own `result_bytes` let it pass; the frame is the last bound.
            Err(FrameError::TooLong { .. }) => {
                self.say(&done(id, Outcome::Limit(Limit::Result, MAX_FRAME_BYTES as u64)))
            }
            other => other.map_err(ServeError::Unwritable),
        }
    }

    fn refuse(&mut self, why: String) -> Result<(), ServeError> {
        self.say(&FromRunner::Refused(why.clone()))?;
        Err(ServeError::Refused(why))
    }

    fn say(&mut self, message: &FromRunner) -> Result<(), ServeError> {
        self.outbox.push(message).map_err(ServeError::Unwritable)
    }
}

fn done(id: CallId, outcome: Outcome) -> FromRunner {
    FromRunner::Done(Done { id, outcome, usage: Usage::default() })
}

fn now_unix_s() -> u64 {
    // A clock before 1970 cannot be right: every ticket has then expired.
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(u64::MAX, |since| since.as_secs())
}
