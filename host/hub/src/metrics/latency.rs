//! A histogram of durations, without the lock that the library's own has: calls on several processors would wait
//! for each other at it.

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::{MetricType, TypedMetric};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of the buckets, microseconds: from the fastest call to one that nearly nobody waits for.
const CALLS_US: &[u64] = &[
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
    10_000_000, 30_000_000,
];

/// The same for one record of the audit log.
const RECORDS_US: &[u64] = &[5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 50_000, 250_000, 1_000_000];

const US_PER_S: f64 = 1e6;

/// A histogram; clones are handles to one.
#[derive(Debug, Clone)]
pub(crate) struct Latency(Arc<Cells>);

#[derive(Debug)]
struct Cells {
    bounds_us: &'static [u64],
    /// One for each bound, and one for all that takes longer.
    counts: Box<[AtomicU64]>,
    sum_us: AtomicU64,
}

impl Default for Latency {
    fn default() -> Self {
        Self::with(CALLS_US)
    }
}

impl Latency {
    /// For records of the audit log.
    pub(super) fn of_records() -> Self {
        Self::with(RECORDS_US)
    }

    fn with(bounds_us: &'static [u64]) -> Self {
        let counts = (0..=bounds_us.len()).map(|_| AtomicU64::new(0)).collect();
        Self(Arc::new(Cells { bounds_us, counts, sum_us: AtomicU64::new(0) }))
    }

    /// One more, of this duration.
    pub(super) fn observe(&self, took: Duration) {
        self.observe_us(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }

    /// One more, of so many microseconds.
    pub(super) fn observe_us(&self, took_us: u64) {
        let Cells { bounds_us, counts, sum_us } = &*self.0;
        let place = bounds_us.partition_point(|bound| *bound < took_us);
        if let Some(count) = counts.get(place) {
            count.fetch_add(1, Ordering::Relaxed);
            sum_us.fetch_add(took_us, Ordering::Relaxed);
        }
    }
}

impl TypedMetric for Latency {
    const TYPE: MetricType = MetricType::Histogram;
}

impl EncodeMetric for Latency {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let Cells { bounds_us, counts, sum_us } = &*self.0;
        let bounds = bounds_us.iter().map(|us| *us as f64 / US_PER_S).chain([f64::INFINITY]);
        let buckets: Vec<_> = bounds.zip(counts.iter().map(|count| count.load(Ordering::Relaxed))).collect();
        // From the same reading: a count beside the buckets could be ahead of them.
        let count = buckets.iter().map(|(_, count)| count).sum();
        let sum = sum_us.load(Ordering::Relaxed) as f64 / US_PER_S;
        encoder.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_duration_is_in_the_bucket_that_it_is_not_above() {
        let latency = Latency::default();
        for took_us in [0, 500, 501, 30_000_000, 30_000_001, u64::MAX >> 1] {
            latency.observe_us(took_us);
        }
        let counts: Vec<u64> = latency.0.counts.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        assert_eq!(counts, [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2]);
    }
}
