//! How a call ended and what it cost, and where its words go while it runs.

use crate::answer::Answer;
use std::fmt;
use std::time::Duration;

/// The end of one call. Whatever it was, its store is gone.
#[derive(Debug, Clone, PartialEq)]
pub struct CallReport {
    /// How it ended.
    pub end: CallEnd,
    /// From before the instance was made until the result was read.
    pub wall: Duration,
    /// CPU time of the thread while it worked for this call, guest and host calls.
    pub cpu: Duration,
    /// The most that memories and tables of the instance had together, bytes.
    pub peak_memory: u64,
    /// Bytes of output and log that were over `log_bytes` or over the rate, and were not passed on.
    pub log_dropped: u64,
}

/// The ways a call ends.
#[derive(Debug, Clone, PartialEq)]
pub enum CallEnd {
    /// The tool worked.
    Complete(Answer),
    /// The tool says that it failed; the agent sees the blocks.
    Failed(Answer),
    /// The tool wants more input: guest text.
    InputRequired(String),
    /// A bound was hit.
    Limit(LimitHit),
    /// A trap, or a fault of the engine: the chain of causes, at most 2 KiB, for the log only.
    Trap(String),
}

/// Why a component could not be asked for its tools.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallFailure {
    /// A bound was hit.
    #[error("{0}")]
    Limit(LimitHit),
    /// A trap, or a fault of the engine.
    #[error("it ended in a trap: {0}")]
    Trap(String),
}

/// Which bound, and its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitHit {
    /// Which.
    pub which: LimitKind,
    /// Its value, in the unit of its name.
    pub value: u64,
}

/// The bounds that the engine enforces on a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LimitKind {
    /// `memory_bytes`: memories and tables, summed over the instance.
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
    /// The guest's call stack, bytes.
    Stack,
    /// Bytes that one host call may carry out of the guest.
    HostCall,
    /// Instances at once in this engine: the caller admitted more calls than it has slots.
    Concurrency,
}

impl fmt::Display for LimitHit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.which {
            LimitKind::Memory => "memory_bytes",
            LimitKind::Cpu => "cpu_ms",
            LimitKind::Deadline => "deadline_ms",
            LimitKind::Arguments => "arguments_bytes",
            LimitKind::Result => "result_bytes",
            LimitKind::Handles => "handles",
            LimitKind::Stack => "stack bytes",
            LimitKind::HostCall => "bytes of one host call",
            LimitKind::Concurrency => "calls at once",
        };
        write!(f, "the limit of {name} = {} was hit", self.value)
    }
}

/// Where a line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogSource {
    /// Standard output of the guest.
    Stdout,
    /// Standard error of the guest.
    Stderr,
    /// `host.log` at this level, 0 (trace) to 4 (error).
    Message(u8),
}

/// Takes what a call says while it runs. Called on the thread that runs the guest, so it must not
/// block; everything is bounded before it comes here (bytes by `log_bytes`, progress to ten a second),
/// and nothing is cleaned.
pub trait CallSink: Send + 'static {
    /// One line of output, without its line feed, or one log message.
    fn log(&mut self, source: LogSource, text: &str);
    /// Progress: so far, of how much, in words (at most 1 KiB). The numbers are finite.
    fn progress(&mut self, progress: f64, total: Option<f64>, message: Option<&str>);
}
