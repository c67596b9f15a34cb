//! The epoch: a counter that the red button raises. Whatever was issued under an older one is void. And whether an
//! operator has stopped everything.
//!
//! Both are numbers in memory, read without a lock by every call; what they are is decided under a lock that no I/O is
//! done under, and kept in a file whose room is there already. Memory comes first when something is taken back, the
//! file when something is given again.

mod file;
mod kept;
#[cfg(test)]
mod tests;

use crate::api::StartError;
use crate::audit::{Decided, Decision};
use crate::failpoint::failpoint;
use file::{Found, Slots};
use jiff::Timestamp;
use kept::Kept;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use uuid::Uuid;

/// The file's name in the data directory.
const FILE: &str = "epoch";
/// Further than anybody presses a button: what was issued after the last state that can be read is void as well.
const FAR: u64 = 1 << 20;
/// How long the disk may take to remember what memory already has.
const KEEP_WITHIN: Duration = Duration::from_secs(2);

/// Why it is not, or not yet, on the disk.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EpochError {
    #[error("the file `epoch` of the data directory cannot be written")]
    Write(#[source] io::Error),
    #[error("the file `epoch` of the data directory was not written within {} s", KEEP_WITHIN.as_secs())]
    Late,
    #[error("the red button was pressed again meanwhile: nothing was resumed")]
    Outpaced,
    #[error("nothing is stopped: there is nothing to resume")]
    NotStopped,
}

/// The epoch of a hub. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Epoch(Arc<Shared>);

struct Shared {
    now: AtomicU64,
    panic: AtomicBool,
    state: Mutex<State>,
    /// Held while the disk works. One that hangs holds one thread: whoever wants to write meanwhile waits without.
    slots: Arc<tokio::sync::Mutex<Slots>>,
}

struct State {
    kept: Kept,
    /// The disk does not have it yet.
    dirty: bool,
    /// Why everything was stopped without anybody's having said so.
    damage: Option<String>,
}

impl Epoch {
    /// Reads the epoch of a data directory. One that cannot be believed means that a button may have been pressed:
    /// everything is stopped until an operator says otherwise.
    ///
    /// # Errors
    /// When the file cannot be opened or made: a hub whose button would not be remembered does not start.
    pub(crate) fn open(data: &Path) -> Result<Self, StartError> {
        let path = data.join(FILE);
        let fail = |source| StartError::Data { path: path.clone(), what: "use", source };
        let (slots, found) = file::open(&path).map_err(fail)?;
        let (kept, damage) = match found {
            Found::Whole(kept) => (kept, None),
            Found::Torn(kept) => {
                let epoch = kept.epoch.saturating_add(FAR);
                damaged(Kept { epoch, ..kept }, "a write of the file `epoch` was cut short or lost")
            }
            Found::Nothing => damaged(Kept::at(later()), "the file `epoch` cannot be read"),
            // A hub that has run before may have issued something: that is void.
            Found::Missing if data.join("audit.jsonl").exists() => (Kept::at(later()), None),
            Found::Missing => (Kept::at(1), None),
        };
        let slots = match slots {
            Some(mut slots) => {
                // Until it is on the disk, the next start finds the same damage.
                if damage.is_some() {
                    slots.write(&kept).map_err(fail)?;
                    slots.write(&kept).map_err(fail)?;
                }
                slots
            }
            None => file::create(&path, &kept).map_err(fail)?,
        };
        let (now, panic) = (AtomicU64::new(kept.epoch), AtomicBool::new(kept.panic));
        let state = Mutex::new(State { kept, dirty: false, damage });
        Ok(Self(Arc::new(Shared { now, panic, state, slots: Arc::new(tokio::sync::Mutex::new(slots)) })))
    }

    /// The epoch in force.
    pub(crate) fn now(&self) -> u64 {
        self.0.now.load(Ordering::SeqCst)
    }

    /// Whether an operator has stopped everything.
    pub(crate) fn is_panic(&self) -> bool {
        self.0.panic.load(Ordering::SeqCst)
    }

    /// Why everything is stopped, for whoever asks how the hub is.
    pub(crate) fn stopped(&self) -> Option<String> {
        if !self.is_panic() {
            return None;
        }
        let why = self.state().damage.clone();
        let why = why.map_or_else(
            || "an operator has stopped everything".to_owned(),
            |why| format!("{why}, so that everything is stopped"),
        );
        Some(format!("{why}: no tool is called until `safeclaw resume`"))
    }

    /// Raises it, in memory: from here on it is in force, whatever the disk does. Gives the new one.
    pub(crate) fn raise(&self, panic: bool, decided: impl FnOnce(u64) -> Decision) -> u64 {
        let mut state = self.state();
        let epoch = state.kept.epoch.saturating_add(1);
        state.kept.panic |= panic;
        state.kept.epoch = epoch;
        state.kept.wait(Decided { decision: Uuid::new_v4(), what: decided(epoch) });
        state.dirty = true;
        // First the flag: whoever sees the new number sees it too.
        self.0.panic.store(state.kept.panic, Ordering::SeqCst);
        self.0.now.store(epoch, Ordering::SeqCst);
        epoch
    }

    /// Has the disk remember what is in force.
    pub(crate) async fn keep(&self) -> Result<(), EpochError> {
        self.on_disk(|shared, slots| shared.keep(slots)).await
    }

    /// Lets calls happen again: on the disk first. What was void stays so.
    pub(crate) async fn resume(
        &self,
        decided: impl FnOnce(u64) -> Decision + Send + 'static,
    ) -> Result<u64, EpochError> {
        self.on_disk(|shared, slots| shared.resume(slots, decided)).await
    }

    /// What the audit log has not been told, oldest first; and how many decisions before that were too many to keep.
    pub(crate) fn untold(&self) -> (Vec<Decided>, u64) {
        let state = self.state();
        (state.kept.untold.clone(), state.kept.forgotten)
    }

    /// The log has it. The file follows with the next [`Self::keep`].
    pub(crate) fn told(&self, decision: Uuid) {
        let mut state = self.state();
        state.kept.told(decision);
        if state.kept.untold.is_empty() {
            state.kept.forgotten = 0;
        }
        state.dirty = true;
    }

    /// Whether the disk does not have it yet.
    pub(crate) fn is_dirty(&self) -> bool {
        self.state().dirty
    }

    /// A disk that hangs keeps nobody waiting for ever; what it was asked to write, it still may.
    async fn on_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared, &mut Slots) -> Result<T, EpochError> + Send + 'static,
    ) -> Result<T, EpochError> {
        let shared = self.0.clone();
        let done = async {
            let mut slots = shared.slots.clone().lock_owned().await;
            spawn_blocking(move || work(&shared, &mut slots)).await
        };
        match timeout(KEEP_WITHIN, done).await {
            Ok(Ok(done)) => done,
            Ok(Err(lost)) => Err(EpochError::Write(io::Error::other(lost))),
            Err(_) => Err(EpochError::Late),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state()
    }

    /// Another file in the place of its own.
    #[cfg(test)]
    #[expect(clippy::expect_used, reason = "tests")]
    pub(crate) fn divert(&self, to: std::fs::File) -> std::fs::File {
        self.0.slots.try_lock().expect("nobody writes").divert(to)
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, slots: &mut Slots) -> Result<(), EpochError> {
        // Taken with the file in hand: of two that keep, the later one writes what is newer.
        let kept = {
            let mut state = self.state();
            if !state.dirty {
                return Ok(());
            }
            state.dirty = false;
            state.kept.clone()
        };
        slots.write(&kept).map_err(|error| {
            self.state().dirty = true;
            EpochError::Write(error)
        })
    }

    fn resume(&self, slots: &mut Slots, decided: impl FnOnce(u64) -> Decision) -> Result<u64, EpochError> {
        let before = self.state().kept.clone();
        if !before.panic {
            return Err(EpochError::NotStopped);
        }
        let epoch = before.epoch;
        let decided = Decided { decision: Uuid::new_v4(), what: decided(epoch) };
        let mut calm = Kept { panic: false, ..before };
        calm.wait(decided.clone());
        slots.write(&calm).map_err(EpochError::Write)?;
        failpoint!("resume.kept");
        let mut state = self.state();
        if state.kept.epoch != epoch {
            // Whoever pressed it writes the file after this.
            state.dirty = true;
            return Err(EpochError::Outpaced);
        }
        state.kept.panic = false;
        state.kept.wait(decided);
        state.damage = None;
        self.panic.store(false, Ordering::SeqCst);
        Ok(epoch)
    }
}

/// Somebody may have pressed the button: fails closed, and is told as a press of the hub's own.
fn damaged(mut kept: Kept, why: &str) -> (Kept, Option<String>) {
    let by = format!("this hub, since {why}");
    let what = Decision::AllRevoked { epoch: kept.epoch, sessions: false, panic: true, by };
    kept.panic = true;
    kept.wait(Decided { decision: Uuid::new_v4(), what });
    (kept, Some(why.to_owned()))
}

/// Above every epoch that a counter can have come to: so many a second since 1970, and exact in a double, which is
/// what a number of canonical JSON is.
fn later() -> u64 {
    u64::try_from(Timestamp::now().as_second()).unwrap_or_default().saturating_mul(1 << 10).max(FAR)
}
