//! Schemas that are no JSON, and no object.
#![forbid(unsafe_code)]

use hostile_list::{listing, tool};

listing!({
    let mut broken = tool("broken");
    broken.input_schema = r#"{"type":"object""#.into();
    let mut text = tool("text");
    text.input_schema = r#"{"type":"string"}"#.into();
    vec![broken, text]
});
