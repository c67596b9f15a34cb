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

/// Grants of one tool, or of one ceiling: each pair of a tool's is compared.
pub const MAX_HTTP_GRANTS: usize = 32;
/// Paths, methods, ranges or media types of one grant: each pair of two grants' paths is compared.
pub const MAX_HTTP_LIST: usize = 64;
/// The body of a request, 1 GiB: it streams, and a deadline of ten minutes moves little more.
pub const MAX_HTTP_REQUEST_BYTES: u64 = 1 << 30;
/// Of a request that a person has to allow: its body is held whole until the answer is there.
pub const MAX_HTTP_APPROVED_BYTES: u64 = 1 << 20;
/// Below a kibibyte not even the text of an error fits.
pub const MIN_HTTP_RESPONSE_BYTES: u64 = 1 << 10;
/// The body of an answer, 4 GiB: it streams, and no deadline is long enough for much more.
pub const MAX_HTTP_RESPONSE_BYTES: u64 = 4 << 30;
/// Requests of one call: beyond it a tool crawls, and does not answer.
pub const MAX_HTTP_PER_CALL: u64 = 10_000;
/// Requests of one session in a minute: a thousand a second, beyond which it bounds nothing.
pub const MAX_HTTP_PER_MINUTE: u64 = 60_000;
/// Requests of one session at once: as many as a runner may have under way.
pub const MAX_HTTP_CONCURRENT: u64 = 256;
/// Redirects of one request: whoever needs more is being led around.
pub const MAX_HTTP_REDIRECTS: u64 = 5;
/// Egress of a session's whole life, 16 TiB: beyond it the rates alone bound it.
pub const MAX_BUDGET_EGRESS_BYTES: u64 = 16 << 40;

/// A request's body, where the ceiling says nothing: the text of an issue or of a file.
pub const HTTP_REQUEST_BYTES: u64 = 1 << 20;
/// An answer's body: a page of any API. A tool's own result is no longer.
pub const HTTP_RESPONSE_BYTES: u64 = 4 << 20;
/// Until the first byte: a server that thinks for longer is down.
pub const HTTP_FIRST_BYTE_MS: u64 = 10_000;
/// Until the last one; never longer than a call may take.
pub const HTTP_TOTAL_MS: u64 = 30_000;
/// Requests of one call: a few pages of a list.
pub const HTTP_PER_CALL: u64 = 20;
/// Requests of one session in a minute: what an agent that reads along makes, and no crawler.
pub const HTTP_PER_MINUTE: u64 = 60;
/// Requests of one session at once.
pub const HTTP_CONCURRENT: u64 = 4;
