//! An account as the store has it.

use super::Key;

/// Times are milliseconds of Unix time, since another process reads them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Saved {
    pub(crate) key: Key,
    /// When calls are an hour old, and how many.
    pub(crate) window: Vec<(i64, u32)>,
    /// Of a session's whole life.
    pub(crate) calls: u64,
    /// The same, microseconds.
    pub(crate) wall_us: u64,
    /// Bytes of egress, in both directions.
    pub(crate) egress: u64,
    /// The last call and its end, as a digest.
    pub(crate) last: Option<[u8; 32]>,
    /// How often it came in a row.
    pub(crate) repeats: u32,
    /// After how many calls the session was paused, if it is.
    pub(crate) paused: Option<u32>,
    /// The last call that was let through.
    pub(crate) touched_ms: i64,
}
