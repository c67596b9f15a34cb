//! Looks for files and environment when it is asked for its tools, and fails unless there are none.
#![forbid(unsafe_code)]

use hostile_list::{listing, tool};

listing!({
    let found =
        std::fs::read_dir("/").is_ok() || std::fs::read_dir("/workspace").is_ok() || std::env::vars().count() > 0;
    if found { vec![tool("found_something")] } else { vec![tool("found_nothing")] }
});
