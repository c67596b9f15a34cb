//! A runner's streams. Standard output carries frames; standard error is kept, bounded, for whoever has to
//! find out why a runner died.

use super::frames::Frames;
use bytes::{Buf as _, Bytes};
use futures_util::Stream;
use futures_util::stream::BoxStream;
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;

/// The answer to `attach`: the container runs.
pub struct Attached {
    /// Its standard input. Shutting it down is how a runner is told to end.
    pub input: Box<dyn AsyncWrite + Send + Unpin>,
    /// Its standard output. The end, or an error, means that the runner is dead to the hub.
    pub output: Box<dyn AsyncRead + Send + Unpin>,
    /// The last of its standard error.
    pub diagnostics: Diagnostics,
    /// Its exit code, when it has died; an error when the launcher lost sight of it.
    pub exit: oneshot::Receiver<i64>,
}

impl fmt::Debug for Attached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attached").field("diagnostics", &self.diagnostics).finish_non_exhaustive()
    }
}

/// A runner that writes to its standard error for ever costs the hub this much.
const DIAGNOSTICS_BYTES: usize = 16 << 10;

/// All that a runner may write there in its life: an honest one writes a few lines. To read on costs the hub
/// processor time for as long as the runner lives, and a parked one has no deadline.
const MOST_DIAGNOSTICS_BYTES: u64 = 1 << 20;

/// The last 16 KiB of a runner's standard error. A clone sees the same.
#[derive(Debug, Clone, Default)]
pub struct Diagnostics(Arc<Mutex<VecDeque<u8>>>);

impl Diagnostics {
    pub(super) fn push(&self, bytes: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let new = bytes.get(bytes.len().saturating_sub(DIAGNOSTICS_BYTES)..).unwrap_or_default();
        let over = (kept.len() + new.len()).saturating_sub(DIAGNOSTICS_BYTES);
        kept.drain(..over);
        kept.extend(new);
    }

    /// As text that is safe on a terminal: whoever broke out of wall 1 can write anything here.
    #[must_use]
    pub fn text(&self) -> String {
        let kept: Vec<u8> = self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect();
        String::from_utf8_lossy(&kept).chars().map(|c| if unsafe_to_show(c) { '\u{fffd}' } else { c }).collect()
    }
}

/// Control characters drive terminals; directional and invisible ones make a line read as another.
fn unsafe_to_show(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The same before it is anybody's: to be used in this process, or to be handed to another.
pub(super) struct Parts {
    /// Our ends of its FIFOs, if frames go through those.
    pub(super) frames: Option<Frames>,
    /// What comes from the attached streams.
    pub(super) pieces: BoxStream<'static, io::Result<Piece>>,
    /// The attached standard input.
    pub(super) input: Box<dyn AsyncWrite + Send + Unpin>,
    pub(super) exit: oneshot::Receiver<i64>,
}

impl Parts {
    /// For use in this process.
    pub(super) fn attached(self) -> Attached {
        let Self { frames, pieces, input, exit } = self;
        let diagnostics = Diagnostics::default();
        let attached = Output::new(pieces, diagnostics.clone());
        match frames {
            Some(frames) => {
                let (input, output) = frames.streams(attached, input);
                Attached { input: Box::new(input), output: Box::new(output), diagnostics, exit }
            }
            None => Attached { input, output: Box::new(attached), diagnostics, exit },
        }
    }
}

/// One piece of what the engine sends for an attached container.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Output(Bytes),
    Diagnostics(Bytes),
    /// Not from either stream: never seen without a terminal, unless the stream was cut or is not the
    /// engine's.
    Torn,
}

/// Standard output as bytes; standard error is put aside on the way.
pub(super) struct Output<S> {
    pieces: S,
    rest: Bytes,
    ended: bool,
    diagnostics: Diagnostics,
    /// Bytes of standard error that may still come.
    patience: u64,
}

impl<S> Output<S> {
    pub(super) fn new(pieces: S, diagnostics: Diagnostics) -> Self {
        Self { pieces, rest: Bytes::new(), ended: false, diagnostics, patience: MOST_DIAGNOSTICS_BYTES }
    }
}

impl<S: Stream<Item = io::Result<Piece>> + Unpin> AsyncRead for Output<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        while this.rest.is_empty() && !this.ended {
            match Pin::new(&mut this.pieces).poll_next(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(Piece::Output(bytes)))) => this.rest = bytes,
                Poll::Ready(Some(Ok(Piece::Diagnostics(bytes)))) => {
                    this.diagnostics.push(&bytes);
                    let Some(left) = this.patience.checked_sub(bytes.len() as u64) else {
                        this.ended = true;
                        return Poll::Ready(Err(io::Error::new(
                            io::ErrorKind::QuotaExceeded,
                            format!("more than {MOST_DIAGNOSTICS_BYTES} bytes on its standard error"),
                        )));
                    };
                    this.patience = left;
                }
                Poll::Ready(Some(Ok(Piece::Torn))) => {
                    this.ended = true;
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, "the attached stream is torn")));
                }
                Poll::Ready(Some(Err(error))) => {
                    this.ended = true;
                    return Poll::Ready(Err(error));
                }
                Poll::Ready(None) => this.ended = true,
            }
        }
        let some = this.rest.len().min(into.remaining());
        into.put_slice(&this.rest.copy_to_bytes(some));
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use futures_util::stream;
    use tokio::io::AsyncReadExt as _;

    fn output(pieces: Vec<io::Result<Piece>>) -> (Output<impl Stream<Item = io::Result<Piece>> + Unpin>, Diagnostics) {
        let diagnostics = Diagnostics::default();
        (Output::new(stream::iter(pieces), diagnostics.clone()), diagnostics)
    }

    #[tokio::test]
    async fn the_two_streams_are_told_apart() {
        let (mut output, diagnostics) = output(vec![
            Ok(Piece::Output(Bytes::from_static(b"fra"))),
            Ok(Piece::Diagnostics(Bytes::from_static(b"why\n"))),
            Ok(Piece::Output(Bytes::new())),
            Ok(Piece::Output(Bytes::from_static(b"me"))),
        ]);
        let mut bytes = Vec::new();
        output.read_to_end(&mut bytes).await.unwrap();
        assert_eq!((bytes.as_slice(), diagnostics.text().as_str()), (b"frame".as_slice(), "why\n"));
    }

    #[tokio::test]
    async fn a_torn_stream_is_an_error_and_then_its_end() {
        let (mut output, _) = output(vec![Ok(Piece::Torn), Ok(Piece::Output(Bytes::from_static(b"after")))]);
        let mut bytes = [0; 8];
        assert_eq!(output.read(&mut bytes).await.unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert_eq!(output.read(&mut bytes).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_flood_of_diagnostics_ends_the_stream() {
        let flood = || Ok(Piece::Diagnostics(Bytes::from(vec![b'x'; 64 << 10])));
        let enough = (0..16).map(|_| flood()).chain([Ok(Piece::Output(Bytes::from_static(b"frame")))]);
        let (mut within, _) = output(enough.collect());
        assert_eq!(within.read(&mut [0; 8]).await.unwrap(), 5);
        let (mut flooded, diagnostics) = output((0..17).map(|_| flood()).collect());
        assert_eq!(flooded.read(&mut [0; 8]).await.unwrap_err().kind(), io::ErrorKind::QuotaExceeded);
        assert_eq!(flooded.read(&mut [0; 8]).await.unwrap(), 0);
        assert_eq!(diagnostics.text().len(), DIAGNOSTICS_BYTES);
    }

    #[test]
    fn a_flood_of_diagnostics_keeps_the_last_16_kib() {
        let diagnostics = Diagnostics::default();
        diagnostics.push(&[b'a'; DIAGNOSTICS_BYTES]);
        diagnostics.push(b"end");
        diagnostics.push(&[]);
        let text = diagnostics.text();
        assert_eq!(text.len(), DIAGNOSTICS_BYTES);
        assert!(text.ends_with("aend"));
        diagnostics.push(&[b'b'; 3 * DIAGNOSTICS_BYTES]);
        assert_eq!(diagnostics.text(), "b".repeat(DIAGNOSTICS_BYTES));
    }

    #[test]
    fn diagnostics_drive_no_terminal() {
        let diagnostics = Diagnostics::default();
        diagnostics.push("\x1b[2Jgone\r\u{202e}txt.exe\nlast".as_bytes());
        assert_eq!(diagnostics.text(), "\u{fffd}[2Jgone\u{fffd}\u{fffd}txt.exe\nlast");
    }
}
