//! Signs heads, on a thread of its own: to make a key durable takes milliseconds, and no call waits for them.

use super::chain::Counted;
use super::head::Head;
use super::key_file::{KeyFile, KeyState, Vouched};
use super::log::{AuditError, Shared, body, failed};
use super::record::Entry;
use super::room::{Turn, is_want_of_room};
use crate::failpoint::failpoint;
use std::fs::File;
use std::io;
use std::iter::once;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, PoisonError};
use std::time::Instant;
use tokio::sync::oneshot;

/// What the signer is asked for.
pub(super) enum Ask {
    /// Enough records wait for a head.
    Due,
    /// A head for all there is, now.
    Close(oneshot::Sender<()>),
}

/// Owns the key.
pub(super) struct Signer {
    shared: Arc<Shared>,
    /// The log once more, so that it is synced without its lock.
    log: File,
    key: KeyFile,
    state: KeyState,
    /// A head that is signed and not in the log yet. None is signed before it is.
    pending: Option<Head>,
}

impl Signer {
    pub(super) fn new(shared: Arc<Shared>, log: File, key: KeyFile, state: KeyState, pending: Option<Head>) -> Self {
        Self { shared, log, key, state, pending }
    }

    /// Until the last handle of the log is gone.
    pub(super) fn run(mut self, asks: &Receiver<Ask>) {
        // What a start found is signed for at once: it can be cut off only until then.
        self.sign();
        let mut tick = Instant::now();
        loop {
            let ask = asks.recv_timeout(tick.saturating_duration_since(Instant::now()));
            if Instant::now() >= tick {
                tick = Instant::now() + self.shared.settings.head_within;
                self.look();
                self.sign();
            }
            match ask {
                Ok(Ask::Due) => self.sign(),
                Ok(Ask::Close(closed)) => {
                    self.sign();
                    if let Some(copies) = &self.shared.copies {
                        copies.settle();
                    }
                    // Whoever does not wait for it any more has ended.
                    let _ = closed.send(());
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.sign(),
            }
        }
    }

    /// Signs if something is unsigned, and remembers why it cannot.
    fn sign(&mut self) {
        self.shared.due.store(false, Ordering::Release);
        let result = self.head();
        let mut unsigned = self.shared.unsigned.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = &result {
            if unsigned.is_none() {
                tracing::error!(%error, "calls are denied until a head of the audit log can be signed");
            }
            // So that the next tick tries again.
            let mut chain = self.shared.chain();
            chain.unsigned = chain.unsigned.max(1);
        }
        // A full disk says so itself.
        *unsigned = result.err().filter(|error| !is_want_of_room(error)).map(|error| error.to_string());
    }

    fn head(&mut self) -> io::Result<()> {
        self.publish()?;
        let tip = {
            let mut chain = self.shared.chain();
            if chain.unsigned == 0 {
                return Ok(());
            }
            chain.vouch()
        };
        failpoint!("head.chosen");
        // First the log: a key that vouches for a record which a power loss takes away could not be told from a log
        // that somebody cut.
        self.log.sync_data()?;
        failpoint!("head.log_synced");
        let upto = tip.seq.saturating_sub(1);
        let head = self.state.secret.sign(self.state.log, self.state.step, upto, tip.hash);
        let state = self.state.after(Vouched { head: head.clone(), start: tip.start, end: tip.end });
        failpoint!("head.signed");
        self.key.advance(&state)?;
        failpoint!("head.key_advanced");
        self.state = state;
        self.pending = Some(head);
        self.publish()
    }

    /// Puts the head that is signed into the log, and copies it.
    fn publish(&mut self) -> io::Result<()> {
        let Some(head) = &self.pending else { return Ok(()) };
        let body = body(Entry::Head(head.clone())).map_err(io::Error::other)?;
        {
            let mut chain = self.shared.chain();
            let mut result = chain.append(once(body.as_slice()), Counted::Head);
            if result.as_ref().is_err_and(is_want_of_room) {
                self.shared.room.release();
                result = chain.append(once(body.as_slice()), Counted::Head);
            }
            result?;
            chain.vouched = head.upto.saturating_add(1);
        }
        failpoint!("head.appended");
        if let Some(copies) = &self.shared.copies {
            copies.offer(head);
        }
        self.pending = None;
        Ok(())
    }

    /// Writes down when the disk has become too full, and when it is no more.
    fn look(&self) {
        let entry = match self.shared.room.look() {
            None => return,
            Some(Turn::Full { free_bytes }) => Entry::AuditFull { free_bytes },
            Some(Turn::Writable { free_bytes }) => Entry::AuditWritable { free_bytes },
        };
        if let Err(error) = self.tell(entry) {
            tracing::error!(%error, "the audit log does not say that its disk is full");
        }
    }

    fn tell(&self, entry: Entry) -> Result<(), AuditError> {
        let body = body(entry)?;
        let mut chain = self.shared.chain();
        self.shared.append(&mut chain, &body, true).map_err(|error| match error {
            AuditError::Write(words) => failed(&io::Error::other(words)),
            other => other,
        })
    }
}
