//! The runner's end: asks as a guest does, gives credit as it reads, and keeps to what was agreed.

use super::World;
use super::desk::{Desk, behalf};
use egress::{Asked, Behalf, Far, exchange};
use protocol::{EgressId, Fields, HTTP_PIECE_BYTES, HTTP_WINDOW_BYTES, HttpFault, HttpRequest, ToHttp};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// One call under way.
pub struct Guest {
    asked: mpsc::Sender<Asked>,
    pub serving: JoinHandle<()>,
    next: AtomicU64,
}

/// What it asks for.
#[derive(Debug, Clone)]
pub struct Ask {
    pub method: &'static str,
    pub url: String,
    pub headers: Vec<(&'static str, String)>,
    /// None: no body at all.
    pub body: Option<Vec<u8>>,
    /// Whether the body is ended.
    pub ends: bool,
    pub trailers: Fields,
    pub first_byte_ms: Option<u32>,
}

impl Ask {
    pub fn get(url: impl Into<String>) -> Self {
        Self {
            method: "GET",
            url: url.into(),
            headers: Vec::new(),
            body: None,
            ends: true,
            trailers: Vec::new(),
            first_byte_ms: None,
        }
    }

    pub fn post(url: impl Into<String>, body: impl AsRef<[u8]>) -> Self {
        Self { method: "POST", body: Some(body.as_ref().to_vec()), ..Self::get(url) }
    }

    pub fn method(self, method: &'static str) -> Self {
        Self { method, ..self }
    }

    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// What it got.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Reply {
    pub status: Option<u16>,
    pub headers: Fields,
    pub body: Vec<u8>,
    pub trailers: Fields,
    pub fault: Option<HttpFault>,
}

impl Reply {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> Option<String> {
        let (_, value) = self.headers.iter().find(|(given, _)| given == name)?;
        Some(String::from_utf8_lossy(value).into_owned())
    }
}

impl Guest {
    pub fn new(world: &World, desk: &Arc<Desk>) -> Self {
        Self::of(world, desk, "session", "principal")
    }

    pub fn of(world: &World, desk: &Arc<Desk>, session: &str, principal: &str) -> Self {
        Self::on_behalf(world, desk, behalf(session, principal))
    }

    pub fn on_behalf(world: &World, desk: &Arc<Desk>, behalf: Behalf) -> Self {
        let (asked, asking) = mpsc::channel(8);
        let (broker, desk) = (world.broker.clone(), desk.clone());
        let serving = tokio::spawn(async move { broker.serve(behalf, desk, asking).await });
        Self { asked, serving, next: AtomicU64::new(1) }
    }

    /// Asks, and leaves the rest to whoever holds it.
    pub async fn begin(&self, ask: &Ask) -> Pending {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let head = HttpRequest {
            id,
            call: 1,
            method: ask.method.to_owned(),
            url: ask.url.clone(),
            headers: ask.headers.iter().map(|(n, v)| ((*n).to_owned(), v.clone().into_bytes())).collect(),
            body: ask.body.is_some(),
            first_byte_ms: ask.first_byte_ms,
        };
        let (to_runner, frames) = mpsc::channel(4);
        let (asked, far) = exchange(head, to_runner);
        self.asked.send(asked).await.unwrap();
        let pieces = ask.body.as_deref().unwrap_or_default().chunks(HTTP_PIECE_BYTES).map(<[u8]>::to_vec).collect();
        let end = (ask.body.is_some() && ask.ends).then(|| ask.trailers.clone());
        Pending { id, far, frames, pieces, end, room: HTTP_WINDOW_BYTES, reply: Reply::default() }
    }

    pub async fn ask(&self, ask: &Ask) -> Reply {
        self.begin(ask).await.reply().await
    }

    /// Closes the call and waits until the broker is done with it.
    pub async fn close(self) {
        drop(self.asked);
        self.serving.await.unwrap();
    }
}

/// A request under way.
pub struct Pending {
    pub id: EgressId,
    pub far: Far,
    pub frames: mpsc::Receiver<ToHttp>,
    pieces: VecDeque<Vec<u8>>,
    end: Option<Fields>,
    room: u32,
    reply: Reply,
}

impl Pending {
    /// Sends what there is credit for.
    pub fn send(&mut self) {
        while let Some(piece) = self.pieces.front() {
            let length = u32::try_from(piece.len()).unwrap();
            if length > self.room {
                return;
            }
            self.room -= length;
            self.far.data(self.pieces.pop_front().unwrap()).unwrap();
        }
        if let Some(end) = self.end.take() {
            self.far.end(end).unwrap();
        }
    }

    /// Everything, to its end.
    pub async fn reply(mut self) -> Reply {
        self.send();
        while self.step().await {}
        self.reply
    }

    /// One frame; whether there are more.
    pub async fn step(&mut self) -> bool {
        let Some(frame) = self.frames.recv().await else {
            panic!("a request without an end: {:?}", self.reply);
        };
        match frame {
            ToHttp::Response(head) => {
                self.reply.status = Some(head.status);
                self.reply.headers = head.headers;
            }
            ToHttp::Data(_, bytes) => {
                self.far.credit(u32::try_from(bytes.len()).unwrap()).unwrap();
                self.reply.body.extend(bytes);
            }
            ToHttp::Credit(_, more) => {
                self.room += more;
                self.send();
            }
            ToHttp::End(_, trailers) => {
                self.reply.trailers = trailers;
                return false;
            }
            ToHttp::Failed(_, fault) => {
                self.reply.fault = Some(fault);
                return false;
            }
        }
        true
    }
}
