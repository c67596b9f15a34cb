//! One request on its way between a runner's frames and the broker. [`Asked`] is the broker's end, [`Far`] what the
//! reader of frames keeps; between them are channels, and credit that bounds what they hold.

use bytes::Bytes;
use protocol::{EgressId, Fields, HTTP_PIECE_BYTES, HTTP_WINDOW_BYTES, HttpFault, HttpRequest, HttpResponse, ToHttp};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

/// The runner, or the guest, does not want to hear any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("nobody waits for it any more")]
pub struct Gone;

/// A runner that does not keep to what was agreed; whoever reads its frames ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Breach {
    /// More of a body than it had credit for.
    #[error("more of a request's body than it had credit for")]
    Credit,
    /// A piece that is too long, or empty.
    #[error("a piece of a body that is empty or longer than a piece may be")]
    Piece,
    /// A body where there is none, or more after its end.
    #[error("a request's body where none was announced, or after its end")]
    Body,
    /// More credit than anybody can use.
    #[error("more credit than a window holds")]
    Window,
}

/// Of a request's body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Bytes.
    Data(Bytes),
    /// Its end.
    End(Fields),
}

/// A request as the broker gets it.
#[derive(Debug)]
pub struct Asked {
    /// What the guest asks for.
    pub head: HttpRequest,
    /// Its body, if it has one.
    pub body: Option<RequestBody>,
    /// Where the answer goes.
    pub answer: Answer,
}

/// A request's body, piece by piece; what is taken gives the guest credit for more.
#[derive(Debug)]
pub struct RequestBody {
    id: EgressId,
    pieces: mpsc::UnboundedReceiver<Piece>,
    to_runner: mpsc::Sender<ToHttp>,
    unread: Arc<AtomicU32>,
}

impl RequestBody {
    /// The next piece. `None`: the guest broke it off, or the end was taken.
    pub async fn next(&mut self) -> Option<Piece> {
        let piece = self.pieces.recv().await?;
        if let Piece::Data(bytes) = &piece {
            let taken = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            self.unread.fetch_sub(taken, Ordering::Relaxed);
            // A runner that is gone needs no credit.
            drop(self.to_runner.send(ToHttp::Credit(self.id, taken)).await);
        }
        Some(piece)
    }
}

/// Where an answer goes. It ends in [`Answer::end`] or [`Answer::fail`]; one that is dropped before has failed with
/// [`HttpFault::CallEnded`].
#[derive(Debug)]
pub struct Answer {
    id: EgressId,
    to_runner: mpsc::Sender<ToHttp>,
    window: Arc<Semaphore>,
    gone: CancellationToken,
    over: bool,
}

impl Answer {
    /// The beginning of the answer.
    ///
    /// # Errors
    /// [`Gone`].
    pub async fn begin(&mut self, status: u16, headers: Fields) -> Result<(), Gone> {
        self.send(ToHttp::Response(HttpResponse { id: self.id, status, headers })).await
    }

    /// Bytes of its body, as soon as the guest has room for them.
    ///
    /// # Errors
    /// [`Gone`].
    pub async fn data(&mut self, mut bytes: Bytes) -> Result<(), Gone> {
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(HTTP_PIECE_BYTES));
            let room = u32::try_from(piece.len()).unwrap_or(u32::MAX);
            let permit = tokio::select! {
                biased;
                () = self.gone.cancelled() => return Err(Gone),
                permit = self.window.acquire_many(room) => permit.map_err(|_| Gone)?,
            };
            permit.forget();
            self.send(ToHttp::Data(self.id, piece.to_vec())).await?;
        }
        Ok(())
    }

    /// Its end.
    ///
    /// # Errors
    /// [`Gone`].
    pub async fn end(mut self, trailers: Fields) -> Result<(), Gone> {
        self.over = true;
        self.send(ToHttp::End(self.id, trailers)).await
    }

    /// There is no answer, or no more of it.
    pub async fn fail(mut self, fault: HttpFault) {
        self.over = true;
        // Whoever is gone needs no reason.
        let _ = self.send(ToHttp::Failed(self.id, fault)).await;
    }

    /// Cancelled when nobody waits for it any more.
    #[must_use]
    pub fn gone(&self) -> CancellationToken {
        self.gone.clone()
    }

    async fn send(&self, message: ToHttp) -> Result<(), Gone> {
        tokio::select! {
            biased;
            () = self.gone.cancelled() => Err(Gone),
            sent = self.to_runner.send(message) => sent.map_err(|_| Gone),
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if !self.over && !self.gone.is_cancelled() {
            let failed = ToHttp::Failed(self.id, HttpFault::CallEnded);
            // A queue may be full of other answers: this one waits its turn, or until nobody waits for it.
            if let Err(mpsc::error::TrySendError::Full(failed)) = self.to_runner.try_send(failed)
                && let Ok(runtime) = tokio::runtime::Handle::try_current()
            {
                let (to_runner, gone) = (self.to_runner.clone(), self.gone.clone());
                runtime.spawn(async move {
                    tokio::select! {
                        () = gone.cancelled() => {}
                        _ = to_runner.send(failed) => {}
                    }
                });
            }
        }
    }
}

/// The reader's end: what the runner says next is held against it.
#[derive(Debug)]
pub struct Far {
    pieces: Option<mpsc::UnboundedSender<Piece>>,
    unread: Arc<AtomicU32>,
    window: Arc<Semaphore>,
    gone: CancellationToken,
}

impl Far {
    /// A piece of the request's body.
    ///
    /// # Errors
    /// What no runner of ours does.
    pub fn data(&mut self, bytes: Vec<u8>) -> Result<(), Breach> {
        let pieces = self.pieces.as_ref().ok_or(Breach::Body)?;
        if bytes.is_empty() || bytes.len() > HTTP_PIECE_BYTES {
            return Err(Breach::Piece);
        }
        let more = u32::try_from(bytes.len()).map_err(|_| Breach::Piece)?;
        if self.unread.fetch_add(more, Ordering::Relaxed).saturating_add(more) > HTTP_WINDOW_BYTES {
            return Err(Breach::Credit);
        }
        // A broker that wants no more of it has answered already.
        drop(pieces.send(Piece::Data(bytes.into())));
        Ok(())
    }

    /// The end of the request's body.
    ///
    /// # Errors
    /// What no runner of ours does.
    pub fn end(&mut self, trailers: Fields) -> Result<(), Breach> {
        let pieces = self.pieces.take().ok_or(Breach::Body)?;
        drop(pieces.send(Piece::End(trailers)));
        Ok(())
    }

    /// The guest has read so much of the answer.
    ///
    /// # Errors
    /// What no runner of ours does.
    pub fn credit(&self, bytes: u32) -> Result<(), Breach> {
        let most = HTTP_WINDOW_BYTES as usize;
        if bytes as usize > most || self.window.available_permits().saturating_add(bytes as usize) > most {
            return Err(Breach::Window);
        }
        self.window.add_permits(bytes as usize);
        Ok(())
    }

    /// Nobody waits for it any more.
    pub fn drop_it(&mut self) {
        self.pieces = None;
        self.gone.cancel();
    }
}

impl Drop for Far {
    fn drop(&mut self) {
        self.drop_it();
    }
}

/// Both ends of a request. What goes to the runner leaves through `to_runner`.
#[must_use]
pub fn exchange(head: HttpRequest, to_runner: mpsc::Sender<ToHttp>) -> (Asked, Far) {
    let (sender, pieces) = mpsc::unbounded_channel();
    let unread = Arc::new(AtomicU32::new(0));
    let window = Arc::new(Semaphore::new(HTTP_WINDOW_BYTES as usize));
    let gone = CancellationToken::new();
    let id = head.id;
    let body = head.body.then(|| RequestBody { id, pieces, to_runner: to_runner.clone(), unread: unread.clone() });
    let far =
        Far { pieces: head.body.then_some(sender), unread: unread.clone(), window: window.clone(), gone: gone.clone() };
    (Asked { head, body, answer: Answer { id, to_runner, window, gone, over: false } }, far)
}
