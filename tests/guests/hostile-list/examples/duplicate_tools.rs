//! Two tools with one name: which of them was reviewed?
#![forbid(unsafe_code)]

use hostile_list::{listing, tool};

listing!(vec![tool("listed"), tool("listed")]);
