//! Questions and answers by number. The end of the connection, or one frame that is none, answers every question
//! that is open, and every later one, with "gone".

use super::Known;
use crate::launcher::LauncherError;
use crate::launcher::ward::Wards;
use crate::launcher::wire::{self, Ask, Inbox, MOST_OPEN, Outbox, Outgoing, Reply, Request, Told};
use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::UnixStream;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;

/// Of the questions that may be open, those that end something: an engine that makes nothing must not keep a hub
/// from ending what it made.
const ENDS: usize = MOST_OPEN / 8;
/// All others.
const OTHERS: usize = MOST_OPEN / 2 - ENDS;

/// An answer and what came with it.
#[derive(Debug)]
pub(in crate::launcher) struct Answer {
    pub(in crate::launcher) reply: Reply,
    pub(in crate::launcher) descriptors: Vec<OwnedFd>,
}

/// Who waits for which answer. Whoever gives up waiting does not make the launcher's work less, so the turn ends
/// with the answer.
type Waiting = HashMap<u64, (oneshot::Sender<Answer>, OwnedSemaphorePermit)>;

/// One connection to a launcher.
#[derive(Debug)]
pub(in crate::launcher) struct Connection {
    outbox: Outbox,
    /// `None` once it is over.
    waiting: Arc<Mutex<Option<Waiting>>>,
    next: AtomicU64,
    ends: Arc<Semaphore>,
    others: Arc<Semaphore>,
    over: Arc<Notify>,
    /// Dropped with it: the launcher then sees the end, and ends what it made.
    _tasks: JoinSet<()>,
}

impl Connection {
    pub(super) fn new(stream: UnixStream, wards: Arc<Wards<Known>>) -> Self {
        let (from, to) = stream.into_split();
        let (outbox, frames) = mpsc::channel(MOST_OPEN);
        let waiting = Arc::new(Mutex::new(Some(Waiting::new())));
        let over = Arc::new(Notify::new());
        let mut tasks = JoinSet::new();
        let (ended, answers) = (Arc::clone(&over), Arc::clone(&waiting));
        tasks.spawn(async move {
            let hearing = hear(Inbox::with_descriptors(from), &answers, &wards);
            let why = tokio::select! {
                heard = hearing => heard.err(),
                written = wire::write(to, frames) => written.err(),
                () = ended.notified() => None,
            };
            finish(&answers, &ended, why.as_ref());
            // Whoever waits for the end of a container learns that nobody will tell it.
            wards.abandon();
        });
        let (ends, others) = (Arc::new(Semaphore::new(ENDS)), Arc::new(Semaphore::new(OTHERS)));
        Self { outbox, waiting, next: AtomicU64::new(0), ends, others, over, _tasks: tasks }
    }

    /// Asks, and waits for the answer.
    pub(super) async fn ask(&self, ask: Ask) -> Result<Answer, LauncherError> {
        let ends = matches!(ask, Ask::Kill(_) | Ask::RemoveLeftovers { .. });
        let turn = if ends { &self.ends } else { &self.others };
        // Never closed.
        let turn = Arc::clone(turn).acquire_owned().await.map_err(|_| LauncherError::Gone)?;
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let frame = wire::frame(&Request { id, ask }).map_err(|error| LauncherError::Said(error.to_string()))?;
        let (told, answered) = oneshot::channel();
        lock(&self.waiting).as_mut().ok_or(LauncherError::Gone)?.insert(id, (told, turn));
        self.outbox.send(Outgoing::plain(frame)).await.map_err(|_| LauncherError::Gone)?;
        let answer = answered.await.map_err(|_| LauncherError::Gone)?;
        match answer.reply {
            Reply::Refused(fault) => Err(fault.into()),
            _ => Ok(answer),
        }
    }

    /// Ends it: the launcher is not believed any more.
    pub(super) fn fail(&self, why: &str) {
        finish(&self.waiting, &self.over, Some(&io::Error::other(why.to_owned())));
    }
}

fn finish(waiting: &Mutex<Option<Waiting>>, over: &Notify, why: Option<&io::Error>) {
    if lock(waiting).take().is_some() {
        let why = why.map_or_else(|| "it closed the connection".to_owned(), ToString::to_string);
        tracing::error!(why, "the launcher is gone: no runner can be started any more");
    }
    over.notify_one();
}

async fn hear(mut inbox: Inbox, waiting: &Mutex<Option<Waiting>>, wards: &Wards<Known>) -> io::Result<()> {
    while let Some(text) = inbox.next().await? {
        match wire::read(&text)? {
            Told::Happened(event) => wards.happened(&event.container, event.what),
            Told::Answer { id, reply } => {
                let count = match reply {
                    Reply::Attached { frames: true } => 3,
                    Reply::Attached { frames: false } => 1,
                    _ => 0,
                };
                let descriptors = inbox.take(count)?;
                let asked = lock(waiting).as_mut().and_then(|waiting| waiting.remove(&id));
                let (asked, _turn) = asked.ok_or_else(|| io::Error::other("it answered what nobody asked"))?;
                // Whoever asked may have gone; a container that was made is then ended by whoever made it.
                let _ = asked.send(Answer { reply, descriptors });
            }
        }
    }
    Ok(())
}

fn lock(waiting: &Mutex<Option<Waiting>>) -> MutexGuard<'_, Option<Waiting>> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}
