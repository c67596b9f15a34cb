//! The body of a request on its way to the hub: under the request's own credit, and in turns with the bodies of
//! others.

use super::{Requests, field_bytes, fits};
use engine::http::{Bytes, Fields, Piece, RequestBody};
use protocol::{EgressId, FromHttp, FromRunner, HTTP_PIECE_BYTES};
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

/// What a piece takes in a frame besides its bytes.
const PIECE_OVERHEAD: usize = 32;

/// The body of one request.
pub(super) struct Body {
    to: Way,
    from: RequestBody,
}

/// Where it goes.
struct Way {
    requests: Requests,
    id: EgressId,
}

impl Body {
    pub(super) fn new(requests: Requests, id: EgressId, from: RequestBody) -> Self {
        Self { to: Way { requests, id }, from }
    }

    /// Sends it to its end, or until nobody wants any more of it. What the guest broke off is dropped whole: the hub
    /// must not take the beginning of a body for all of it.
    pub(super) async fn send(self) {
        let Self { to, mut from } = self;
        loop {
            match to.unless_unwanted(from.next()).await {
                None => return,
                Some(Ok(Piece::Data(bytes))) => {
                    if to.data(bytes).await.is_none() {
                        return;
                    }
                }
                Some(Ok(Piece::End(trailers))) if fits(&trailers) => return to.end(trailers).await,
                Some(Ok(Piece::End(_)) | Err(_)) => return to.requests.drop_it(to.id),
            }
        }
    }
}

impl Way {
    /// `None`: nobody wants any more of it. Then the guest, which may wait for room, is told at once.
    async fn unless_unwanted<T>(&self, next: impl Future<Output = T>) -> Option<T> {
        let mut next = pin!(next);
        poll_fn(|cx| {
            if self.requests.ledger().poll_unwanted(self.id, cx).is_ready() {
                return Poll::Ready(None);
            }
            next.as_mut().poll(cx).map(Some)
        })
        .await
    }

    async fn data(&self, mut bytes: Bytes) -> Option<()> {
        while !bytes.is_empty() {
            let most = u32::try_from(bytes.len().min(HTTP_PIECE_BYTES)).unwrap_or(u32::MAX);
            let taken = poll_fn(|cx| self.requests.ledger().poll_credit(self.id, most, cx)).await?;
            let piece = bytes.split_to((taken as usize).min(bytes.len()));
            let frame_bytes = piece.len() + PIECE_OVERHEAD;
            self.say(FromHttp::Data(self.id, piece.into()), frame_bytes).await?;
        }
        Some(())
    }

    async fn end(&self, trailers: Fields) {
        let frame_bytes = PIECE_OVERHEAD + 8 * trailers.len() + field_bytes(&trailers);
        // Nobody wants it any more, or it is said.
        let _: Option<()> = self.say(FromHttp::End(self.id, trailers), frame_bytes).await;
    }

    async fn say(&self, message: FromHttp, frame_bytes: usize) -> Option<()> {
        let room = self.requests.outbox.room(frame_bytes).await.ok()?;
        if !self.requests.ledger().goes_on(self.id) {
            return None;
        }
        self.requests.outbox.push_in(room, &FromRunner::Http(message)).ok()
    }
}
