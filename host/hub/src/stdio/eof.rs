//! A reader that tells when it has come to its end.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, ReadBuf};
use tokio_util::sync::CancellationToken;

/// Passes bytes on, and cancels a token at the end of the input.
pub(super) struct CancelAtEof<R> {
    inner: R,
    token: CancellationToken,
}

impl<R> CancelAtEof<R> {
    pub(super) fn new(inner: R, token: CancellationToken) -> Self {
        Self { inner, token }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for CancelAtEof<R> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = ready!(Pin::new(&mut self.inner).poll_read(cx, buf));
        let at_end = buf.filled().len() == before && buf.remaining() > 0;
        if at_end || read.is_err() {
            self.token.cancel();
        }
        Poll::Ready(read)
    }
}
