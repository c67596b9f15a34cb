//! The attacks, as data.

/// One way to get at the neighbours.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attack {
    /// Its name in the report.
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// A tool is called in so many calls at once. Each lasts until it is cancelled.
    Lasting { tool: &'static str, arguments: &'static str, at_once: usize },
    /// A tool is called in so many calls at once, each again and again: one is over soon.
    Again { tool: &'static str, arguments: &'static str, at_once: usize },
    /// The runner that serves the session is killed again and again.
    KilledRunner,
    /// Components that take long to compile are registered, one after the other.
    Registrations,
    /// Requests to the hub that are never finished.
    HalfRequests,
    /// Sessions, each with a container of its own, are begun and ended again and again.
    Sessions,
}

const fn lasting(name: &'static str, tool: &'static str, arguments: &'static str, at_once: usize) -> Attack {
    Attack { name, kind: Kind::Lasting { tool, arguments, at_once } }
}

const fn again(name: &'static str, tool: &'static str, arguments: &'static str, at_once: usize) -> Attack {
    Attack { name, kind: Kind::Again { tool, arguments, at_once } }
}

/// Four is what a session may do at once here.
#[rustfmt::skip]
pub(crate) const CALLS_FROM_A_SESSION: [Attack; 24] = [
    lasting("spin",                   "attack_spin_forever",         "{}", 1),
    lasting("spin in every place",    "attack_spin_forever",         "{}", 4),
    lasting("spin in the clock",      "attack_spin_with_host_calls", r#"{"call":"clock"}"#, 4),
    lasting("spin in random bytes",   "attack_spin_with_host_calls", r#"{"call":"random"}"#, 4),
    lasting("spin in polls",          "attack_spin_with_host_calls", r#"{"call":"poll"}"#, 4),
    lasting("sleep in every place",   "attack_sleep_forever",        "{}", 4),
    again("memory, refused",          "attack_allocate_memory",      r#"{"how":"small"}"#, 4),
    again("memory, insisted on",      "attack_allocate_memory",      r#"{"how":"abort"}"#, 4),
    again("recursion in calls",       "attack_recurse",              r#"{"stack":"calls"}"#, 2),
    again("recursion in memory",      "attack_recurse",              r#"{"stack":"memory"}"#, 2),
    again("handles",                  "attack_many_handles",         "{}", 4),
    again("timers",                   "attack_many_timers",          "{}", 4),
    again("random bytes",             "attack_huge_random",          "{}", 4),
    again("trap",                     "attack_trap",                 "{}", 4),
    again("exit",                     "attack_exit_process",         "{}", 4),
    again("log flood",                "attack_flood_log",            r#"{"n":8388608}"#, 2),
    again("progress, nobody reads",   "attack_flood_progress",       r#"{"n":100000}"#, 2),
    again("huge result",              "attack_huge_result",          r#"{"n":16777216}"#, 2),
    again("many blocks",              "attack_many_blocks",          r#"{"n":200000}"#, 2),
    again("deep JSON",                "attack_deep_json",            r#"{"n":100000}"#, 4),
    again("forged frames",            "attack_forge_protocol",       "{}", 4),
    again("a pipe nobody writes to",  "attack_open_fifo",            r#"{"path":"/workspace/fifo"}"#, 4),
    again("a directory of thousands", "files_list",                  r#"{"path":"many"}"#, 4),
    again("files without end",        "attack_fill_directory",       r#"{"path":"/workspace/filled","max_bytes":262144,"files":64}"#, 2),
];

/// Not one session's calls.
pub(crate) const FROM_OUTSIDE: [Attack; 4] = [
    Attack { name: "a runner that crashes", kind: Kind::KilledRunner },
    Attack { name: "components that compile for long", kind: Kind::Registrations },
    Attack { name: "requests that never end", kind: Kind::HalfRequests },
    Attack { name: "sessions begun and ended", kind: Kind::Sessions },
];
