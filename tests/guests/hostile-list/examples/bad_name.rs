//! A name that no tool may have: with a slash, an escape and a space.
#![forbid(unsafe_code)]

use hostile_list::{listing, tool};

listing!(vec![tool("../listed \u{1b}[2J")]);
