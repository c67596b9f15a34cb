//! Everything a call says: standard output and error, log messages, progress. Bounded here, cut and
//! counted when it is too much, never a trap: a tool that prints too much still answers.

use crate::report::{CallSink, LogSource};
use bytes::Bytes;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::AsyncWrite;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

/// A longer line is passed on in pieces, so that a guest without line feeds holds no memory.
const LINE_BYTES: usize = 4 << 10;

/// What a line costs besides its text: bounds a flood of empty lines, each of which is a frame.
const LINE_PRICE: u64 = 32;

/// Progress reports a second.
const PROGRESS_RATE: u32 = 10;

/// A progress report's words.
const PROGRESS_BYTES: usize = 1 << 10;

/// What one write may carry; standard libraries write less.
const WRITE_BYTES: usize = 64 << 10;

/// The voice of one call, shared by its streams.
#[derive(Clone)]
pub(crate) struct Voice(Arc<Mutex<Inner>>);

struct Inner {
    sink: Box<dyn CallSink>,
    left: u64,
    dropped: u64,
    lines: [Vec<u8>; 2],
    window: Option<Instant>,
    reports: u32,
}

/// Which of the two standard streams.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Standard {
    Output,
    Error,
}

impl Voice {
    pub(crate) fn new(sink: Box<dyn CallSink>, log_bytes: u32) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            sink,
            left: u64::from(log_bytes),
            dropped: 0,
            lines: [Vec::new(), Vec::new()],
            window: None,
            reports: 0,
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A sink that panicked aborts the process; there is no poisoned state to see.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One log message; line feeds stay in it.
    pub(crate) fn message(&self, level: u8, text: &str) {
        self.lock().emit(LogSource::Message(level.min(4)), text);
    }

    /// Progress, at most ten a second; others are dropped, as are numbers that are none.
    pub(crate) fn progress(&self, progress: f64, total: Option<f64>, message: Option<&str>) {
        let mut inner = self.lock();
        let size = message.map_or(0, str::len) as u64;
        if !progress.is_finite() || total.is_some_and(|total| !total.is_finite()) || !inner.may_report() {
            inner.dropped = inner.dropped.saturating_add(size);
            return;
        }
        let cut = message.map(|text| cut(text, PROGRESS_BYTES));
        inner.dropped = inner.dropped.saturating_add(size.saturating_sub(cut.map_or(0, str::len) as u64));
        inner.sink.progress(progress, total, cut);
    }

    /// Passes on unfinished lines and tells how many bytes were dropped in all.
    pub(crate) fn finish(&self) -> u64 {
        let mut inner = self.lock();
        inner.flush(Standard::Output);
        inner.flush(Standard::Error);
        inner.dropped
    }
}

impl Inner {
    fn write(&mut self, stream: Standard, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.left == 0 {
                self.dropped = self.dropped.saturating_add(bytes.len() as u64);
                return;
            }
            let line = self.line(stream);
            let room = LINE_BYTES.saturating_sub(line.len());
            let end = bytes.iter().take(room).position(|byte| *byte == b'\n');
            let (part, rest) = bytes.split_at(end.unwrap_or(room.min(bytes.len())));
            line.extend_from_slice(part);
            let full = line.len() >= LINE_BYTES;
            bytes = if end.is_some() { rest.get(1..).unwrap_or_default() } else { rest };
            if end.is_some() || full {
                self.end_line(stream);
            }
        }
    }

    fn line(&mut self, stream: Standard) -> &mut Vec<u8> {
        let [output, error] = &mut self.lines;
        match stream {
            Standard::Output => output,
            Standard::Error => error,
        }
    }

    fn flush(&mut self, stream: Standard) {
        if !self.line(stream).is_empty() {
            self.end_line(stream);
        }
    }

    fn end_line(&mut self, stream: Standard) {
        let line = std::mem::take(self.line(stream));
        let source = match stream {
            Standard::Output => LogSource::Stdout,
            Standard::Error => LogSource::Stderr,
        };
        self.emit(source, &String::from_utf8_lossy(&line));
    }

    fn emit(&mut self, source: LogSource, text: &str) {
        let room = self.left.saturating_sub(LINE_PRICE);
        let kept = cut(text, usize::try_from(room).unwrap_or(usize::MAX));
        self.dropped = self.dropped.saturating_add(text.len().saturating_sub(kept.len()) as u64);
        if self.left < LINE_PRICE {
            self.left = 0;
            return;
        }
        self.left = self.left.saturating_sub(LINE_PRICE).saturating_sub(kept.len() as u64);
        self.sink.log(source, kept);
    }

    fn may_report(&mut self) -> bool {
        let now = Instant::now();
        match self.window {
            Some(since) if now.duration_since(since) < Duration::from_secs(1) => {}
            _ => {
                self.window = Some(now);
                self.reports = 0;
            }
        }
        self.reports = self.reports.saturating_add(1);
        self.reports <= PROGRESS_RATE
    }
}

/// At most `bytes` of a text, whole characters.
fn cut(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or(text)
}

/// One of the two standard streams of a call. Not wasmtime's `AsyncStdoutStream` nor the default of
/// `p2_stream`: empty writes to them grow host memory without end in 48.0.8 (GHSA-5m8g).
pub(crate) struct Stream {
    pub(crate) voice: Voice,
    pub(crate) standard: Standard,
}

impl Stream {
    fn copy(&self) -> Self {
        Self { voice: self.voice.clone(), standard: self.standard }
    }
}

impl IsTerminal for Stream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Stream {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        // Only WASI 0.3 asks for this one, and nothing of it is linked.
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.copy())
    }
}

#[async_trait]
impl Pollable for Stream {
    async fn ready(&mut self) {}
}

#[async_trait]
impl OutputStream for Stream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.voice.lock().write(self.standard, &bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_BYTES)
    }
}
