//! Limits, seven of a tier and seven of a tool: a guest uses up more than the smaller one.

use crate::fields::case::{Case, Eye};

/// A tool that says nothing of its own has its tier's.
pub(super) const CEILING: &[Case] = &[
    Case {
        field: "tiers.TIER.ceiling.limits.memory",
        name: "half of it",
        change: &[(r#"memory = "32MiB""#, r#"memory = "8MiB""#)],
        eye: Eye::Call("take", r#"{"what":"memory","amount":16777216}"#),
        before: "taken",
        after: "failed: refused",
    },
    Case {
        field: "tiers.TIER.ceiling.limits.cpu",
        name: "half of it",
        change: &[(r#"cpu = "300ms""#, r#"cpu = "150ms""#)],
        eye: Eye::Call("take", r#"{"what":"cpu"}"#),
        before: "limit cpu_ms = 300",
        after: "limit cpu_ms = 150",
    },
    Case {
        field: "tiers.TIER.ceiling.limits.deadline",
        name: "before the wait is over",
        change: &[(r#"deadline = "60s""#, r#"deadline = "500ms""#)],
        eye: Eye::Call("take", r#"{"what":"time","amount":1500}"#),
        before: "taken",
        after: "limit deadline_ms = 500",
    },
    Case {
        field: "tiers.TIER.ceiling.limits.arguments",
        name: "shorter than what is sent",
        change: &[(r#"arguments = "8KiB""#, r#"arguments = "2KiB""#)],
        eye: Eye::LongArguments("take", 4_096),
        before: "taken",
        after: "limit arguments_bytes = 2048",
    },
    Case {
        field: "tiers.TIER.ceiling.limits.result",
        name: "shorter than what is answered",
        change: &[(r#"result = "8KiB""#, r#"result = "2KiB""#)],
        eye: Eye::Call("take", r#"{"what":"result","amount":4096}"#),
        before: "4096 characters",
        after: "limit result_bytes = 2048",
    },
    Case {
        field: "tiers.TIER.ceiling.limits.log",
        name: "shorter than what is logged",
        change: &[(r#"log = "8KiB""#, r#"log = "2KiB""#)],
        eye: Eye::Log("take", 4_000),
        before: "all of it",
        after: "some of it",
    },
    Case {
        field: "tiers.TIER.ceiling.limits.handles",
        name: "fewer than are opened",
        change: &[("handles = 200", "handles = 50")],
        eye: Eye::Call("take", r#"{"what":"handles","amount":50}"#),
        before: "taken",
        after: "limit handles = 50",
    },
];

/// A tool's own.
pub(super) const TOOL: &[Case] = &[
    Case {
        field: "tools.NAME.limits.memory",
        name: "half of it",
        change: &[(r#"memory = "24MiB""#, r#"memory = "8MiB""#)],
        eye: Eye::Call("take_too", r#"{"what":"memory","amount":16777216}"#),
        before: "taken",
        after: "failed: refused",
    },
    Case {
        field: "tools.NAME.limits.cpu",
        name: "half of it",
        change: &[(r#"cpu = "250ms""#, r#"cpu = "120ms""#)],
        eye: Eye::Call("take_too", r#"{"what":"cpu"}"#),
        before: "limit cpu_ms = 250",
        after: "limit cpu_ms = 120",
    },
    Case {
        field: "tools.NAME.limits.deadline",
        name: "before the wait is over",
        change: &[(r#"deadline = "50s""#, r#"deadline = "400ms""#)],
        eye: Eye::Call("take_too", r#"{"what":"time","amount":1500}"#),
        before: "taken",
        after: "limit deadline_ms = 400",
    },
    Case {
        field: "tools.NAME.limits.arguments",
        name: "shorter than what is sent",
        change: &[(r#"arguments = "6KiB""#, r#"arguments = "1KiB""#)],
        eye: Eye::LongArguments("take_too", 4_096),
        before: "taken",
        after: "limit arguments_bytes = 1024",
    },
    Case {
        field: "tools.NAME.limits.result",
        name: "shorter than what is answered",
        change: &[(r#"result = "6KiB""#, r#"result = "1KiB""#)],
        eye: Eye::Call("take_too", r#"{"what":"result","amount":4096}"#),
        before: "4096 characters",
        after: "limit result_bytes = 1024",
    },
    Case {
        field: "tools.NAME.limits.log",
        name: "shorter than what is logged",
        change: &[(r#"log = "6KiB""#, r#"log = "1KiB""#)],
        eye: Eye::Log("take_too", 4_000),
        before: "all of it",
        after: "some of it",
    },
    Case {
        field: "tools.NAME.limits.handles",
        name: "fewer than are opened",
        change: &[("handles = 150", "handles = 40")],
        eye: Eye::Call("take_too", r#"{"what":"handles","amount":50}"#),
        before: "taken",
        after: "limit handles = 40",
    },
];
