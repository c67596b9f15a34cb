//! Spins when it is asked for its tools.
#![forbid(unsafe_code)]

use hostile_list::{listing, tool};

listing!(loop {
    std::hint::black_box(tool);
});
