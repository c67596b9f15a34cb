//! A fresh instance and a call in the engine alone.

use super::table as lay_out;
use serde::{Deserialize, Serialize};

/// As the `measure` example prints it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Fresh {
    pub(crate) calls: u64,
    pub(crate) ours: Times,
    /// With `PoolingAllocationConfig::default()`.
    pub(crate) defaults: Times,
    /// Of the medians.
    pub(crate) ratio: f64,
}

/// Microseconds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Times {
    pub(crate) best_us: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
}

/// Both pools.
pub(super) fn table(fresh: Option<&Fresh>) -> String {
    let Some(Fresh { calls, ours, defaults, .. }) = fresh else { return String::new() };
    let line = |pool: &str, times: &Times| {
        let us = |time: f64| format!("{time:.1}");
        let of = format!("{:.2}", times.p50_us / defaults.p50_us);
        vec![pool.to_owned(), calls.to_string(), us(times.best_us), us(times.p50_us), us(times.p99_us), of]
    };
    let columns = ["fresh instance and call", "calls:", "best µs:", "p50 µs:", "p99 µs:", "p50 ÷ wasmtime's pool:"];
    lay_out(&columns, &[line("our pool", ours), line("wasmtime's pool at its defaults", defaults)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_example_prints_becomes_a_table() -> anyhow::Result<()> {
        let said = r#"{"calls": 20, "ours": {"best_us": 1.0, "p50_us": 3.0, "p99_us": 9.0},
            "defaults": {"best_us": 2.0, "p50_us": 6.0, "p99_us": 12.0}, "ratio": 0.5}"#;
        let text = table(Some(&serde_json::from_str(said)?));
        assert!(text.contains("| our pool | 20 | 1.0 | 3.0 | 9.0 | 0.50 |"), "{text}");
        Ok(())
    }
}
