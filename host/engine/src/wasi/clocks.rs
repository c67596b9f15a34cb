//! Clocks that stand still at zero, for grants without them. A Rust guest imports both clocks by itself,
//! so they must link. Sleeping still takes real time, bounded by the call's deadline: a guest that waits
//! for a stopped clock to pass some moment ends there too.

use std::time::Duration;
use wasmtime_wasi::{HostMonotonicClock, HostWallClock};

/// Always zero.
pub(crate) struct Stopped;

impl HostWallClock for Stopped {
    fn resolution(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn now(&self) -> Duration {
        Duration::ZERO
    }
}

impl HostMonotonicClock for Stopped {
    fn resolution(&self) -> u64 {
        1_000_000_000
    }

    fn now(&self) -> u64 {
        0
    }
}
