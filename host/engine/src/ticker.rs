//! The clock behind the CPU budget: a thread that raises the engine's epoch every millisecond while a
//! call runs, and sleeps for nothing while none does.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread::{self, Thread};
use std::time::Duration;
use wasmtime::EngineWeak;

/// Guests are looked at this often. Budgets are of tens of milliseconds and more.
const TICK: Duration = Duration::from_millis(1);

/// Ticks without a call before the thread parks: under traffic a call finds it awake, and spares itself the system call
/// and the interrupt of another core that wake it.
const IDLE_TICKS: u8 = 3;

/// Starts once, ticks on demand.
#[derive(Debug, Default)]
pub(crate) struct Ticker {
    running: AtomicUsize,
    thread: OnceLock<Thread>,
}

/// While one of these lives, the epoch rises.
#[derive(Debug)]
pub(crate) struct Ticking(Arc<Ticker>);

impl Ticker {
    /// Spawns the thread and waits until it has taken a turn; a second call does nothing. It ends when the
    /// engine is dropped.
    ///
    /// The turn makes every system call that the thread will ever make. A filter that is applied while it is
    /// still starting, as it can be on a busy machine, would kill the process for a call that only a start needs.
    pub(crate) fn start(self: &Arc<Self>, engine: EngineWeak) -> std::io::Result<()> {
        if self.thread.get().is_some() {
            return Ok(());
        }
        let ticker = Arc::downgrade(self);
        let (turned, first_turn) = mpsc::sync_channel(1);
        let handle = thread::Builder::new().name("epoch".into()).stack_size(64 << 10).spawn(move || {
            thread::park_timeout(TICK);
            thread::sleep(TICK);
            // The receiver waits just below; were it gone, nobody would be waiting.
            let _ = turned.send(());
            drop(turned);
            let mut idle: u8 = 0;
            loop {
                let Some(ticker) = ticker.upgrade() else { return };
                idle = if ticker.running.load(Ordering::Acquire) == 0 { idle.saturating_add(1) } else { 0 };
                if idle > IDLE_TICKS {
                    drop(ticker);
                    // `unpark` before `park` is not lost. The timeout only lets the thread notice that
                    // the engine is gone.
                    thread::park_timeout(Duration::from_secs(60));
                    continue;
                }
                drop(ticker);
                thread::sleep(TICK);
                let Some(engine) = engine.upgrade() else { return };
                engine.increment_epoch();
            }
        })?;
        first_turn.recv().map_err(|_| std::io::Error::other("the thread ended at once"))?;
        // Two racing starts would leave one thread that never ticks: harmless, and the runner starts once.
        let _ = self.thread.set(handle.thread().clone());
        Ok(())
    }

    /// Whether the thread exists: without it nothing would stop a spinning guest.
    pub(crate) fn started(&self) -> bool {
        self.thread.get().is_some()
    }

    /// Ticks until the returned value is dropped.
    pub(crate) fn tick(self: &Arc<Self>) -> Ticking {
        if self.running.fetch_add(1, Ordering::AcqRel) == 0
            && let Some(thread) = self.thread.get()
        {
            thread.unpark();
        }
        Ticking(Arc::clone(self))
    }
}

impl Drop for Ticking {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::AcqRel);
    }
}
