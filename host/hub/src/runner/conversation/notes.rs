//! Progress and log of one call: how much of it is a runner keeping its word.

use crate::api::CallNote;
use crate::clean;
use protocol::LogSource;
use std::time::Duration;
use tokio::time::Instant;

/// Progress a second. The runner passes on 10; the hub allows for its frames arriving in a bunch.
const PROGRESS_PER_SECOND: u32 = 20;
const PROGRESS_BURST: u32 = 100;

/// The words of one progress. A runner cuts them at 1 KiB; a few bytes more would be no sign of hostile hands.
const PROGRESS_BYTES: usize = (1 << 10) + 64;

/// `error`, the highest level of `host.log`.
const MAX_LEVEL: u8 = 4;

/// What a call may still say. A runner that floods the hub is not one that we built.
pub(super) struct NoteBudget {
    progress: u32,
    refilled: Instant,
    /// Bytes of log text; an empty message costs one, so that frames are bounded too. The runner charges more.
    log_bytes: u64,
    /// How far it said that it had come.
    reached: Option<f64>,
}

impl NoteBudget {
    pub(super) fn new(log_bytes: u32, now: Instant) -> Self {
        Self { progress: PROGRESS_BURST, refilled: now, log_bytes: log_bytes.into(), reached: None }
    }

    /// What of a note is passed on: progress only if it goes on, as MCP wants it, since a guest may say anything.
    pub(super) fn cleaned(&mut self, note: CallNote) -> Option<CallNote> {
        Some(match note {
            CallNote::Progress(mut progress) => {
                if self.reached.is_some_and(|reached| progress.progress <= reached) {
                    return None;
                }
                self.reached = Some(progress.progress);
                progress.message = progress.message.map(|message| clean::line(&message, clean::NOTE_BYTES));
                CallNote::Progress(progress)
            }
            CallNote::Log(mut log) => {
                log.text = clean::bounded(&log.text, clean::NOTE_BYTES);
                CallNote::Log(log)
            }
        })
    }

    /// Pays for a note.
    ///
    /// # Errors
    /// What no runner of ours says.
    pub(super) fn spend(&mut self, note: &CallNote, now: Instant) -> Result<(), &'static str> {
        match note {
            CallNote::Progress(progress) => {
                if progress.message.as_ref().is_some_and(|message| message.len() > PROGRESS_BYTES) {
                    return Err("a longer progress message than a runner passes on");
                }
                if !progress.progress.is_finite() || progress.total.is_some_and(|total| !total.is_finite()) {
                    return Err("progress that is no number");
                }
                self.refill(now);
                self.progress = self.progress.checked_sub(1).ok_or("more progress than a runner passes on")?;
            }
            CallNote::Log(log) => {
                if matches!(log.source, LogSource::Message(level) if level > MAX_LEVEL) {
                    return Err("a log level that there is not");
                }
                let cost = (log.text.len() as u64).max(1);
                self.log_bytes = self.log_bytes.checked_sub(cost).ok_or("more log than `log_bytes`")?;
            }
        }
        Ok(())
    }

    fn refill(&mut self, now: Instant) {
        let step = Duration::from_secs(1) / PROGRESS_PER_SECOND;
        let steps = now.saturating_duration_since(self.refilled).as_micros() / step.as_micros();
        let steps = u32::try_from(steps).unwrap_or(u32::MAX);
        if steps >= PROGRESS_BURST {
            self.refilled = now;
        } else {
            self.refilled += step * steps;
        }
        self.progress = self.progress.saturating_add(steps).min(PROGRESS_BURST);
    }
}
