//! Spans on their way to the collector. The library's own queue would do, if it said how many it drops.

use super::SpanMetrics;
use crate::metrics::Fate;
use opentelemetry::Context;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanExporter, SpanProcessor};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};

/// Spans that wait; one more is dropped. Bounds what a collector that is away costs.
pub(super) const QUEUE: usize = 2048;
/// Spans of one request.
const BATCH: usize = 512;
/// How long the first span of a batch waits for others.
const LINGER: Duration = Duration::from_secs(1);
/// For one request, connecting included.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);
/// At the end of a hub, for everything that still waits.
const FINISH_TIMEOUT: Duration = Duration::from_secs(2);

/// The library's end of the queue.
pub(super) struct Queue {
    spans: mpsc::Sender<SpanData>,
    metrics: Arc<SpanMetrics>,
}

/// Asks for what waits to be sent.
pub(super) struct Flush(mpsc::Sender<oneshot::Sender<()>>);

impl Queue {
    /// Starts the task that exports; it ends with the queue.
    pub(super) fn start<E: SpanExporter + 'static>(exporter: E, metrics: Arc<SpanMetrics>) -> (Self, Flush) {
        let (spans, waiting) = mpsc::channel(QUEUE);
        let (flush, asked) = mpsc::channel(1);
        let task = Task { exporter, metrics: metrics.clone(), waiting, asked };
        tokio::spawn(task.run());
        (Self { spans, metrics }, Flush(flush))
    }
}

impl Flush {
    /// Waits until what waits is sent, or it has taken too long.
    pub(super) async fn now(&self) {
        let flushed = async {
            let (done, flushed) = oneshot::channel();
            // A task that is gone has nothing to send.
            if self.0.send(done).await.is_ok() {
                drop(flushed.await);
            }
        };
        drop(timeout(FINISH_TIMEOUT, flushed).await);
    }
}

impl SpanProcessor for Queue {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if self.spans.try_send(span).is_err() {
            self.metrics.inc(Fate::Dropped);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("room", &self.spans.capacity()).finish_non_exhaustive()
    }
}

struct Task<E> {
    exporter: E,
    metrics: Arc<SpanMetrics>,
    waiting: mpsc::Receiver<SpanData>,
    asked: mpsc::Receiver<oneshot::Sender<()>>,
}

impl<E: SpanExporter> Task<E> {
    async fn run(mut self) {
        let mut failing = false;
        loop {
            let mut batch = Vec::new();
            let asked = tokio::select! {
                got = self.waiting.recv_many(&mut batch, BATCH) => {
                    if got == 0 {
                        return;
                    }
                    self.linger(&mut batch).await
                }
                Some(done) = self.asked.recv() => Some(done),
            };
            self.export(batch, &mut failing).await;
            if let Some(done) = asked {
                self.rest(&mut failing).await;
                // Whoever asked may have stopped waiting.
                let _ = done.send(());
            }
        }
    }

    /// Waits a moment for more; less if somebody wants it to be sent.
    async fn linger(&mut self, batch: &mut Vec<SpanData>) -> Option<oneshot::Sender<()>> {
        let late = sleep(LINGER);
        tokio::pin!(late);
        while batch.len() < BATCH {
            let most = BATCH - batch.len();
            tokio::select! {
                () = &mut late => return None,
                Some(done) = self.asked.recv() => return Some(done),
                got = self.waiting.recv_many(batch, most) => if got == 0 { return None },
            }
        }
        None
    }

    /// Everything that waits now.
    async fn rest(&mut self, failing: &mut bool) {
        for _ in 0..=QUEUE / BATCH {
            let mut batch = Vec::new();
            while batch.len() < BATCH
                && let Ok(span) = self.waiting.try_recv()
            {
                batch.push(span);
            }
            self.export(batch, failing).await;
        }
    }

    async fn export(&self, batch: Vec<SpanData>, failing: &mut bool) {
        if batch.is_empty() {
            return;
        }
        let count = batch.len() as u64;
        let why = match timeout(EXPORT_TIMEOUT, self.exporter.export(batch)).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some(format!("no answer within {} s", EXPORT_TIMEOUT.as_secs())),
        };
        self.metrics.add(if why.is_none() { Fate::Exported } else { Fate::Failed }, count);
        // Once for each time that it goes away, and not for each batch.
        match (&why, *failing) {
            (Some(why), false) => tracing::warn!(why, "the collector does not take spans; they are dropped"),
            (None, true) => tracing::info!("the collector takes spans again"),
            _ => {}
        }
        *failing = why.is_some();
    }
}
