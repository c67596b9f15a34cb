//! Appends records to the log. Whoever comes when nobody else writes does it himself: to wake a thread for it and to
//! be woken by it costs several times what the kernel takes for a line. All others leave theirs to the log's own
//! thread, where records that wait for each other go out in one `write(2)`; so a disk that hangs holds one thread of
//! the hub and no more, and a second one never waits in the kernel for the first.

use super::arguments::{ArgumentsDigest, ArgumentsKey};
use super::chain::Chain;
use super::copies::{Copies, HeadCopies};
use super::place::{Place, Settings};
use super::record::Entry;
use super::room::Room;
use super::shared::{AuditError, MOST_UNSIGNED, Shared, body, failed};
use super::signer::{Ask, Signer};
use super::start;
use crate::api::StartError;
use crate::metrics::AuditMetrics;
use std::io;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// Records that wait; whoever adds one more waits too.
const QUEUE: usize = 1024;
/// The most that goes out in one write.
const BATCH_BYTES: usize = 256 << 10;

/// The handle; clones write to one file.
#[derive(Clone)]
pub(crate) struct Audit {
    shared: Arc<Shared>,
    queue: mpsc::Sender<Waiting>,
    signer: Sender<Ask>,
    arguments: ArgumentsKey,
}

struct Waiting {
    body: Vec<u8>,
    ends: bool,
    durable: bool,
    written: oneshot::Sender<Result<(), AuditError>>,
}

impl Audit {
    /// Opens the log, closes what a killed hub left open, and starts its threads, which end with the last handle.
    pub(crate) fn open(place: Place, hub: &str, copies: Option<&HeadCopies>) -> Result<Self, StartError> {
        Self::open_with(place, hub, copies, Settings::default())
    }

    pub(super) fn open_with(
        place: Place,
        hub: &str,
        copies: Option<&HeadCopies>,
        settings: Settings,
    ) -> Result<Self, StartError> {
        let path = place.log.clone();
        let fail = |what| {
            let path = path.clone();
            move |source: io::Error| StartError::Data { path, what, source }
        };
        let copies = copies.map(Copies::open).transpose().map_err(fail("copy the heads of"))?;
        let arguments = ArgumentsKey::of(&place.arguments)?;
        let started = start::start(&place, hub)?;
        let asks_room = started.chain.file.try_clone().map_err(fail("open"))?;
        let room = Room::open(&place.reserve, asks_room, settings.least_free_bytes);
        let room = room.map_err(|source| StartError::Data { path: place.reserve.clone(), what: "reserve", source })?;
        let log = started.chain.file.try_clone().map_err(fail("open"))?;
        let shared = Arc::new(Shared {
            place,
            chain: Mutex::new(started.chain),
            room,
            copies,
            settings,
            unsigned: Mutex::default(),
            due: AtomicBool::new(false),
            neighbours: Mutex::default(),
            metrics: Arc::default(),
        });
        let signs = Signer::new(shared.clone(), log, started.key, started.state, started.pending);
        let (signer, asks) = channel();
        let (queue, waiting) = mpsc::channel(QUEUE);
        let audit = Self { shared: shared.clone(), queue, signer: signer.clone(), arguments };
        let threads = fail("start the threads of");
        let spawned = std::thread::Builder::new().name("audit-heads".into()).spawn(move || signs.run(&asks));
        let spawned = spawned.and_then(|_| {
            std::thread::Builder::new().name("audit".into()).spawn(move || serve(&shared, &signer, waiting))
        });
        spawned.map_err(threads)?;
        Ok(audit)
    }

    /// The file.
    pub(crate) fn path(&self) -> &std::path::Path {
        &self.shared.place.log
    }

    /// What the log has of arguments.
    pub(crate) fn digest(&self, arguments: &str) -> ArgumentsDigest {
        self.arguments.digest(arguments)
    }

    /// What it counts.
    pub(crate) fn metrics(&self) -> &Arc<AuditMetrics> {
        &self.shared.metrics
    }

    /// Counts how far the heads are behind; not while somebody writes, so that whoever asks waits for no disk.
    pub(crate) fn count_unsigned(&self) {
        if let Ok(chain) = self.shared.chain.try_lock() {
            self.shared.metrics.set_unsigned(chain.tip.seq.saturating_sub(chain.vouched));
        }
    }

    /// Writes a record; when this returns it survives the hub.
    pub(crate) async fn write(&self, entry: Entry) -> Result<(), AuditError> {
        self.append(entry, false).await
    }

    /// Writes a record; when this returns it survives a power loss.
    pub(crate) async fn write_durable(&self, entry: Entry) -> Result<(), AuditError> {
        self.append(entry, true).await
    }
}

impl Audit {
    /// Signs for everything so far and waits until that is done: what comes later belongs to the next start.
    pub(crate) async fn close(&self) {
        let (closed, done) = oneshot::channel();
        if self.signer.send(Ask::Close(closed)).is_ok() {
            // A signer that is gone has signed last.
            drop(done.await);
        }
    }

    /// What is wrong with the log, each with its remedy.
    pub(crate) fn problems(&self) -> Vec<String> {
        let shared = &self.shared;
        let refused = shared.refusal().map(|refused| format!("calls are denied: {refused}"));
        refused.into_iter().chain(shared.copies.as_ref().and_then(Copies::problem)).collect()
    }

    /// Remembers who else writes to the log's disk, from now on.
    pub(crate) fn beside(&self, neighbours: Vec<String>) {
        let mut known = self.shared.neighbours.lock().unwrap_or_else(PoisonError::into_inner);
        neighbours.iter().filter(|warning| !known.contains(warning)).for_each(|warning| tracing::warn!("{warning}"));
        *known = neighbours;
    }

    /// What may become a problem.
    pub(crate) fn warnings(&self) -> Vec<String> {
        self.shared.neighbours.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn append(&self, entry: Entry, durable: bool) -> Result<(), AuditError> {
        let begun = Instant::now();
        let result = self.append_record(entry, durable).await;
        self.shared.metrics.appended(&result, begun.elapsed());
        result
    }

    async fn append_record(&self, entry: Entry, durable: bool) -> Result<(), AuditError> {
        let ends = entry.ends();
        if !ends && let Some(refused) = self.shared.refusal() {
            return Err(refused);
        }
        let body = body(entry)?;
        // What waits for the disk itself is no work for a thread that serves others.
        if !durable && let Some(result) = self.append_now(&body, ends) {
            return result;
        }
        let (written, done) = oneshot::channel();
        let gone = || AuditError::Write("its thread has ended".into());
        self.queue.send(Waiting { body, ends, durable, written }).await.map_err(|_| gone())?;
        done.await.map_err(|_| gone())?
    }

    /// Appends a record here and now, unless somebody else is at it.
    fn append_now(&self, body: &[u8], ends: bool) -> Option<Result<(), AuditError>> {
        let mut chain = match self.shared.chain.try_lock() {
            Ok(chain) => chain,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        let result = self.shared.append(&mut chain, body, ends);
        self.shared.wake(&chain, &self.signer);
        Some(result)
    }

    /// The file of another log in the place of this one's, such as one on a disk that is full.
    #[cfg(test)]
    pub(crate) fn divert(&self, to: std::fs::File) -> std::fs::File {
        std::mem::replace(&mut self.shared.chain().file, to)
    }
}

fn serve(shared: &Shared, signer: &Sender<Ask>, mut waiting: mpsc::Receiver<Waiting>) {
    while let Some(first) = waiting.blocking_recv() {
        let (mut bytes, mut batch) = (first.body.len(), vec![first]);
        while bytes < BATCH_BYTES
            && let Ok(next) = waiting.try_recv()
        {
            bytes += next.body.len();
            batch.push(next);
        }
        let results = {
            let mut chain = shared.chain();
            let mut results = append_batch(shared, &mut chain, &batch);
            if batch.iter().any(|waiting| waiting.durable)
                && let Err(error) = chain.file.sync_data()
            {
                let failure = failed(&error);
                let durable = batch.iter().zip(&mut results).filter(|(waiting, _)| waiting.durable);
                durable.for_each(|(_, result)| *result = Err(failure.clone()));
            }
            shared.wake(&chain, signer);
            results
        };
        for (waiter, result) in batch.into_iter().zip(results) {
            // Whoever no longer waits was cancelled; the record stands.
            drop(waiter.written.send(result));
        }
    }
}

/// Records that came together, in one write if there is room for all.
fn append_batch(shared: &Shared, chain: &mut Chain, batch: &[Waiting]) -> Vec<Result<(), AuditError>> {
    if let [one] = batch {
        return vec![shared.append(chain, &one.body, one.ends)];
    }
    let full = chain.tip.seq.saturating_sub(chain.vouched) > MOST_UNSIGNED;
    if !full && shared.append_all(chain, batch.iter().map(|waiting| waiting.body.as_slice())).is_ok() {
        return batch.iter().map(|_| Ok(())).collect();
    }
    // One by one: some may be too long, or begin something that there is no room for.
    batch.iter().map(|waiting| shared.append(chain, &waiting.body, waiting.ends)).collect()
}
