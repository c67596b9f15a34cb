//! A schema that refers to itself and never comes to an end.
#![forbid(unsafe_code)]

use hostile_list::{listing, tool};

listing!({
    let mut looping = tool("looping");
    looping.input_schema = r##"{"type":"object","allOf":[{"$ref":"#"}]}"##.into();
    vec![looping]
});
