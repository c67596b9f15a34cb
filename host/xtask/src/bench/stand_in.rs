//! A launcher that starts nothing, for measuring a hub by itself: `safeclaw hub --launcher` connects to it, and what it
//! hands over is one end of a socket, where a task of this process speaks as a runner does. It knows one answer.
//!
//! It says on the socket what `container`'s own launcher says, in the same frames: a length and JSON.

mod runner;

use anyhow::{Context, ensure};
use container::{ContainerName, Created, Event, EventKind, HubId};
use manifest::Digest;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use serde::Deserialize;
use serde_json::{Value, json};
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use tokio::io::{AsyncReadExt, Interest};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};

/// The longest question; the classes of the bench's manifest are far shorter.
const MOST_BYTES: usize = 4 << 20;
/// Answers that wait to be written.
const WAITING: usize = 1024;

/// One that listens. It ends, and its runners with it, when dropped.
pub(crate) struct StandIn {
    task: JoinHandle<()>,
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl StandIn {
    /// Waits for one hub on a socket, whose runners answer every call with this text.
    pub(crate) fn listen(socket: &Path, answer: &'static str) -> anyhow::Result<Self> {
        let listener = UnixListener::bind(socket).context("the stand-in's socket cannot be made")?;
        let task = tokio::spawn(async move {
            match listener.accept().await {
                Ok((stream, _)) => {
                    if let Err(error) = serve(stream, answer).await {
                        eprintln!("bench     the stand-in for a launcher ended: {error:#}");
                    }
                }
                Err(error) => eprintln!("bench     no hub came to the stand-in for a launcher: {error}"),
            }
        });
        Ok(Self { task })
    }
}

/// What a hub asks.
#[derive(Debug, Deserialize)]
struct Request {
    id: u64,
    ask: Ask,
}

/// Of each question what the answer depends on.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Ask {
    Begin { hub_id: HubId, hub_key: String },
    Admit {},
    Seal,
    Create {},
    Attach(ContainerName),
    Kill(ContainerName),
    List,
    Inspect(ContainerName),
    Stands {},
    Differences(serde::de::IgnoredAny),
    RemoveLeftovers {},
}

/// A frame, and what goes with it.
struct Outgoing {
    frame: Vec<u8>,
    descriptor: Option<OwnedFd>,
}

async fn serve(stream: UnixStream, answer: &'static str) -> anyhow::Result<()> {
    let (mut from, to) = stream.into_split();
    let (outbox, waiting) = mpsc::channel(WAITING);
    let writing = tokio::spawn(write(to, waiting));
    let (mut runners, mut hub, mut made) = (JoinSet::new(), (String::new(), String::new()), 0_u64);
    while let Some(Request { id, ask }) = read(&mut from).await? {
        while runners.try_join_next().is_some() {}
        let mut descriptor = None;
        let mut ended = None;
        let reply = match ask {
            Ask::Begin { hub_id, hub_key } => {
                hub = (hub_id.0, hub_key);
                json!("done")
            }
            Ask::Seal => json!("done"),
            Ask::Admit {} => json!({ "admitted": [] }),
            Ask::Create {} => {
                made += 1;
                let container = ContainerName(format!("safeclaw-{}-{made:016x}", hub.0));
                json!({ "created": { "created": Created { container, posture: Digest::of(b"none") }, "posture": null } })
            }
            Ask::Attach(name) => {
                let (ours, theirs) = UnixStream::pair()?;
                runners.spawn(runner::serve(ours, hub.1.clone(), name, answer));
                descriptor = Some(theirs.into_std()?.into());
                json!({ "attached": { "frames": false } })
            }
            Ask::Kill(name) => {
                ended = Some(name);
                json!("done")
            }
            Ask::List => json!({ "listed": [] }),
            Ask::Inspect(container) => {
                json!({ "inspected": { "container": container, "pid": null, "exit_code": null } })
            }
            Ask::Stands {} => json!({ "stands": true }),
            Ask::Differences(_) => json!({ "differences": [] }),
            Ask::RemoveLeftovers {} => json!({ "leftovers": { "removed": [], "left": [] } }),
        };
        if let Some(container) = ended {
            let died = Event { container: container.clone(), what: EventKind::Died(137) };
            say(&outbox, &json!({ "happened": died }), None).await?;
            say(&outbox, &json!({ "happened": Event { container, what: EventKind::Removed } }), None).await?;
        }
        say(&outbox, &json!({ "answer": { "id": id, "reply": reply } }), descriptor).await?;
    }
    drop(outbox);
    writing.await??;
    Ok(())
}

async fn read(from: &mut OwnedReadHalf) -> anyhow::Result<Option<Request>> {
    let mut length = [0; 4];
    match from.read_exact(&mut length).await {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    let length = usize::try_from(u32::from_le_bytes(length))?;
    ensure!(length <= MOST_BYTES, "the hub asks {length} bytes");
    let mut text = vec![0; length];
    from.read_exact(&mut text).await?;
    serde_json::from_slice(&text).map(Some).context("the hub asks what the stand-in does not know")
}

async fn say(to: &mpsc::Sender<Outgoing>, said: &Value, descriptor: Option<OwnedFd>) -> anyhow::Result<()> {
    let text = serde_json::to_vec(said)?;
    let mut frame = u32::try_from(text.len())?.to_le_bytes().to_vec();
    frame.extend_from_slice(&text);
    to.send(Outgoing { frame, descriptor }).await.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
    Ok(())
}

/// Writes frames one after the other; a descriptor goes with the first bytes of its own.
async fn write(to: OwnedWriteHalf, mut waiting: mpsc::Receiver<Outgoing>) -> io::Result<()> {
    let to: &UnixStream = to.as_ref();
    while let Some(Outgoing { frame, mut descriptor }) = waiting.recv().await {
        let mut sent = 0;
        while let Some(rest) = frame.get(sent..).filter(|rest| !rest.is_empty()) {
            sent += to.async_io(Interest::WRITABLE, || send(to, rest, descriptor.as_ref())).await?;
            descriptor = None;
        }
    }
    Ok(())
}

fn send(to: &UnixStream, bytes: &[u8], descriptor: Option<&OwnedFd>) -> io::Result<usize> {
    let descriptors: Vec<BorrowedFd<'_>> = descriptor.iter().map(|descriptor| descriptor.as_fd()).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        return Err(io::Error::other("no room for a descriptor"));
    }
    Ok(sendmsg(to, &[IoSlice::new(bytes)], &mut ancillary, SendFlags::NOSIGNAL)?)
}
