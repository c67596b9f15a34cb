//! A pattern over which a backtracking engine runs for ever; a linear-time one may accept it.
#![forbid(unsafe_code)]

use hostile_list::{listing, tool};

listing!({
    let mut slow = tool("slow");
    slow.input_schema = r#"{"type":"object","properties":{"x":{"type":"string","pattern":"^(a+)+$"}}}"#.into();
    vec![slow]
});
