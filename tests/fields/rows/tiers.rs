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
        field: "tiers.TIER.principal_calls_per_hour",
        name: "three an hour for two sessions",
        change: &[(
            "calls_per_hour = 6000\nprincipal_calls_per_hour = 7000",
            "calls_per_hour = 2\nprincipal_calls_per_hour = 3",
        )],
        eye: Eye::Sessions("look", 2),
        before: "4 of 4",
        after: "3 of 4, then limit principal_calls_per_hour = 3",
    },
    Case {
        field: "tiers.TIER.loop_after",
        name: "three times the same",
        change: &[("loop_after = 500", "loop_after = 3")],
        eye: Eye::Calls("look_too", 5),
        before: "5 of 5",
        after: "3 of 5, then denied: paused after 3 identical calls with identical results",
    },
    Case {
        field: "tiers.TIER.budget",
        name: "a budget of nothing",
        change: &[("[tiers.user.budget]\ncalls = 60000\nwall = \"10h\"\n", "[tiers.user.budget]\n")],
        eye: Eye::Reader,
        before: "reads",
        after: "`tiers.user.budget` bounds nothing",
    },
    Case {
        field: "tiers.TIER.budget.calls",
        name: "two in all",
        change: &[("calls = 60000", "calls = 2")],
        eye: Eye::Calls("look", 3),
        before: "3 of 3",
        after: "2 of 3, then limit budget_calls = 2",
    },
    Case {
        field: "tiers.TIER.budget.wall",
        name: "used up by one call",
        change: &[("wall = \"10h\"", "wall = \"1s\"")],
        eye: Eye::Long("take"),
        before: "taken",
        after: "limit budget_wall_s = 1",
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
