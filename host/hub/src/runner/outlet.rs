//! The way to a runner. Whoever has a frame writes it itself, at once, if the pipe takes it: a frame that is handed
//! to another task costs each call a switch between two. What the pipe does not take waits here, bounded, and is
//! carried by the pump.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use tokio::io::AsyncWrite;
use tokio::sync::Notify;

/// Frames that wait for the pipe; a runner that reads nothing blocks its callers, not the hub.
pub(super) const MOST_WAITING: usize = 64;
/// Frames that leave in one write.
const AT_ONCE: usize = 16;

/// The way to one runner.
pub(super) struct Outlet {
    state: Mutex<State>,
    /// The pump has something to carry.
    work: Notify,
    /// Somebody may have room, or it is over.
    room: Notify,
}

/// It is over: no frame is taken any more.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Closed;

struct State {
    stream: Stream,
    waiting: VecDeque<Vec<u8>>,
    /// Bytes of the first that have left.
    sent: usize,
    unflushed: bool,
}

enum Stream {
    Open(Box<dyn AsyncWrite + Send + Unpin>),
    /// The runner takes no more frames. Its output says more about why than a broken pipe does, so whoever sends
    /// waits for that, as long as it would for an answer.
    Broken,
    Closed,
}

impl Outlet {
    pub(super) fn new(stream: Box<dyn AsyncWrite + Send + Unpin>) -> Self {
        let state = State { stream: Stream::Open(stream), waiting: VecDeque::new(), sent: 0, unflushed: false };
        Self { state: Mutex::new(state), work: Notify::new(), room: Notify::new() }
    }

    /// Sends a frame, or leaves it to the pump. Waits while too many wait: dropped there, it has sent nothing.
    pub(super) async fn send(&self, frame: Vec<u8>) -> Result<(), Closed> {
        self.send_behind(frame, MOST_WAITING).await
    }

    /// The same, for frames of which there are many: it waits until fewer than `most` are before it, so that whatever
    /// is sent otherwise never waits behind more of them.
    pub(super) async fn send_behind(&self, frame: Vec<u8>, most: usize) -> Result<(), Closed> {
        loop {
            let room = self.room.notified();
            {
                let mut state = self.state();
                match state.stream {
                    Stream::Closed => return Err(Closed),
                    Stream::Broken => return Ok(()),
                    Stream::Open(_) => {}
                }
                if state.waiting.len() < most {
                    let first = state.waiting.is_empty() && !state.unflushed;
                    state.waiting.push_back(frame);
                    // Somebody waits for room in the pipe already, and will be woken; a second one would take his turn.
                    if first && state.carry(&mut Context::from_waker(Waker::noop())).is_pending() {
                        self.work.notify_one();
                    }
                    return Ok(());
                }
            }
            room.await;
        }
    }

    /// Carries what waits, for ever.
    pub(super) async fn carry(&self) -> Infallible {
        loop {
            poll_fn(|cx| {
                let mut state = self.state();
                let before = state.waiting.len();
                let carried = state.carry(cx);
                if state.waiting.len() < before {
                    self.room.notify_waiters();
                }
                carried
            })
            .await;
            self.work.notified().await;
        }
    }

    /// Closes the stream; what waits is dropped.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.stream = Stream::Closed;
        state.waiting.clear();
        self.room.notify_waiters();
    }

    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.state().waiting.len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Writes until nothing waits, or the stream takes no more.
    fn carry(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let carried = ready!(self.try_carry(cx));
        if let Err(error) = carried {
            tracing::debug!(%error, "a runner takes no more frames");
            self.stream = Stream::Broken;
            self.waiting.clear();
        }
        Poll::Ready(())
    }

    fn try_carry(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Stream::Open(stream) = &mut self.stream else { return Poll::Ready(Ok(())) };
        while let Some(first) = self.waiting.front() {
            let mut slices = [IoSlice::new(&[]); AT_ONCE];
            let rest = std::iter::once(first.get(self.sent..).unwrap_or_default());
            let all = rest.chain(self.waiting.iter().skip(1).map(Vec::as_slice));
            let mut count = 0;
            for (slice, bytes) in slices.iter_mut().zip(all) {
                *slice = IoSlice::new(bytes);
                count += 1;
            }
            let written =
                ready!(Pin::new(&mut *stream).poll_write_vectored(cx, slices.get(..count).unwrap_or(&slices)))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.unflushed = true;
            self.sent += written;
            while let Some(first) = self.waiting.front()
                && let Some(beyond) = self.sent.checked_sub(first.len())
            {
                self.sent = beyond;
                self.waiting.pop_front();
            }
        }
        if self.unflushed {
            ready!(Pin::new(stream).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use std::sync::Arc;
    use tokio::io::AsyncReadExt;

    #[tokio::test]
    async fn a_frame_that_fits_needs_no_pump() {
        let (hub, mut runner) = tokio::io::duplex(64);
        let outlet = Outlet::new(Box::new(hub));
        outlet.send(b"one".to_vec()).await.unwrap();
        outlet.send(b"two".to_vec()).await.unwrap();
        assert_eq!(outlet.waiting(), 0);
        let mut read = [0; 6];
        runner.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"onetwo");
    }

    #[tokio::test]
    async fn frames_longer_than_the_pipe_leave_in_order_and_whole() {
        let (hub, mut runner) = tokio::io::duplex(7);
        let outlet = Arc::new(Outlet::new(Box::new(hub)));
        let pump = tokio::spawn({
            let outlet = outlet.clone();
            async move { outlet.carry().await }
        });
        let sender = tokio::spawn({
            let outlet = outlet.clone();
            async move {
                for n in 0..200_u8 {
                    outlet.send(vec![n; usize::from(n % 40) + 1]).await.unwrap();
                }
            }
        });
        let expected: Vec<u8> = (0..200_u8).flat_map(|n| vec![n; usize::from(n % 40) + 1]).collect();
        let mut read = vec![0; expected.len()];
        runner.read_exact(&mut read).await.unwrap();
        assert_eq!(read, expected);
        sender.await.unwrap();
        pump.abort();
    }

    #[tokio::test]
    async fn whoever_waits_for_room_is_told_of_the_end() {
        let (hub, _runner) = tokio::io::duplex(1);
        let outlet = Arc::new(Outlet::new(Box::new(hub)));
        for _ in 0..MOST_WAITING {
            outlet.send(b"xx".to_vec()).await.unwrap();
        }
        let waits = tokio::spawn({
            let outlet = outlet.clone();
            async move { outlet.send(b"xx".to_vec()).await }
        });
        tokio::task::yield_now().await;
        outlet.close();
        assert_eq!(waits.await.unwrap(), Err(Closed));
        assert_eq!(outlet.send(b"xx".to_vec()).await, Err(Closed));
    }

    #[tokio::test]
    async fn a_runner_that_hung_up_is_not_the_senders_error() {
        let (hub, runner) = tokio::io::duplex(8);
        drop(runner);
        let outlet = Outlet::new(Box::new(hub));
        outlet.send(b"one".to_vec()).await.unwrap();
        outlet.send(b"two".to_vec()).await.unwrap();
        assert_eq!(outlet.waiting(), 0);
    }
}
