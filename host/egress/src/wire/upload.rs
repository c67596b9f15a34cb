//! A request's body on its way out. One that is broken off never looks finished: the connection breaks with it.

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::sync::mpsc;

/// Of a body that is sent as it comes.
#[derive(Debug)]
pub(crate) enum Feed {
    /// Bytes.
    Data(Bytes),
    /// All of it.
    End,
}

/// Whoever fed it went away before its end.
#[derive(Debug, thiserror::Error)]
#[error("the body was broken off")]
pub(crate) struct BrokenOff;

/// What hyper sends.
#[derive(Debug)]
pub(crate) enum Upload {
    /// Known as a whole; with no bytes left, nothing.
    Whole(Bytes),
    /// Fed. With a length it is sent under that, else in chunks.
    Fed {
        /// By whom.
        feed: mpsc::Receiver<Feed>,
        /// Bytes that are still to come, if it was said.
        left: Option<u64>,
        /// All of it came.
        over: bool,
    },
}

impl Upload {
    /// One that is fed, a piece at a time.
    pub(crate) fn fed(length: Option<u64>) -> (mpsc::Sender<Feed>, Self) {
        let (sender, feed) = mpsc::channel(1);
        (sender, Self::Fed { feed, left: length, over: false })
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        match self.get_mut() {
            Self::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Fed { over: true, .. } => Poll::Ready(None),
            Self::Fed { feed, left, over } => match ready!(feed.poll_recv(cx)) {
                Some(Feed::Data(bytes)) => {
                    if let Some(left) = left {
                        *left = left.saturating_sub(bytes.len() as u64);
                    }
                    Poll::Ready(Some(Ok(Frame::data(bytes))))
                }
                Some(Feed::End) => {
                    *over = true;
                    Poll::Ready(None)
                }
                None => Poll::Ready(Some(Err(BrokenOff))),
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_empty(),
            Self::Fed { over, .. } => *over,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Fed { left: Some(left), .. } => SizeHint::with_exact(*left),
            Self::Fed { left: None, .. } => SizeHint::default(),
        }
    }
}
