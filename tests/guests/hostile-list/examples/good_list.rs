//! The control: a list that is accepted, so that the others are refused for what they say.
#![forbid(unsafe_code)]

use hostile_list::{listing, tool};

listing!(vec![tool("listed")]);
