//! The CPU budget: what the thread's own clock says while it polls the call. Epoch ticks only decide
//! when to look, so a throttled container or a busy neighbour does not eat a tool's budget.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

/// The budget is spent.
#[derive(Debug, thiserror::Error)]
#[error("the CPU budget is spent")]
pub(crate) struct Spent;

/// CPU time of one call. Written only by the thread that polls the call.
#[derive(Debug)]
pub(crate) struct Meter {
    budget_ns: u64,
    spent_ns: AtomicU64,
    started_ns: AtomicU64,
}

impl Meter {
    pub(crate) fn new(budget: Duration) -> Self {
        Self { budget_ns: nanos(budget), spent_ns: AtomicU64::new(0), started_ns: AtomicU64::new(0) }
    }

    /// CPU time until the end of the last poll.
    pub(crate) fn spent(&self) -> Duration {
        Duration::from_nanos(self.spent_ns.load(Ordering::Relaxed))
    }

    /// Asked at an epoch tick, in the middle of a poll.
    pub(crate) fn check(&self) -> Result<(), Spent> {
        let running = thread_ns().saturating_sub(self.started_ns.load(Ordering::Relaxed));
        let total = self.spent_ns.load(Ordering::Relaxed).saturating_add(running);
        if total > self.budget_ns { Err(Spent) } else { Ok(()) }
    }

    fn begin(&self) {
        self.started_ns.store(thread_ns(), Ordering::Relaxed);
    }

    fn end(&self) {
        let running = thread_ns().saturating_sub(self.started_ns.load(Ordering::Relaxed));
        self.spent_ns.fetch_add(running, Ordering::Relaxed);
    }
}

/// A future whose polls are metered, and which ends when the budget does even if no guest code ran.
pub(crate) struct Metered<F> {
    future: Pin<Box<F>>,
    meter: Arc<Meter>,
}

impl<F> Metered<F> {
    pub(crate) fn new(future: F, meter: Arc<Meter>) -> Self {
        Self { future: Box::pin(future), meter }
    }
}

impl<F: Future> Future for Metered<F> {
    type Output = Result<F::Output, Spent>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.meter.begin();
        let polled = self.future.as_mut().poll(cx);
        self.meter.end();
        match polled {
            Poll::Ready(output) => Poll::Ready(Ok(output)),
            Poll::Pending if self.meter.spent_ns.load(Ordering::Relaxed) > self.meter.budget_ns => {
                Poll::Ready(Err(Spent))
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

fn thread_ns() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(u64::try_from(now.tv_nsec).unwrap_or(0))
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
