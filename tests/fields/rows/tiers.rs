//! Tiers.

use crate::fields::case::{Case, Eye};

pub(super) const CASES: &[Case] = &[
    Case {
        field: "tiers.TIER.concurrent_calls",
        name: "one at a time",
        change: &[("concurrent_calls = 8\ncalls_per_hour = 6000", "concurrent_calls = 1\ncalls_per_hour = 6000")],
        eye: Eye::Second("take"),
        before: "taken",
        after: "limit concurrent_calls = 1",
    },
    Case {
        field: "tiers.TIER.calls_per_hour",
        name: "two an hour",
        change: &[("calls_per_hour = 6000", "calls_per_hour = 2")],
        eye: Eye::Calls("look", 3),
        before: "3 of 3",
        after: "2 of 3, then limit calls_per_hour = 2",
    },
    Case {
        field: "tiers.TIER.idle",
        name: "a short idle time",
        change: &[(r#"idle = "15min""#, r#"idle = "3s""#), (r#"deadline = "60s""#, r#"deadline = "2s""#)],
        eye: Eye::Idle("take"),
        before: "1",
        after: "2",
    },
    Case {
        field: "tiers.TIER.runtime",
        name: "gVisor",
        change: &[(r#"runtime = "runc""#, r#"runtime = "runsc""#)],
        eye: Eye::Runtime("look"),
        before: "runc",
        after: "runsc",
    },
    Case {
        field: "tiers.TIER.approvers",
        name: "another approver",
        change: &[(r#"approvers = ["ana"]"#, r#"approvers = ["ben"]"#)],
        eye: Eye::Explained("greet", "approvers"),
        before: "ana",
        after: "ben",
    },
    Case {
        field: "tiers.TIER.ceiling",
        name: "no ceiling",
        change: &[(
            "[tiers.admin.ceiling]\nlimits = { memory = \"16MiB\", cpu = \"1s\", deadline = \"80s\", arguments = \"1KiB\", result = \"1KiB\", log = \"1KiB\", handles = 100 }\n",
            "",
        )],
        eye: Eye::Reader,
        before: "reads",
        after: "`tiers.admin` has no `ceiling`",
    },
];
