//! A reader that lets no line of too many JSON values through whole.

use crate::bounds::{Scan, VALUES};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, ReadBuf};

/// Passes bytes on. A line that goes past the bound is blank from there to its end: it is no JSON any more, and
/// the library drops it as it does a line that is too long, instead of making a tree of it.
pub(super) struct FewValues<R> {
    inner: R,
    line: Scan,
}

impl<R> FewValues<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, line: Scan::default() }
    }

    /// Takes the next bytes of the stream and blanks what goes past the bound.
    pub(super) fn blank(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            if *byte == b'\n' {
                self.line = Scan::default();
            } else if self.line.values > VALUES {
                *byte = b' ';
            } else if self.line.take(*byte).values > VALUES {
                tracing::warn!("a message of more than {VALUES} JSON values is dropped");
                *byte = b' ';
            }
        }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for FewValues<R> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = ready!(Pin::new(&mut self.inner).poll_read(cx, buf));
        self.blank(buf.filled_mut().get_mut(before..).unwrap_or_default());
        Poll::Ready(read)
    }
}
