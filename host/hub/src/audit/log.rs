//! Appends lines to a file. Whoever comes when nobody else writes does it himself: to wake a thread for it and to
//! be woken by it costs several times what the kernel takes for a line. All others leave theirs to the log's own
//! thread, where lines that wait for each other go out in one `write(2)`; so a disk that hangs holds one thread of
//! the hub and no more, and a second one never waits in the kernel for the first.

use super::record::{Entry, Record};
use crate::metrics::AuditMetrics;
use jiff::Timestamp;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, FileTypeExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// Lines that wait; whoever adds one more waits too.
const QUEUE: usize = 1024;
/// The most that goes out in one write.
const BATCH_BYTES: usize = 256 << 10;

/// Why a record is not in the log. What it would have recorded must then not happen.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the audit log cannot be written: {0}")]
pub(crate) struct AuditError(String);

/// The handle; clones write to one file.
#[derive(Clone)]
pub(crate) struct Audit {
    path: Arc<Path>,
    file: Arc<Mutex<File>>,
    queue: mpsc::Sender<Waiting>,
    metrics: Arc<AuditMetrics>,
}

struct Waiting {
    line: Vec<u8>,
    durable: bool,
    written: oneshot::Sender<Result<(), AuditError>>,
}

impl Audit {
    /// Opens the log and starts its thread, which ends with the last handle.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new().create(true).append(true).read(true).mode(0o600).open(path)?;
        if file.metadata()?.file_type().is_fifo() {
            // Nobody keeps what is written, and when nobody reads it every call waits.
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is a FIFO: put a file in its place"));
        }
        end_torn_line(&mut file)?;
        let (queue, waiting) = mpsc::channel(QUEUE);
        let file = Arc::new(Mutex::new(file));
        let shared = file.clone();
        std::thread::Builder::new().name("audit".into()).spawn(move || serve(&shared, waiting))?;
        Ok(Self { path: path.into(), file, queue, metrics: Arc::default() })
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What it counts.
    pub(crate) fn metrics(&self) -> &Arc<AuditMetrics> {
        &self.metrics
    }

    /// Writes a record; when this returns it survives the hub.
    pub(crate) async fn write(&self, entry: Entry) -> Result<(), AuditError> {
        self.append(entry, false).await
    }

    /// Writes a record; when this returns it survives a power loss.
    pub(crate) async fn write_durable(&self, entry: Entry) -> Result<(), AuditError> {
        self.append(entry, true).await
    }

    async fn append(&self, entry: Entry, durable: bool) -> Result<(), AuditError> {
        let begun = Instant::now();
        let bytes = self.append_record(entry, durable).await;
        self.metrics.appended(&bytes, begun.elapsed());
        bytes.map(drop)
    }

    /// Gives the bytes that it takes in the log.
    async fn append_record(&self, entry: Entry, durable: bool) -> Result<usize, AuditError> {
        let record = Record { time: Timestamp::now(), entry };
        let mut line = serde_json::to_vec(&record).map_err(|e| AuditError(e.to_string()))?;
        line.push(b'\n');
        let bytes = line.len();
        // What waits for the disk itself is no work for a thread that serves others.
        if !durable && let Some(result) = self.append_now(&line) {
            return result.map(|()| bytes);
        }
        let (written, done) = oneshot::channel();
        let gone = || AuditError("its thread has ended".into());
        self.queue.send(Waiting { line, durable, written }).await.map_err(|_| gone())?;
        done.await.map_err(|_| gone())?.map(|()| bytes)
    }
}

impl Audit {
    /// Appends a line here and now, unless somebody else is at it.
    fn append_now(&self, line: &[u8]) -> Option<Result<(), AuditError>> {
        let mut file = match self.file.try_lock() {
            Ok(file) => file,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        Some(append(&mut file, line, false).map_err(|error| failed(&error)))
    }
}

/// A hub that died while writing left half a line; the next record must not become part of it.
fn end_torn_line(file: &mut File) -> io::Result<()> {
    let length = file.metadata()?.len();
    let mut last = [b'\n'];
    if let Some(at) = length.checked_sub(1) {
        file.read_exact_at(&mut last, at)?;
    }
    if last != *b"\n" {
        file.write_all(b"\n")?;
    }
    Ok(())
}

fn serve(file: &Mutex<File>, mut waiting: mpsc::Receiver<Waiting>) {
    while let Some(first) = waiting.blocking_recv() {
        let mut batch = first.line;
        let mut durable = first.durable;
        let mut written = vec![first.written];
        while batch.len() < BATCH_BYTES
            && let Ok(next) = waiting.try_recv()
        {
            batch.extend_from_slice(&next.line);
            durable |= next.durable;
            written.push(next.written);
        }
        let result = {
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            append(&mut file, &batch, durable).map_err(|error| failed(&error))
        };
        for waiter in written {
            // Whoever no longer waits was cancelled; the record stands.
            drop(waiter.send(result.clone()));
        }
    }
}

fn failed(error: &io::Error) -> AuditError {
    tracing::error!(%error, "calls are denied until the audit log can be written");
    AuditError(error.to_string())
}

/// All of it or nothing of it: half a line would swallow the next one.
fn append(file: &mut File, batch: &[u8], durable: bool) -> io::Result<()> {
    match file.write(batch) {
        Ok(written) if written == batch.len() => {}
        Ok(written) => finish(file, batch, written)?,
        Err(error) if error.kind() == io::ErrorKind::Interrupted => finish(file, batch, 0)?,
        Err(error) => return Err(error),
    }
    if durable { file.sync_data() } else { Ok(()) }
}

/// The disk took a part of it: the rest, or away with the part.
fn finish(file: &mut File, batch: &[u8], written: usize) -> io::Result<()> {
    let before = file.metadata()?.len().saturating_sub(written as u64);
    if let Err(error) = file.write_all(batch.get(written..).unwrap_or_default()) {
        file.set_len(before)?;
        return Err(error);
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn entry(n: usize) -> Entry {
        Entry::HubStopped { hub: format!("{n}") }
    }

    fn lines(path: &Path) -> Vec<serde_json::Value> {
        std::fs::read_to_string(path).unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect()
    }

    #[tokio::test]
    async fn records_are_whole_lines_in_the_order_they_were_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.jsonl");
        let audit = Audit::open(&path).unwrap();
        for n in 0..10 {
            audit.write(entry(n)).await.unwrap();
            assert_eq!(lines(&path).len(), n + 1);
        }
        audit.write_durable(entry(10)).await.unwrap();
        let hubs: Vec<_> = lines(&path).iter().map(|l| l["hub"].as_str().unwrap().parse::<usize>().unwrap()).collect();
        assert_eq!(hubs, (0..11).collect::<Vec<_>>());
        assert_eq!(lines(&path)[0]["event"], "hub_stopped");
    }

    #[tokio::test]
    async fn many_at_once_are_all_there() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.jsonl");
        let audit = Audit::open(&path).unwrap();
        let writers: Vec<_> = (0..200)
            .map(|n| {
                tokio::spawn({
                    let audit = audit.clone();
                    async move { audit.write(entry(n)).await }
                })
            })
            .collect();
        for writer in writers {
            writer.await.unwrap().unwrap();
        }
        assert_eq!(lines(&path).len(), 200);
    }

    #[tokio::test]
    async fn a_torn_line_swallows_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.jsonl");
        std::fs::write(&path, b"{\"event\":\"requ").unwrap();
        Audit::open(&path).unwrap().write(entry(1)).await.unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("{\"event\":\"requ\n{\"time\""), "{text}");
    }

    #[tokio::test]
    async fn a_full_disk_is_an_error() {
        let audit = Audit::open(Path::new("/dev/full")).unwrap();
        assert!(audit.write(entry(1)).await.is_err());
        assert!(audit.write(entry(2)).await.is_err());
    }
}
