//! A schema far over 64 KiB.
#![forbid(unsafe_code)]

use hostile_list::{listing, tool};

listing!({
    let mut huge = tool("huge");
    huge.input_schema = format!(r#"{{"type":"object","description":"{}"}}"#, "x".repeat(16 << 20));
    vec![huge]
});
