//! The values that labels can have.

use manifest::Tier;

/// The names and values of a cell's labels.
pub(super) type Set = Vec<(&'static str, &'static str)>;

/// One label: a closed set of values.
pub(super) trait Label: Copy + 'static {
    /// Its name.
    const KEY: &'static str;
    /// Its values, in the order of their places.
    const ALL: &'static [Self];
    /// Its place among them.
    fn place(self) -> usize;
    /// As the collector sees it.
    fn word(self) -> &'static str;
}

/// All labels of a metric.
pub(crate) trait Labels: Copy {
    /// Every combination, in the order of their places.
    fn all() -> Vec<Self>;
    /// The place among them.
    fn place(self) -> usize;
    /// As the collector sees it.
    fn set(self) -> Vec<(&'static str, &'static str)>;
}

impl<A: Label> Labels for A {
    fn all() -> Vec<Self> {
        A::ALL.to_vec()
    }

    fn place(self) -> usize {
        Label::place(self)
    }

    fn set(self) -> Set {
        vec![(A::KEY, self.word())]
    }
}

impl<A: Label, B: Label> Labels for (A, B) {
    fn all() -> Vec<Self> {
        A::ALL.iter().flat_map(|a| B::ALL.iter().map(|b| (*a, *b))).collect()
    }

    fn place(self) -> usize {
        Label::place(self.0) * B::ALL.len() + Label::place(self.1)
    }

    fn set(self) -> Set {
        vec![(A::KEY, self.0.word()), (B::KEY, self.1.word())]
    }
}

macro_rules! label {
    ($(#[$doc:meta])* $name:ident, $key:literal: $($(#[$of:meta])* $value:ident = $word:literal),+ $(,)?) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(crate) enum $name { $($(#[$of])* $value),+ }

        impl Label for $name {
            const KEY: &'static str = $key;
            const ALL: &'static [Self] = &[$(Self::$value),+];

            fn place(self) -> usize {
                self as usize
            }

            fn word(self) -> &'static str {
                match self { $(Self::$value => $word),+ }
            }
        }
    };
}

label! {
    /// How a call ended.
    Outcome, "outcome":
    /// With the tool's answer.
    Answered = "answered",
    /// With the tool's answer, which says that it failed.
    Failed = "failed",
    Denied = "denied",
    Limit = "limit",
    Broken = "broken",
    Cancelled = "cancelled",
}

label! {
    /// The tier of a tool.
    TierOf, "tier":
    User = "user",
    Write = "write",
    Admin = "admin",
    Critical = "critical",
    /// The manifest has no such tool, or nobody looked.
    Unknown = "none",
}

label! {
    /// Why a call was stopped: before its tool ran, but for `runner` and `withdrawn`.
    Reason, "reason":
    /// The manifest has no such tool, or no component has it.
    UnknownTool = "unknown_tool",
    /// The caller's profile does not show it.
    Profile = "profile",
    /// This hub was started without its tier.
    Tier = "tier",
    /// The token lacks its tier's scope.
    Scope = "scope",
    /// Its tier needs an approval.
    Approval = "approval",
    /// Calls in an hour.
    Rate = "rate",
    /// What a session has for its whole life.
    Budget = "budget",
    /// The session repeats itself, and waits for an operator.
    Paused = "paused",
    /// Calls at once.
    Concurrency = "concurrency",
    /// Sessions of one principal.
    Sessions = "sessions",
    /// The token is not in force.
    NotInForce = "not_in_force",
    /// The hub stops.
    Draining = "draining",
    /// They are too large, or no JSON object.
    Arguments = "arguments",
    /// It could not be recorded.
    Audit = "audit",
    /// Its runner refused it: the arguments do not fit the schema, or the ticket does not have the tool.
    Runner = "runner",
    /// What it was granted was taken back while it ran.
    Withdrawn = "withdrawn",
    /// An operator has stopped everything.
    Stopped = "stopped",
    /// The hub's own upkeep does not run.
    Upkeep = "upkeep",
}

label! {
    /// A bound, by its name in the manifest where it has one.
    LimitOf, "limit":
    Memory = "memory_bytes",
    Cpu = "cpu_ms",
    Deadline = "deadline_ms",
    ArgumentsBytes = "arguments_bytes",
    ArgumentsDepth = "arguments_depth",
    ArgumentsValues = "arguments_values",
    ResultBytes = "result_bytes",
    ResultDepth = "result_depth",
    ResultValues = "result_values",
    Handles = "handles",
    Stack = "stack_bytes",
    HostCall = "host_call_bytes",
    Concurrency = "concurrent_calls",
    Rate = "calls_per_hour",
    PrincipalRate = "principal_calls_per_hour",
    BudgetCalls = "budget_calls",
    BudgetWall = "budget_wall_s",
    Sessions = "sessions_per_principal",
    ContainerMemory = "container_memory_bytes",
    RunnerSilence = "runner_silence_s",
    /// One that this list does not have yet.
    Other = "other",
}

label! {
    /// For whom a container was started.
    Origin, "for":
    /// Ahead of time, to wait.
    Parked = "parked",
    /// For a call that waits, since none was parked.
    Cold = "cold",
}

label! {
    /// What became of a start.
    Started, "result":
    Ok = "ok",
    Failed = "failed",
}

label! {
    /// Why a runner ended.
    Cause, "cause":
    /// Its owner had no more use for it.
    Released = "released",
    /// It broke the protocol.
    Violation = "violation",
    /// It did not end a call in time.
    Deadline = "deadline",
    NoHello = "no_hello",
    NotReady = "not_ready",
    /// It refused its ticket.
    Refused = "refused",
    /// It ended by itself.
    StreamEnded = "stream_ended",
    /// Its streams failed.
    Stream = "stream",
    /// A fault of the hub's.
    Fault = "fault",
    /// The red button ended it.
    TakenBack = "taken_back",
    /// It answered no ping.
    Silent = "silent",
    /// Its container was too old.
    Lifetime = "lifetime",
}

label! {
    /// What a manifest was put in force by.
    Apply, "kind":
    Apply = "apply",
    Rollback = "rollback",
    /// A component that was registered, and locked in.
    Component = "component",
}

label! {
    /// Whether it was.
    Verdict, "result":
    Ok = "ok",
    Refused = "refused",
}

label! {
    /// What became of a span.
    Fate, "result":
    Exported = "exported",
    /// The queue was full.
    Dropped = "dropped",
    /// The collector did not take it, or not in time.
    Failed = "failed",
}

label! {
    /// How a request of a tool's ended.
    Request, "outcome":
    Answered = "answered",
    /// Not granted, or nothing that may be asked for.
    Denied = "denied",
    /// There was no answer, or it was withheld.
    Failed = "failed",
    /// The tool wanted no more of it.
    Dropped = "dropped",
}

label! {
    /// Where bytes went.
    Direction, "direction":
    Sent = "sent",
    Received = "received",
}

label! {
    /// What was done about a secret on its way.
    Leak, "action":
    Removed = "removed",
    /// The request, or the call, was ended.
    Ended = "ended",
    /// It only looked like one.
    Warned = "warned",
}

impl From<Option<Tier>> for TierOf {
    fn from(tier: Option<Tier>) -> Self {
        match tier {
            Some(Tier::User) => Self::User,
            Some(Tier::Write) => Self::Write,
            Some(Tier::Admin) => Self::Admin,
            Some(Tier::Critical) => Self::Critical,
            None => Self::Unknown,
        }
    }
}

impl LimitOf {
    /// By its name in an answer.
    pub(super) fn named(name: &str) -> Self {
        Self::ALL.iter().copied().find(|limit| limit.word() == name).unwrap_or(Self::Other)
    }
}
