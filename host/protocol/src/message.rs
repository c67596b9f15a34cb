//! The messages, in both directions. Every enum is closed: a tag that is not here ends the connection.

use crate::few::{MAX_CONTENT_BLOCKS, MAX_FINDINGS, MAX_NAMES, described, few};
use crate::http::{FromHttp, ToHttp};
use manifest::{Digest, ToolName};
use serde::{Deserialize, Serialize};

/// Said in `Hello`; two programs that differ here do not talk.
pub const VERSION: u16 = 3;

/// The longest frame, checked before anything is allocated for it. Bounds what a lying runner can make
/// the hub hold for one message.
pub const MAX_FRAME_BYTES: usize = 8 << 20;

/// The longest hello: a few dozen findings, each of them a line. Whoever says hello has shown nothing yet, and
/// a hub that parks many runners keeps as many hellos.
pub const MAX_HELLO_BYTES: usize = 64 << 10;

/// The steps of the lockdown that every hello names: a runner that does not even claim them is another program.
/// That they were taken the hub cannot see; nothing that it decides rests on them.
pub const LOCKDOWN_STEPS: [&str; 5] = ["descriptors", "environment", "dumpable", "landlock", "seccomp"];

/// Names a call on one connection; chosen by the hub, never used twice.
pub type CallId = u64;

/// Hub to runner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ToRunner {
    /// What the runner may do from now on: a JWS in compact form, see [`crate::Ticket`].
    Ticket(String),
    /// Run a tool.
    Call(Call),
    /// Stop a call; the guest is interrupted, and `Done` says so.
    Cancel(CallId),
    /// Ask a component of the ticket for its tools (registration only: the ticket has no tools).
    Describe(CallId, Digest),
    /// Say `Pong` with this number: at any moment after the hello, also while guests run.
    Ping(u64),
    /// Of a request that the runner made for a call.
    Http(ToHttp),
}

/// One call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// Its id.
    pub id: CallId,
    /// Which tool of the ticket.
    pub tool: ToolName,
    /// The arguments as JSON text, a JSON object.
    pub arguments: String,
}

/// Runner to hub.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum FromRunner {
    /// The first message.
    Hello(Hello),
    /// The ticket with this serial was verified, its artefacts are mapped, nothing more can be mapped.
    Ready(u64),
    /// The ticket was refused; the runner ends.
    Refused(String),
    /// Progress of a call.
    Progress(Progress),
    /// Something a call wrote: a log message, or a line of standard output or error.
    Log(Log),
    /// A call ended.
    Done(Done),
    /// Answer to `Describe`.
    Described(CallId, #[serde(deserialize_with = "described")] Result<Vec<ToolDescription>, String>),
    /// Answer to `Ping`.
    Pong(u64),
    /// A guest asks for something outside.
    Http(FromHttp),
}

/// What a runner says of itself before it is trusted with anything.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    /// [`VERSION`].
    pub version: u16,
    /// 32 random bytes; the ticket must repeat them, so that no ticket serves twice.
    pub nonce: [u8; 32],
    /// What the self-test found and which lockdown was applied.
    pub posture: InsidePosture,
}

/// The container as read from inside, by the runner, before it locked itself down.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InsidePosture {
    /// Findings for people and tests: name (`CapEff`, `NoNewPrivs`, `root`, `pids.max`, …) and value.
    #[serde(deserialize_with = "few::<_, _, MAX_FINDINGS>")]
    pub facts: Vec<(String, String)>,
    /// Forbidden things that the self-test tried: name and the error each ended in. One that had
    /// succeeded would have ended the runner before this message.
    #[serde(deserialize_with = "few::<_, _, MAX_FINDINGS>")]
    pub self_test: Vec<(String, String)>,
    /// Lockdown steps: name and what was applied (`landlock`: `ABI 7, fully enforced`).
    #[serde(deserialize_with = "few::<_, _, MAX_FINDINGS>")]
    pub lockdown: Vec<(String, String)>,
}

/// Progress of a call; `message` is guest text, the hub cleans it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// The call.
    pub id: CallId,
    /// So far.
    pub progress: f64,
    /// Of how much.
    pub total: Option<f64>,
    /// In words.
    pub message: Option<String>,
}

/// Where a log line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogSource {
    /// Standard output of the guest.
    Stdout,
    /// Standard error of the guest.
    Stderr,
    /// `host.log` at this level, 0 (trace) to 4 (error).
    Message(u8),
}

/// Text that a call wrote; guest text, bounded by the runner, cleaned by the hub.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Log {
    /// The call.
    pub id: CallId,
    /// Where from.
    pub source: LogSource,
    /// The text.
    pub text: String,
}

/// The end of a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Done {
    /// The call.
    pub id: CallId,
    /// How it ended.
    pub outcome: Outcome,
    /// What it cost, reported by the runner: for display, never for budgets.
    pub usage: Usage,
}

/// The four ways a call ends (and cancelled, which the hub asked for).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    /// The tool answered.
    Answer(Answer),
    /// The ticket does not cover this call, or the runner will not do it. Nothing ran.
    Denied(String),
    /// A bound was hit: which, and its value.
    Limit(Limit, u64),
    /// A trap, or a fault of the engine; the chain of causes, for the log only.
    Broken(String),
    /// The hub cancelled it.
    Cancelled,
}

/// Which bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// `memory_bytes`
    Memory,
    /// `cpu_ms`
    Cpu,
    /// `deadline_ms`
    Deadline,
    /// `arguments_bytes`
    Arguments,
    /// `result_bytes`
    Result,
    /// `handles`
    Handles,
    /// The guest's call stack, in bytes.
    Stack,
    /// Bytes that one host call may carry out of the guest.
    HostCall,
    /// Calls at once.
    Concurrency,
}

/// What a tool answered. `is_error` means the tool itself says that it failed; the agent sees it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Answer {
    /// Blocks, in order.
    #[serde(deserialize_with = "few::<_, _, MAX_CONTENT_BLOCKS>")]
    pub content: Vec<Content>,
    /// JSON text, already checked against the tool's output schema.
    pub structured: Option<String>,
    /// The tool failed.
    pub is_error: bool,
}

/// One block of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Content {
    /// Text.
    Text(String),
    /// An image and its media type.
    Image(Vec<u8>, String),
    /// Sound and its media type.
    Audio(Vec<u8>, String),
    /// An embedded resource.
    Resource(Resource),
}

/// An embedded resource.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Resource {
    /// Its URI.
    pub uri: String,
    /// Its media type.
    pub mime_type: Option<String>,
    /// Text or bytes.
    pub body: ResourceBody,
}

/// The body of an embedded resource.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ResourceBody {
    /// UTF-8.
    Text(String),
    /// Anything.
    Blob(Vec<u8>),
}

/// Figures of one call, reported by the runner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Wall time, microseconds.
    pub wall_us: u64,
    /// CPU time, microseconds.
    pub cpu_us: u64,
    /// The most memory and tables the instance had, bytes.
    pub peak_memory_bytes: u64,
    /// Log bytes that were dropped because of `log_bytes`.
    pub log_dropped_bytes: u64,
}

/// A tool as its component describes it. All of it is guest text; schemas were checked for size, depth
/// and outside references by the runner, and the hub checks names and cleans the rest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolDescription {
    /// Its name.
    pub name: String,
    /// For people.
    pub title: Option<String>,
    /// For the model.
    pub description: String,
    /// JSON Schema 2020-12 text of the arguments, an object schema.
    pub input_schema: String,
    /// JSON Schema of the structured result.
    pub output_schema: Option<String>,
    /// Hints for display.
    pub hints: Hints,
}

/// MCP's annotations: hints for display, never an input to a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Hints {
    /// Changes nothing.
    pub read_only: Option<bool>,
    /// May destroy.
    pub destructive: Option<bool>,
    /// Twice is as once.
    pub idempotent: Option<bool>,
    /// Talks to the outside.
    pub open_world: Option<bool>,
}

/// Hub to compile program; the same frames. `Begin`, then chunks that add up to `bytes`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ToCompile {
    /// How many bytes of Wasm will come.
    Begin {
        /// The sum of all chunks.
        bytes: u64,
        /// Imports that the manifest lets link to a trap.
        trap_imports: Vec<String>,
        /// Whether the manifest grants HTTP to a tool of it: then `wasi:http` links.
        http: bool,
    },
    /// A part of it, at most 1 MiB.
    Chunk(Vec<u8>),
}

/// Compile program to hub: either `Refused`, or `Compiled` and chunks that add up to `bytes`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum FromCompile {
    /// The component was parsed and compiled.
    Compiled(Compiled),
    /// A part of the artefact, at most 1 MiB.
    Chunk(Vec<u8>),
    /// It will not be compiled: a sentence for the operator.
    Refused(String),
}

/// What the compile program found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compiled {
    /// The size of the artefact that follows.
    pub bytes: u64,
    /// Names what can load it: engine version, settings and processor baseline.
    pub compatibility: String,
    /// Instances the component imports, such as `wasi:filesystem/types@0.2.6`.
    #[serde(deserialize_with = "few::<_, _, MAX_NAMES>")]
    pub imports: Vec<String>,
    /// What it exports.
    #[serde(deserialize_with = "few::<_, _, MAX_NAMES>")]
    pub exports: Vec<String>,
}
