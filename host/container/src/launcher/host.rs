//! The launcher's side of a connection: one hub, its questions, and the end of everything that was started over it.
//!
//! The hub is not believed. It may be in an attacker's hands from its first agent on, so what it can have is what
//! the record permits: containers of classes that the operator knows.

mod gate;

pub use gate::Places;

use super::attached::Parts;
use super::relay;
use super::wire::{self, Ask, Fault, Inbox, MOST_OPEN, Outbox, Outgoing, Reply, Request, Told, VERSION};
use super::{Launcher, LauncherError, Leftovers, Record};
use crate::message::{ContainerName, Event, HubId};
use futures_util::future::BoxFuture;
use gate::Gate;
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// From a connection to its first question.
const FIRST: Duration = Duration::from_secs(10);
/// How long the end of a hub's containers may take; the engine's own slowest is 20 seconds each.
const END: Duration = Duration::from_secs(60);
/// Containers of one hub at a time. Each may take 512 MiB, so an honest hub stays far below.
const MOST_CONTAINERS: usize = 4096;

/// Makes the launcher for a hub that has said who it is, and the key of its tickets.
pub type Connect = Box<dyn FnOnce(HubId, String) -> BoxFuture<'static, Result<Launcher, LauncherError>> + Send>;

/// What is left of a connection: containers, until they are ended.
#[derive(Debug)]
pub struct Ended {
    launcher: Option<Launcher>,
    /// Copies what containers say; nobody hears it any more.
    _relays: Relays,
}

impl Ended {
    /// Ends every container that was made over the connection.
    pub async fn clean(self) {
        let Some(launcher) = self.launcher else { return };
        let left = launcher.end_all(END).await;
        if left > 0 {
            tracing::error!(left, "containers of a hub that is gone may be left; its next start removes them");
        }
    }
}

/// Shared by the tasks of one connection.
struct Host {
    launcher: Launcher,
    relays: Relays,
}

type Relays = Arc<Mutex<JoinSet<()>>>;

/// Serves a hub until its connection ends, until it says what no hub of ours says, or until `stop`.
pub async fn serve(
    stream: UnixStream,
    record: Arc<Record>,
    places: Places,
    connect: Connect,
    stop: impl Future<Output = ()>,
) -> Ended {
    let (from, to) = stream.into_split();
    let (outbox, frames) = mpsc::channel(MOST_OPEN);
    let mut launcher = None;
    let relays = Relays::default();
    let conversation = async {
        let mut inbox = Inbox::without_descriptors(from);
        let Some(begun) = begin(&mut inbox, &outbox, &record, connect).await? else { return Ok(()) };
        launcher = Some(begun.clone());
        let host = Arc::new(Host { launcher: begun, relays: Arc::clone(&relays) });
        converse(&mut inbox, &outbox, &host, Gate::new(record, places)).await
    };
    let ended = tokio::select! {
        ended = conversation => ended,
        written = wire::write(to, frames) => written,
        () = stop => Ok(()),
    };
    if let Err(why) = ended {
        tracing::error!(%why, "the hub is cut off");
    }
    Ended { launcher, _relays: relays }
}

/// The first question, and the engine.
async fn begin(inbox: &mut Inbox, outbox: &Outbox, record: &Record, connect: Connect) -> io::Result<Option<Launcher>> {
    let first = timeout(FIRST, inbox.next()).await.map_err(|_| ErrorKind::TimedOut)??;
    let Some(text) = first else { return Ok(None) };
    let Request { id, ask: Ask::Begin { version, hub_id, hub_key } } = wire::read(&text)? else {
        return Err(io::Error::other("it did not say first who it is"));
    };
    let begun = async {
        if version != VERSION {
            let said = format!("the launcher speaks version {VERSION}, the hub {version}: start both from one build");
            return Err(LauncherError::Said(said));
        }
        record.hub(&hub_id)?;
        connect(hub_id, hub_key).await
    };
    match begun.await {
        Ok(launcher) => {
            say(outbox, id, Reply::Done, Vec::new()).await;
            Ok(Some(launcher))
        }
        Err(error) => {
            say(outbox, id, Reply::Refused(error.into()), Vec::new()).await;
            // Until it has read that, and goes.
            match inbox.next().await? {
                None => Ok(None),
                Some(_) => Err(io::Error::other("it goes on after it was refused")),
            }
        }
    }
}

/// Questions, until there is no more.
async fn converse(inbox: &mut Inbox, outbox: &Outbox, host: &Arc<Host>, mut gate: Gate) -> io::Result<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn(tell(host.launcher.events(), outbox.clone()));
    while let Some(text) = inbox.next().await? {
        let Request { id, ask } = wire::read(&text)?;
        while tasks.try_join_next().is_some() {}
        if tasks.len() > MOST_OPEN {
            return Err(io::Error::other(format!("it asks more than {MOST_OPEN} things at once")));
        }
        match ask {
            Ask::Begin { .. } => return Err(io::Error::other("it says again who it is")),
            // In their order: what comes after the seal is sealed.
            Ask::Seal => {
                gate.seal();
                say(outbox, id, Reply::Done, Vec::new()).await;
            }
            Ask::Admit { manifest, classes } => {
                let admitted = gate.admit(&host.launcher, manifest, classes).await;
                say(outbox, id, admitted.map_or_else(refused, Reply::Admitted), Vec::new()).await;
            }
            ask => {
                let (host, outbox) = (Arc::clone(host), outbox.clone());
                tasks.spawn(async move {
                    let (reply, descriptors) = answer(&host, ask).await;
                    say(&outbox, id, reply, descriptors).await;
                });
            }
        }
    }
    Ok(())
}

/// Passes events on.
async fn tell(mut events: broadcast::Receiver<Event>, outbox: Outbox) {
    loop {
        let event = match events.recv().await {
            Ok(event) => event,
            Err(RecvError::Lagged(missed)) => {
                tracing::warn!(missed, "the hub may not learn why containers ended");
                continue;
            }
            Err(RecvError::Closed) => return,
        };
        let Ok(frame) = wire::frame(&Told::Happened(event)) else { continue };
        if outbox.send(Outgoing::plain(frame)).await.is_err() {
            return;
        }
    }
}

async fn answer(host: &Host, ask: Ask) -> (Reply, Vec<OwnedFd>) {
    let launcher = &host.launcher;
    let reply = match ask {
        Ask::Attach(name) => {
            return match attach(host, &name).await {
                Ok((frames, descriptors)) => (Reply::Attached { frames }, descriptors),
                Err(error) => (refused(error), Vec::new()),
            };
        }
        Ask::Create(_) if launcher.count() >= MOST_CONTAINERS => {
            let said = format!("there are {MOST_CONTAINERS} containers of this hub, which is the most");
            Err(LauncherError::Said(said))
        }
        Ask::Create(message) => launcher.create(message).await.map(|created| {
            let posture = launcher.posture(&created.container).map(Box::new);
            Reply::Created { created, posture }
        }),
        Ask::Kill(name) => launcher.kill(&name).await.map(|()| Reply::Done),
        Ask::List => launcher.list().await.map(Reply::Listed),
        Ask::Inspect(name) => launcher.inspect(&name).await.map(Reply::Inspected),
        Ask::Stands { container, manifest } => launcher.stands(&container, &manifest).await.map(Reply::Stands),
        Ask::Differences(name) => launcher.differences(&name).await.map(Reply::Differences),
        Ask::RemoveLeftovers { patience_ms } => {
            let patience = Duration::from_millis(patience_ms).min(END);
            launcher.remove_leftovers(patience).await.map(|Leftovers { removed, left }| Reply::Leftovers {
                removed,
                left: left.into_iter().map(|(name, error)| (name, error.into())).collect(),
            })
        }
        Ask::Begin { .. } | Ask::Admit { .. } | Ask::Seal => Err(LauncherError::ShutDown),
    };
    (reply.unwrap_or_else(refused), Vec::new())
}

/// Starts a container and gives what the hub gets of it. From here on nothing of the FIFOs is left here, so that
/// either end sees the other's death.
async fn attach(host: &Host, name: &ContainerName) -> Result<(bool, Vec<OwnedFd>), LauncherError> {
    let parts = host.launcher.parts(name).await?;
    let handed = hand_over(&host.relays, parts);
    if handed.is_err() {
        host.launcher.kill(name).await?;
    }
    handed.map_err(LauncherError::Frames)
}

fn hand_over(relays: &Relays, parts: Parts) -> io::Result<(bool, Vec<OwnedFd>)> {
    let mut descriptors = match &parts.frames {
        Some(frames) => Vec::from(frames.descriptors()?),
        None => Vec::new(),
    };
    let frames = !descriptors.is_empty();
    let (ours, theirs) = UnixStream::pair()?;
    descriptors.push(theirs.into_std()?.into());
    let mut relays = relays.lock().unwrap_or_else(PoisonError::into_inner);
    while relays.try_join_next().is_some() {}
    relays.spawn(relay::copy(parts, ours));
    Ok((frames, descriptors))
}

fn refused(error: LauncherError) -> Reply {
    Reply::Refused(Fault::from(error))
}

async fn say(outbox: &Outbox, id: u64, reply: Reply, descriptors: Vec<OwnedFd>) {
    let framed = wire::frame(&Told::Answer { id, reply }).or_else(|error| {
        // Too much to say is said as that.
        let reply = Reply::Refused(Fault::Said(error.to_string()));
        wire::frame(&Told::Answer { id, reply })
    });
    let Ok(frame) = framed else { return };
    // A connection that has ended needs no answer; what this one holds is dropped.
    let _ = outbox.send(Outgoing { frame, descriptors }).await;
}

#[cfg(test)]
mod tests;
