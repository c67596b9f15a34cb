//! Serves one hub over two pipes until the hub closes its end: frames in, calls as tasks of this one
//! thread, frames out in as few writes as possible.

use crate::lockdown::{self, LockdownError};
use crate::outbox::Outbox;
use crate::session::{Session, Step, Violation};
use crate::work;
use crate::workshop::{Workshop, chain};
use protocol::{
    CallId, Decoder, Done, FrameError, FromRunner, Hello, Limit, MAX_FRAME_BYTES, Outcome, Ticket, ToRunner, Usage,
};
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;
use tokio::task::{AbortHandle, JoinError, JoinSet};

/// Bytes read at once.
const CHUNK_BYTES: usize = 64 << 10;
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
    tasks: JoinSet<FromRunner>,
    running: BTreeMap<CallId, AbortHandle>,
}

impl Server {
    /// Nothing has been said yet.
    #[must_use]
    pub fn new(session: Session, workshop: Workshop) -> Self {
        Self { session, workshop, outbox: Outbox::default(), tasks: JoinSet::new(), running: BTreeMap::new() }
    }

    /// Says hello and serves until the hub closes its end. Runs inside of a `LocalSet`.
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
            let rest = self.outbox.take();
            // It ends in any case; whether this was heard is the hub's affair.
            let _ = tokio::time::timeout(LAST_WORD, output.write_all(&rest)).await;
        }
        end
    }

    async fn serve(&mut self, mut input: pipe::Receiver, output: &mut pipe::Sender) -> Result<(), ServeError> {
        let mut decoder = Decoder::new();
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut leaving = Vec::new();
        let mut sent = 0;
        loop {
            if sent == leaving.len() {
                leaving = self.outbox.take();
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
                read = input.read(&mut chunk), if self.outbox.has_room() => {
                    let read = read.map_err(ServeError::Pipe)?;
                    if read == 0 {
                        return Ok(());
                    }
                    decoder.push(chunk.get(..read).unwrap_or_default());
                    while let Some(message) = decoder.next::<ToRunner>().map_err(ServeError::Frame)? {
                        self.on(message)?;
                    }
                }
                Some(ended) = self.tasks.join_next_with_id() => self.ended(ended)?,
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
                        let work = work::call(Rc::clone(tool), call, self.outbox.clone());
                        let task = self.tasks.spawn_local(work);
                        self.running.insert(id, task);
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
                    let task = self.tasks.spawn_local(work::description(prepared, id));
                    self.running.insert(id, task);
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

    fn ended(&mut self, ended: Result<(tokio::task::Id, FromRunner), JoinError>) -> Result<(), ServeError> {
        let task = match &ended {
            Ok((task, _)) => *task,
            Err(error) => error.id(),
        };
        let Some(id) = self.running.iter().find(|(_, handle)| handle.id() == task).map(|(id, _)| *id) else {
            return Ok(());
        };
        let message = match ended {
            Ok((_, message)) => message,
            Err(error) if error.is_cancelled() => done(id, Outcome::Cancelled),
            Err(_) => done(id, Outcome::Broken("the runner panicked".to_owned())),
        };
        self.finish(id, &message)
    }

    fn finish(&mut self, id: CallId, message: &FromRunner) -> Result<(), ServeError> {
        self.running.remove(&id);
        self.session.ended(id);
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
