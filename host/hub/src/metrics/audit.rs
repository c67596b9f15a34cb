//! What the audit log does.

use super::latency::Latency;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use std::time::Duration;

/// The audit log's own count.
#[derive(Debug)]
pub(crate) struct AuditMetrics {
    records: Counter,
    bytes: Counter,
    failures: Counter,
    append: Latency,
    unsigned: Gauge,
}

impl Default for AuditMetrics {
    fn default() -> Self {
        Self {
            records: Counter::default(),
            bytes: Counter::default(),
            failures: Counter::default(),
            append: Latency::of_records(),
            unsigned: Gauge::default(),
        }
    }
}

impl AuditMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("audit_records", "Records that the audit log has taken", self.records.clone());
        registry.register_with_unit("audit", "Bytes of these records", Unit::Bytes, self.bytes.clone());
        let help = "Records that could not be written: what they would have recorded did not happen";
        registry.register("audit_failures", help, self.failures.clone());
        let help = "What a record takes, from whoever writes it until it is where it has to be";
        registry.register_with_unit("audit_append_duration", help, Unit::Seconds, self.append.clone());
        let help = "Records that no signed head of the log vouches for yet";
        registry.register("audit_unsigned_records", help, self.unsigned.clone());
    }

    /// So many records are in the log, and take so many bytes there.
    pub(crate) fn wrote(&self, records: u64, bytes: u64) {
        self.records.inc_by(records);
        self.bytes.inc_by(bytes);
    }

    /// Whoever had something to record knows whether it is.
    pub(crate) fn appended<E>(&self, result: &Result<(), E>, took: Duration) {
        match result {
            Ok(()) => self.append.observe(took),
            Err(_) => drop(self.failures.inc()),
        }
    }

    /// So many records are not covered by a signed head.
    pub(crate) fn set_unsigned(&self, records: u64) {
        self.unsigned.set(i64::try_from(records).unwrap_or(i64::MAX));
    }
}
