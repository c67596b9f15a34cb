//! Traps when it is asked for its tools.
#![forbid(unsafe_code)]

use hostile_list::{listing, tool};

listing!({
    let _ = tool;
    std::process::abort()
});
