//! One case: what is changed in the manifest, who looks, and what must be seen before and after.

/// A change of one field that somebody sees. A field that is parsed and not enforced looks the same before
/// and after, and its case fails.
pub(super) struct Case {
    /// The field: its table, as `manifest::fields` names it, and its name.
    pub(super) field: &'static str,
    /// What manifests/README.md calls this case.
    pub(super) name: &'static str,
    /// Texts that stand in base.toml once, and what stands there instead.
    pub(super) change: &'static [(&'static str, &'static str)],
    pub(super) eye: Eye,
    pub(super) before: &'static str,
    pub(super) after: &'static str,
}

/// Who looks.
#[derive(Debug, Clone, Copy)]
pub(super) enum Eye {
    /// The reader: `reads`, or the first thing that it says is wrong.
    Reader,
    /// A guest: how a call of this tool with these arguments ends.
    Call(&'static str, &'static str),
    /// A guest: this part of a structured result.
    Result(&'static str, &'static str, &'static str),
    /// A guest that is called with so many bytes of arguments.
    LongArguments(&'static str, usize),
    /// A guest that logs so many bytes: whether all were kept.
    Log(&'static str, usize),
    /// An agent: so many calls one after the other, and how many were answered.
    Calls(&'static str, usize),
    /// An agent with two sessions: so many calls in each, and how many were answered.
    Sessions(&'static str, usize),
    /// An agent: a call after one that took more than a second.
    Long(&'static str),
    /// An agent: a call while another one waits.
    Second(&'static str),
    /// An agent: the tools that this profile shows.
    Listed(&'static str),
    /// The hub's health.
    Health(&'static str),
    /// The audit log: in how many runners two calls of this tool ran.
    Runners(&'static str),
    /// The audit log: what it has of these arguments.
    Recorded(&'static str, &'static str),
    /// The container of this tool, from inside.
    Inside(&'static str, &'static str),
    /// The operator, over the hub's socket: this part of what is shown of a tool.
    View(&'static str, &'static str),
    /// The operator: the value that `explain` gives under this word.
    Explained(&'static str, &'static str),
    /// The operator, registering this guest.
    Register(&'static str),
    /// The audit log: in how many runners two calls of this tool ran, some seconds apart.
    Idle(&'static str),
    /// The posture of this tool's container, or the refusal to start without its runtime.
    Runtime(&'static str),
}
