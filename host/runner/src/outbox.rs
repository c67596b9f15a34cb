//! Frames on their way to the hub: everything that is queued leaves in one write.
//!
//! Bounded: while more than [`ROOM_BYTES`] wait, no further message of the hub is read, so no further
//! call starts, and what guests merely say is dropped. A result is never dropped. What guests ask of the outside
//! waits for room of its own, far less, each in its turn: no body of a request keeps a result or a pong waiting long,
//! and no other body either.

use protocol::{FrameError, FromRunner, encode};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{AcquireError, Notify, Semaphore, SemaphorePermit};

/// Above this the runner reads nothing more and guests are not heard.
const ROOM_BYTES: usize = 1 << 20;

/// Of requests and their bodies, what waits at most.
const REQUEST_BYTES: usize = 128 << 10;

/// Memory that an empty queue keeps.
const KEPT_BYTES: usize = 256 << 10;

/// The queue; clones are the same queue.
#[derive(Debug, Clone, Default)]
pub struct Outbox {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    waiting: Mutex<Waiting>,
    filled: Notify,
    /// Fair: who has waited longest is next.
    requests: Semaphore,
}

impl Default for Shared {
    fn default() -> Self {
        Self { waiting: Mutex::default(), filled: Notify::new(), requests: Semaphore::new(REQUEST_BYTES) }
    }
}

#[derive(Debug, Default)]
struct Waiting {
    bytes: Vec<u8>,
    /// The room that messages among them were given.
    room: usize,
}

/// Room for one message of a request, from the moment it is given until the message has left.
#[derive(Debug)]
pub struct Room<'a>(SemaphorePermit<'a>);

impl Outbox {
    /// Queues a message.
    ///
    /// # Errors
    /// If it does not fit a frame; nothing is queued then.
    pub fn push(&self, message: &FromRunner) -> Result<(), FrameError> {
        encode(message, &mut self.waiting().bytes)?;
        self.shared.filled.notify_one();
        Ok(())
    }

    /// Waits for room for a message of a request, so many bytes of it.
    ///
    /// # Errors
    /// None while the outbox lives.
    pub async fn room(&self, bytes: usize) -> Result<Room<'_>, AcquireError> {
        let bytes = u32::try_from(bytes.min(REQUEST_BYTES)).unwrap_or(u32::MAX);
        Ok(Room(self.shared.requests.acquire_many(bytes).await?))
    }

    /// Queues a message of a request in the room that was given for it.
    ///
    /// # Errors
    /// As [`Outbox::push`]; the room is free again.
    pub fn push_in(&self, room: Room<'_>, message: &FromRunner) -> Result<(), FrameError> {
        self.push(message)?;
        self.waiting().room += room.0.num_permits();
        room.0.forget();
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
        self.waiting().bytes.len()
    }

    /// Everything that waits, in place of what is in `leaving`, whose memory the queue then fills: a new buffer for
    /// each write had its pages faulted in again and again, 4 % of a call with 64 KiB.
    pub fn take(&self, leaving: &mut Vec<u8>) {
        leaving.clear();
        // A flood is over some time, and its memory goes back.
        leaving.shrink_to(KEPT_BYTES);
        let room = {
            let mut waiting = self.waiting();
            std::mem::swap(&mut waiting.bytes, leaving);
            std::mem::take(&mut waiting.room)
        };
        self.shared.requests.add_permits(room);
    }

    /// Waits until something was queued. May return early.
    pub async fn filled(&self) {
        self.shared.filled.notified().await;
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.shared.waiting.lock().unwrap_or_else(PoisonError::into_inner)
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
