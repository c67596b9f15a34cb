//! More tools than anybody shows a model.
#![forbid(unsafe_code)]

use hostile_list::{listing, tool};

listing!((0..100_000).map(|n| tool(&format!("listed_{n}"))).collect());
