//! Stands between a hub and its engine and passes everything on, until a request comes that it was told to
//! hold: before the engine has it, after the engine did it, or for later. So a test can end a hub at a named
//! point of its talk with the engine, which otherwise lasts a millisecond.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

/// What is asked of the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    Ping,
    Image,
    Events,
    List,
    Create,
    Attach,
    Start,
    Inspect,
    Remove,
    Other,
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The engine never hears of it.
    Before,
    /// The engine does it, and nobody hears of that.
    After,
    /// The engine gets it when the test says so, whoever is dead by then.
    Late,
    /// The engine never hears of it, and the hub is told that it failed.
    Refused,
}

/// A request to be held.
struct Hold {
    asked: Asked,
    /// A part of its path: an id.
    about: String,
    /// How many like it are passed on first; `None` for a refusal of every one.
    skip: Option<usize>,
    fate: Fate,
    caught: Option<oneshot::Sender<Later>>,
}

/// A request that was caught.
#[derive(Debug)]
pub struct Later {
    engine: PathBuf,
    request: Vec<u8>,
}

impl Later {
    /// Lets the engine have it; gives the status of its answer.
    pub async fn release(self) -> u16 {
        let mut stream = UnixStream::connect(&self.engine).await.expect("the engine listens");
        stream.write_all(&self.request).await.expect("the engine reads");
        let mut head = [0; 64];
        let count = stream.read(&mut head).await.expect("the engine answers");
        let head = String::from_utf8_lossy(&head[..count]).into_owned();
        head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{head}"))
    }
}

/// The relay; it ends when this is dropped.
pub struct Relay {
    pub socket: PathBuf,
    shared: Arc<Shared>,
    stop: CancellationToken,
    _folder: TempDir,
}

struct Shared {
    engine: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    holds: Vec<Hold>,
    /// The names of the containers that were asked for.
    created: Vec<String>,
    /// Cancelled when the hub is dead.
    cut: CancellationToken,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Relay {
    /// To this engine.
    pub fn to(engine: &Path) -> Self {
        let folder = tempfile::Builder::new().prefix("safeclaw-relay-").tempdir().expect("a folder");
        let socket = folder.path().join("engine.sock");
        let listener = UnixListener::bind(&socket).expect("a socket");
        let shared = Arc::new(Shared { engine: engine.to_owned(), state: Mutex::default() });
        let stop = CancellationToken::new();
        tokio::spawn(accept(listener, shared.clone(), stop.clone()));
        Self { socket, shared, stop, _folder: folder }
    }

    /// Holds the next request of this kind, after so many that are passed on. The answer comes when it is held.
    pub fn hold(&self, asked: Asked, skip: usize, fate: Fate) -> oneshot::Receiver<Later> {
        let (caught, is_caught) = oneshot::channel();
        let hold = Hold { asked, about: String::new(), skip: Some(skip), fate, caught: Some(caught) };
        self.shared.state().holds.push(hold);
        is_caught
    }

    /// Refuses each request of this kind about this container, until [`Relay::forgive`].
    pub fn refuse(&self, asked: Asked, about: &str) {
        let hold = Hold { asked, about: about.to_owned(), skip: None, fate: Fate::Refused, caught: None };
        self.shared.state().holds.push(hold);
    }

    /// Holds and refuses nothing any more.
    pub fn forgive(&self) {
        self.shared.state().holds.clear();
    }

    /// The hub is dead: every connection of it ends, as the kernel would end them.
    pub fn cut(&self) {
        let mut state = self.shared.state();
        state.holds.clear();
        std::mem::take(&mut state.cut).cancel();
    }

    /// The names of all containers that were asked for.
    pub fn created(&self) -> Vec<String> {
        self.shared.state().created.clone()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop.cancel();
        self.cut();
    }
}

async fn accept(listener: UnixListener, shared: Arc<Shared>, stop: CancellationToken) {
    loop {
        let client = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted.expect("a connection").0,
        };
        let (shared, cut) = (shared.clone(), shared.state().cut.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = cut.cancelled() => {}
                _ = carry(client, &shared) => {}
            }
        });
    }
}

/// The answer to what was asked last is to be held; whoever waits for that is told.
type Gate = Mutex<Option<oneshot::Sender<Later>>>;

async fn carry(client: UnixStream, shared: &Shared) -> std::io::Result<()> {
    let engine = UnixStream::connect(&shared.engine).await?;
    let (from_client, to_client) = client.into_split();
    let (from_engine, to_engine) = engine.into_split();
    let (gate, to_client) = (Gate::default(), tokio::sync::Mutex::new(to_client));
    let (up, down) = tokio::join!(
        requests(from_client, to_engine, &to_client, &gate, shared),
        answers(from_engine, &to_client, &gate)
    );
    up.and(down)
}

async fn answers(
    mut from_engine: OwnedReadHalf,
    to_client: &tokio::sync::Mutex<OwnedWriteHalf>,
    gate: &Gate,
) -> std::io::Result<()> {
    let mut chunk = vec![0; 64 << 10];
    loop {
        let count = from_engine.read(&mut chunk).await?;
        let held = gate.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(caught) = held {
            // The engine did it. Nobody may wait for the news.
            let _ = caught.send(Later { engine: PathBuf::new(), request: Vec::new() });
            std::future::pending::<()>().await;
        }
        let mut to_client = to_client.lock().await;
        if count == 0 {
            return to_client.shutdown().await;
        }
        to_client.write_all(&chunk[..count]).await?;
    }
}

async fn requests(
    mut from_client: OwnedReadHalf,
    mut to_engine: OwnedWriteHalf,
    to_client: &tokio::sync::Mutex<OwnedWriteHalf>,
    gate: &Gate,
    shared: &Shared,
) -> std::io::Result<()> {
    let mut chunk = vec![0; 64 << 10];
    let mut attached = false;
    loop {
        let count = from_client.read(&mut chunk).await?;
        if count == 0 {
            return to_engine.shutdown().await;
        }
        // A client asks again when it has its answer, so a request begins a chunk.
        let asked = if attached { None } else { Request::read(&chunk[..count]) };
        let Some(request) = asked else {
            to_engine.write_all(&chunk[..count]).await?;
            continue;
        };
        attached = request.asked == Asked::Attach;
        match held(shared, &request) {
            None => to_engine.write_all(&chunk[..count]).await?,
            Some((Fate::After, caught)) => {
                *gate.lock().unwrap_or_else(PoisonError::into_inner) = caught;
                to_engine.write_all(&chunk[..count]).await?;
            }
            Some((Fate::Refused, _)) => {
                let body = r#"{"message":"refused by the test"}"#;
                let head = "HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json";
                let answer = format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
                to_client.lock().await.write_all(answer.as_bytes()).await?;
            }
            Some((Fate::Before | Fate::Late, caught)) => {
                let mut whole = chunk[..count].to_vec();
                while whole.len() < request.bytes {
                    let more = from_client.read(&mut chunk).await?;
                    assert!(more > 0, "a whole request");
                    whole.extend_from_slice(&chunk[..more]);
                }
                if let Some(caught) = caught {
                    let _ = caught.send(Later { engine: shared.engine.clone(), request: whole });
                }
                std::future::pending::<()>().await;
            }
        }
    }
}

/// Whether a request is to be held, and who waits for that.
fn held(shared: &Shared, request: &Request) -> Option<(Fate, Option<oneshot::Sender<Later>>)> {
    let mut state = shared.state();
    state.created.extend(request.name.clone());
    // One that has caught its request is spent.
    let open = |hold: &&mut Hold| hold.skip.is_none() || hold.caught.is_some();
    let fits = |hold: &&mut Hold| hold.asked == request.asked && request.path.contains(&hold.about);
    let hold = state.holds.iter_mut().filter(open).find(fits)?;
    match &mut hold.skip {
        Some(0) => Some((hold.fate, hold.caught.take())),
        Some(skip) => {
            *skip -= 1;
            None
        }
        None => Some((hold.fate, None)),
    }
}

/// The head of a request.
struct Request {
    asked: Asked,
    path: String,
    /// The name in a request for a container.
    name: Option<String>,
    /// Head and body.
    bytes: usize,
}

impl Request {
    fn read(chunk: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(chunk);
        let (method, rest) = text.split_once(' ')?;
        let target = rest.split(' ').next()?.to_owned();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let asked = match (method, path.rsplit('/').next()?) {
            ("POST", "create") => Asked::Create,
            ("POST", "attach") => Asked::Attach,
            ("POST", "start") => Asked::Start,
            ("GET" | "HEAD", "_ping") => Asked::Ping,
            ("GET", "events") => Asked::Events,
            ("GET", "json") if path.starts_with("/images") => Asked::Image,
            ("GET", "json") if path.ends_with("/containers/json") => Asked::List,
            ("GET", "json") => Asked::Inspect,
            ("DELETE", _) => Asked::Remove,
            ("GET" | "POST" | "HEAD" | "PUT", _) => Asked::Other,
            _ => return None,
        };
        let head = chunk.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
        let length = |line: &str| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok();
        let body: usize = text.lines().find_map(length).unwrap_or(0);
        let named = query.split('&').find_map(|pair| pair.strip_prefix("name="));
        let name = named.filter(|_| asked == Asked::Create).map(str::to_owned);
        Some(Self { asked, path: path.to_owned(), name, bytes: head + body })
    }
}
