//! The body of an answer as its guest reads it.

use super::{errors, map};
use crate::http::{Piece, ResponseBody};
use bytes::Bytes;
use http_body::{Body, Frame};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep};
use wasmtime_wasi_http::Error;

/// One answer's body. Nothing of it is held here: what the guest does not ask for stays with its sender.
pub(super) struct Answer {
    body: Option<Box<dyn ResponseBody>>,
    /// How long the guest wants to wait between two pieces, and since when it does.
    patience: Option<Duration>,
    waiting: Option<Pin<Box<Sleep>>>,
}

impl Answer {
    pub(super) fn new(body: Box<dyn ResponseBody>, patience: Option<Duration>) -> Self {
        Self { body: Some(body), patience, waiting: None }
    }

    fn impatient(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(patience) = self.patience else { return Poll::Pending };
        let waiting = self.waiting.get_or_insert_with(|| {
            // A guest may name a moment that no clock has; then it waits for ever.
            let until = Instant::now().checked_add(patience);
            Box::pin(until.map_or_else(|| tokio::time::sleep(FOREVER), tokio::time::sleep_until))
        });
        waiting.as_mut().poll(cx)
    }
}

/// Longer than any call.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 3600);

impl Body for Answer {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let Poll::Ready(piece) = body.poll_piece(cx) else {
            ready!(self.impatient(cx));
            self.body = None;
            return Poll::Ready(Some(Err(Error::ConnectionReadTimeout)));
        };
        self.waiting = None;
        if !matches!(piece, Ok(Piece::Data(_))) {
            // Done with it: whoever sends it hears of that now, not when the guest drops its handles.
            self.body = None;
        }
        Poll::Ready(match piece {
            Ok(Piece::Data(bytes)) => Some(Ok(Frame::data(bytes))),
            Ok(Piece::End(trailers)) if trailers.is_empty() => None,
            Ok(Piece::End(trailers)) => Some(map(trailers).map(Frame::trailers)),
            Err(fault) => Some(Err(errors::within(fault))),
        })
    }
}
