//! No tool at all.
#![forbid(unsafe_code)]

use hostile_list::{listing, tool};

listing!({
    let _ = tool;
    Vec::new()
});
