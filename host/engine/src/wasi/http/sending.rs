//! The body of a request as its guest writes it.

use super::fields;
use crate::http::{Aborted, Piece};
use bytes::Bytes;
use http_body::Body;
use http_body_util::BodyExt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use wasmtime_wasi_http::WasiBody;

/// A body, and whether its call is over.
pub(crate) struct Sending {
    body: WasiBody,
    first: Option<Piece>,
    over: Arc<AtomicBool>,
}

impl Sending {
    /// The body of a request that is about to be sent. `None` if there is none: also where the guest asked for one
    /// and has finished it already, as most libraries do for a `GET`.
    pub(crate) async fn begin(body: WasiBody, over: Arc<AtomicBool>) -> Result<Option<Self>, Aborted> {
        if body.is_end_stream() {
            return Ok(None);
        }
        let mut sending = Self { body, first: None, over };
        match poll_fn(|cx| Poll::Ready(Pin::new(&mut sending.body).poll_frame(cx))).await {
            Poll::Pending => {}
            Poll::Ready(frame) => match sending.piece(frame)? {
                Some(Piece::End(trailers)) if trailers.is_empty() => return Ok(None),
                first => sending.first = first,
            },
        }
        Ok(Some(sending))
    }

    pub(crate) async fn next(&mut self) -> Result<Piece, Aborted> {
        if let Some(first) = self.first.take() {
            return Ok(first);
        }
        loop {
            let frame = self.body.frame().await;
            if let Some(piece) = self.piece(frame)? {
                return Ok(piece);
            }
        }
    }

    /// `None` for a write of no bytes: it is nothing to anybody, and as a piece it would cost the host one each.
    fn piece<E>(&self, frame: Option<Result<http_body::Frame<Bytes>, E>>) -> Result<Option<Piece>, Aborted> {
        let frame = frame.transpose().map_err(|_| Aborted)?;
        // A writer that was dropped with its call looks like one that has finished.
        if self.over.load(Ordering::Acquire) {
            return Err(Aborted);
        }
        let Some(frame) = frame else { return Ok(Some(Piece::End(Vec::new()))) };
        match frame.into_data() {
            Ok(bytes) if bytes.is_empty() => Ok(None),
            Ok(bytes) => Ok(Some(Piece::Data(bytes))),
            Err(other) => {
                let trailers = other.into_trailers().map_err(|_| Aborted)?;
                Ok(Some(Piece::End(fields(&trailers))))
            }
        }
    }
}
