//! The bounds of a manifest itself, and the widest limits that any manifest can give, each with its
//! reason. A manifest cannot widen them.

/// A manifest is written by people; a larger file is a mistake, and reading it takes memory.
pub const MAX_FILE_BYTES: usize = 1 << 20;
/// Files of one manifest.
pub const MAX_FILES: usize = 64;
/// Entries of one table, such as tools: the tool list of a session is sent to a model.
pub const MAX_ENTRIES: usize = 1_000;
/// Elements of one list, such as the directories of a tool.
pub const MAX_LIST: usize = 256;
/// One text: a reason, a path, the value of an environment variable.
pub const MAX_TEXT_BYTES: usize = 4_096;
/// Mounts: each is a bind mount of every container that is granted it.
pub const MAX_MOUNTS: usize = 64;

/// Calls of one session at once in one tier: each holds a pool slot and guest memory.
pub const MAX_CONCURRENT_CALLS: u64 = 64;
/// Calls of one session in an hour: 277 a second, beyond which it bounds nothing.
pub const MAX_CALLS_PER_HOUR: u64 = 1_000_000;
/// Calls of one principal in an hour: as many as 32 sessions have, which is the most of them at once.
pub const MAX_PRINCIPAL_CALLS_PER_HOUR: u64 = 32 * MAX_CALLS_PER_HOUR;
/// Calls of a session's whole life: beyond it the rate alone bounds it for six weeks.
pub const MAX_BUDGET_CALLS: u64 = 1_000_000_000;
/// Wall time of a session's whole life: a year.
pub const MAX_BUDGET_WALL_MS: u64 = 365 * 24 * 3_600_000;
/// One call repeats nothing.
pub const MIN_LOOP_AFTER: u64 = 2;
/// Whoever wants more wants "never".
pub const MAX_LOOP_AFTER: u64 = 1_000;
/// Idle time: a container that nobody uses for a day is a container that nobody wipes.
pub const MAX_IDLE_MS: u64 = 24 * 3_600_000;

/// One page of linear memory: below it no guest starts.
pub const MIN_MEMORY_BYTES: u64 = 64 << 10;
/// Half of the large container, so that one call never fills it.
pub const MAX_MEMORY_BYTES: u64 = 1 << 30;
/// Time is kept in ticks of at most 10 ms; a shorter bound could not be kept.
pub const MIN_TIME_MS: u64 = 10;
/// An agent that waits for more than ten minutes has given up, and the slot is held meanwhile.
pub const MAX_DEADLINE_MS: u64 = 600_000;
/// Below a kibibyte even the text of an error does not fit.
pub const MIN_TEXT_BYTES: u64 = 1 << 10;
/// Arguments and results: half a frame (8 MiB), so that one always fits with what goes along.
pub const MAX_PAYLOAD_BYTES: u64 = 4 << 20;
/// Log of one call: a guest that floods it fills the hub's memory and the operator's screen.
pub const MAX_LOG_BYTES: u64 = 1 << 20;
/// Standard streams, directories and one open file need a few.
pub const MIN_HANDLES: u64 = 16;
/// Open handles: the runner's own descriptor limit must not be what a guest runs into.
pub const MAX_HANDLES: u64 = 10_000;

/// A body of a request or of an answer: it streams, so this is a bound on what a mistake costs and not on memory.
pub const MAX_HTTP_BODY_BYTES: u64 = 4 << 30;
/// Requests of one call; beyond it a tool is a crawler.
pub const MAX_HTTP_PER_CALL: u32 = 10_000;
/// Requests of one session in a minute: a thousand a second bounds nothing any more.
pub const MAX_HTTP_PER_MINUTE: u32 = 60_000;
/// Requests of one session at once: each has a connection.
pub const MAX_HTTP_CONCURRENT: u32 = 256;
/// Browsers give up after twenty; five is more than any API needs.
pub const MAX_HTTP_REDIRECTS: u8 = 5;
/// Bytes of egress in a session's whole life: beyond it nobody counts.
pub const MAX_BUDGET_EGRESS_BYTES: u64 = 1 << 40;
