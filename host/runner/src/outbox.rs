//! Frames on their way to the hub: everything that is queued leaves in one write.
//!
//! Bounded: while more than [`ROOM_BYTES`] wait, no further message of the hub is read, so no further
//! call starts, and what guests merely say is dropped. A result is never dropped.

use protocol::{FrameError, FromRunner, encode};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Above this the runner reads nothing more and guests are not heard.
const ROOM_BYTES: usize = 1 << 20;

/// Memory that an empty queue keeps.
const KEPT_BYTES: usize = 256 << 10;

/// The queue; clones are the same queue.
#[derive(Debug, Clone, Default)]
pub struct Outbox {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    bytes: Mutex<Vec<u8>>,
    filled: Notify,
}

impl Outbox {
    /// Queues a message.
    ///
    /// # Errors
    /// If it does not fit a frame; nothing is queued then.
    pub fn push(&self, message: &FromRunner) -> Result<(), FrameError> {
        encode(message, &mut self.waiting())?;
        self.shared.filled.notify_one();
        Ok(())
    }

    /// Queues what a guest said, unless the hub is behind; whether it was queued.
    #[must_use]
    pub fn offer(&self, message: &FromRunner) -> bool {
        self.has_room() && self.push(message).is_ok()
    }

    /// Whether more may be taken on.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.bytes() < ROOM_BYTES
    }

    /// How much waits.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.waiting().len()
    }

    /// Everything that waits, in place of what is in `leaving`, whose memory the queue then fills: a new buffer for
    /// each write had its pages faulted in again and again, 4 % of a call with 64 KiB.
    pub fn take(&self, leaving: &mut Vec<u8>) {
        leaving.clear();
        // A flood is over some time, and its memory goes back.
        leaving.shrink_to(KEPT_BYTES);
        std::mem::swap(&mut *self.waiting(), leaving);
    }

    /// Waits until something was queued. May return early.
    pub async fn filled(&self) {
        self.shared.filled.notified().await;
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<u8>> {
        self.shared.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use protocol::Decoder;

    #[test]
    fn a_flood_of_words_is_bounded_and_results_still_leave() {
        let outbox = Outbox::default();
        let word =
            FromRunner::Log(protocol::Log { id: 1, source: protocol::LogSource::Stdout, text: "x".repeat(64 << 10) });
        let heard = (0..1000).filter(|_| outbox.offer(&word)).count();
        assert!((10..=17).contains(&heard), "{heard}");
        assert!(!outbox.has_room());
        outbox.push(&FromRunner::Ready(7)).unwrap();
        let mut decoder = Decoder::new();
        let mut leaving = vec![7; 3];
        outbox.take(&mut leaving);
        decoder.push(&leaving);
        for _ in 0..heard {
            assert_eq!(decoder.next::<FromRunner>().unwrap(), Some(word.clone()));
        }
        assert_eq!(decoder.next::<FromRunner>().unwrap(), Some(FromRunner::Ready(7)));
        assert!(outbox.has_room());
        outbox.take(&mut leaving);
        outbox.take(&mut leaving);
        assert!(leaving.is_empty() && leaving.capacity() <= KEPT_BYTES);
    }
}
