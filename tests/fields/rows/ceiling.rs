//! Ceilings: what a tool cannot be granted. A ceiling that was not held would let the tool below it stand.

use crate::fields::case::{Case, Eye};

const USER_FS: &str = "fs = [{ mount = \"work\", path = \"docs\", access = \"read\" }]\nenv = [\"COLOUR\"]";

pub(super) const CASES: &[Case] = &[
    Case {
        field: "tiers.TIER.ceiling.fs",
        name: "no directory",
        change: &[(USER_FS, "env = [\"COLOUR\"]")],
        eye: Eye::Reader,
        before: "reads",
        after: "`tools.look` is granted read in `work/docs`, and the ceiling of tier `user` grants nothing in mount `work`",
    },
    Case {
        field: "tiers.TIER.ceiling.env",
        name: "another variable",
        change: &[(r#"env = ["COLOUR"]"#, r#"env = ["TASTE"]"#)],
        eye: Eye::Reader,
        before: "reads",
        after: "`tools.look` is given the variable `COLOUR`, and the ceiling of tier `user` allows TASTE",
    },
    Case {
        field: "tiers.TIER.ceiling.clocks",
        name: "one clock less",
        change: &[(r#"clocks = ["wall", "monotonic"]"#, r#"clocks = ["monotonic"]"#)],
        eye: Eye::Reader,
        before: "reads",
        after: "`tools.look` is granted the wall clock, and the ceiling of tier `user` allows monotonic",
    },
    Case {
        field: "tiers.TIER.ceiling.http",
        name: "no host",
        change: &[(
            "http = [{ scheme = \"https\", host = \"*.example.com\", port = 443, methods = [\"GET\", \"DELETE\"], paths = [\"/a/**\"], request = \"2KiB\", response = \"64KiB\", first_byte = \"2s\", total = \"6s\", per_call = 8, per_minute = 16, concurrent = 4, content_types = [\"application/json\"], credential = \"key\", redirects = 2, private = [\"10.0.0.0/8\"], approve = [\"DELETE\"], record = \"digest\" }]\n",
            "",
        )],
        eye: Eye::Reader,
        before: "reads",
        after: "`tools.greet.http` is granted https://api.example.com, and the ceiling of tier `admin` grants no host",
    },
    Case {
        field: "tiers.TIER.ceiling.size",
        name: "small at most",
        change: &[("size = \"large\"\nrunner", "size = \"small\"\nrunner")],
        eye: Eye::Reader,
        before: "reads",
        after: "`tools.take` has size large, and the ceiling of tier `user` allows small",
    },
    Case {
        field: "tiers.TIER.ceiling.runner",
        name: "a runner for each call of the tier",
        change: &[(r#"runner = "session""#, r#"runner = "call""#), ("idle = \"15min\"\n", "")],
        eye: Eye::Runners("take"),
        before: "1",
        after: "2",
    },
    Case {
        field: "tiers.TIER.ceiling.limits",
        name: "no limits",
        change: &[(
            "limits = { memory = \"16MiB\", cpu = \"1s\", deadline = \"80s\", arguments = \"1KiB\", result = \"1KiB\", log = \"1KiB\", handles = 100 }\n",
            "",
        )],
        eye: Eye::Reader,
        before: "reads",
        after: "`tiers.admin.ceiling` has no `limits`",
    },
    Case {
        field: "tiers.TIER.ceiling.fs.mount",
        name: "another mount",
        change: &[(USER_FS, "fs = [{ mount = \"spare\", path = \"docs\", access = \"read\" }]\nenv = [\"COLOUR\"]")],
        eye: Eye::Reader,
        before: "reads",
        after: "`tools.look` is granted read in `work/docs`, and the ceiling of tier `user` grants nothing in mount `work`",
    },
    Case {
        field: "tiers.TIER.ceiling.fs.path",
        name: "a directory further down",
        change: &[(
            USER_FS,
            "fs = [{ mount = \"work\", path = \"docs/deep\", access = \"read\" }]\nenv = [\"COLOUR\"]",
        )],
        eye: Eye::Reader,
        before: "reads",
        after: "`tools.look` is granted read in `work/docs`, and the ceiling of tier `user` grants read in `work/docs/deep`",
    },
    Case {
        field: "tiers.TIER.ceiling.fs.access",
        name: "reading only",
        change: &[(r#"{ mount = "work", access = "write" }"#, r#"{ mount = "work", access = "read" }"#)],
        eye: Eye::Reader,
        before: "reads",
        after: "`tools.write` is granted write in `work/docs`, and the ceiling of tier `write` grants read in `work`",
    },
];
