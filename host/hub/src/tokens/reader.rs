//! Reads the tokens in force from the store, in a thread of its own: whoever asks whether a token is good cannot
//! wait for a database, and must not believe an old answer either.
//!
//! The stamp beside the store says at each call whether something changed; once a second the thread looks anyway,
//! for a command that died between its decision and the stamp, and for a store that was exchanged.

use crate::store::tokens::TokenRow;
use crate::store::{Location, Store, StoreError};
use arc_swap::ArcSwap;
use jiff::Timestamp;
use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How often it looks without being asked.
const EVERY: Duration = Duration::from_secs(1);
/// How long a call waits for a store that hangs; then nobody is let in.
const PATIENCE: Duration = Duration::from_secs(2);

/// The tokens in force by their `jti`; `None` while the store cannot be read.
pub(super) type Table = Option<HashMap<String, TokenRow>>;

/// Somebody waits until the store has been read.
type Asked = std::sync::mpsc::SyncSender<()>;

/// The thread, and what it read last. It ends when this is dropped.
pub(super) struct Reader {
    pub(super) table: Arc<ArcSwap<Table>>,
    ask: Mutex<Sender<Asked>>,
}

impl Reader {
    /// Starts the thread and waits for its first answer.
    pub(super) fn start(location: Location) -> Result<Self, super::TokenError> {
        let table = Arc::new(ArcSwap::from_pointee(None));
        let (ask, asked) = channel();
        let (first, opened) = sync_channel(1);
        let shown = table.clone();
        let started = std::thread::Builder::new().name("tokens".into()).spawn(move || {
            run(location, &shown, &asked, &first);
        });
        started.map_err(|error| super::TokenError::Unmade(error.to_string()))?;
        match opened.recv() {
            Ok(Ok(())) => Ok(Self { table, ask: Mutex::new(ask) }),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(super::TokenError::Unmade("the thread that reads tokens was lost".to_owned())),
        }
    }

    /// Reads the store now. A store that does not answer in time lets nobody in.
    pub(super) fn read(&self) {
        let (answer, answered) = sync_channel(1);
        let sent = self.ask.lock().unwrap_or_else(PoisonError::into_inner).send(answer);
        if sent.is_err() || answered.recv_timeout(PATIENCE).is_err() {
            tracing::error!("the store of tokens does not answer: nobody is let in until it does");
            self.table.store(Arc::new(None));
        }
    }
}

fn run(
    location: Location,
    table: &ArcSwap<Table>,
    asked: &Receiver<Asked>,
    first: &std::sync::mpsc::SyncSender<Result<(), StoreError>>,
) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
    let mut store = Kept { location, open: None };
    let read = runtime.block_on(store.read());
    let (table_now, opened) = match read {
        Ok(tokens) => (Some(tokens), Ok(())),
        Err(error) => (None, Err(error)),
    };
    table.store(Arc::new(table_now));
    let _ = first.send(opened);
    let mut told = false;
    loop {
        let waiting = match asked.recv_timeout(EVERY) {
            Ok(answer) => Some(answer),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        match runtime.block_on(store.read()) {
            Ok(tokens) => {
                table.store(Arc::new(Some(tokens)));
                told = false;
            }
            Err(error) => {
                table.store(Arc::new(None));
                if !std::mem::replace(&mut told, true) {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(error, "the store of tokens cannot be read: nobody is let in until it can");
                }
            }
        }
        if let Some(answer) = waiting {
            let _ = answer.send(());
        }
    }
}

/// The store, opened again when its file is another one or not ours alone any more.
struct Kept {
    location: Location,
    open: Option<(Store, Place)>,
}

/// What tells one file from another, and whose it is.
type Place = (u64, u64, u32, u32);

fn place(path: &Path) -> Option<Place> {
    let meta = path.symlink_metadata().ok()?;
    Some((meta.dev(), meta.ino(), meta.mode(), meta.uid()))
}

impl Kept {
    async fn read(&mut self) -> Result<HashMap<String, TokenRow>, StoreError> {
        let found = place(self.location.path());
        if self.open.as_ref().is_none_or(|(_, opened)| Some(*opened) != found) {
            if let Some((store, _)) = self.open.take() {
                store.close().await;
            }
            // It looks at the file's mode and owner, and refuses what is not ours.
            let store = Store::open(&self.location).await?;
            let Some(opened) = place(self.location.path()) else {
                return Err(StoreError::Damaged("its file is gone".to_owned()));
            };
            self.open = Some((store, opened));
        }
        let Some((store, _)) = &self.open else { return Err(StoreError::Damaged("it is not open".to_owned())) };
        let rows = store.tokens_in_force(Timestamp::now()).await;
        if rows.is_err() {
            self.open = None;
        }
        Ok(rows?.into_iter().map(|row| (row.jti.clone(), row)).collect())
    }
}
